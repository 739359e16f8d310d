"""One trial of a search: a MIL classifier trained on all inner folds, one epoch at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from wholescript.data.films.folds import Fold
from wholescript.models.films.task import Task
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.training.loop import HistoryRow, fit
from wholescript.training.progress import read_metadata
from wholescript.training.seeds import derive_seed

VAL_METRICS = ("val_loss", "val_auc")


def iter_trial_epochs(
    estimator: MILClassifier, task: Task, folds: Sequence[Fold], folder: Path, *, seed: int
) -> Iterator[HistoryRow]:
    """Yield `epoch` and the means over the folds of `val_loss` and `val_auc` after each epoch.

    The scores of a fold are those of its best epoch so far. All folds are trained for an epoch
    before the next, so that a scheduler can compare trials. Each fold has a checkpoint in `folder`:
    a restarted trial yields the same rows again and continues after them.
    """
    folds_until = [
        _resumable_fold(estimator, task, fold, folder / f"fold-{fold.fold}.safetensors", seed)
        for fold in folds
    ]
    for epoch in range(1, estimator.train_config.epochs + 1):
        histories = [train_until(epoch) for train_until in folds_until]
        if all(len(history) < epoch for history in histories):
            return
        best = [min(history, key=lambda row: row["val_loss"]) for history in histories]
        means = {name: float(np.mean([row[name] for row in best])) for name in VAL_METRICS}
        yield {"epoch": epoch, **means}


class _EpochEnded(Exception):
    """Interrupts `fit` at the end of an epoch, after its checkpoint is written."""


def _stop_fit(_: HistoryRow) -> None:
    raise _EpochEnded


def _resumable_fold(
    estimator: MILClassifier, task: Task, fold: Fold, path: Path, seed: int
) -> Callable[[int], list[HistoryRow]]:
    """Return a function that trains on a fold up to an epoch and returns the history so far."""
    train_loader, val_loader = estimator.loaders(task, fold.train, fold.train, fold.test)
    fold_seed = derive_seed(seed, fold.fold)

    def history() -> list[HistoryRow]:
        metadata = read_metadata(path)
        return metadata["history"] if metadata else []

    def train_until(epoch: int) -> list[HistoryRow]:
        if len(history()) < epoch:
            torch.manual_seed(fold_seed)
            model = estimator.build()
            with suppress(_EpochEnded):
                fit(
                    model,
                    train_loader,
                    val_loader,
                    estimator.train_config,
                    seed=fold_seed,
                    checkpoint=path,
                    on_epoch_end=_stop_fit,
                )
        return history()[:epoch]

    return train_until
