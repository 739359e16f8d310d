"""One trial of a search: an aggregator trained on all inner folds, an epoch at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import torch

from wholescript.data.films.folds import Fold
from wholescript.models.task import Task
from wholescript.studies.screenplays.models.aggregation import MILClassifier
from wholescript.training.checkpoint import read_metadata
from wholescript.training.loop import HistoryRow, fit

VAL_METRICS = ("held_out_loss", "held_out_auc")


def iter_trial_epochs(
    estimator: MILClassifier, task: Task, folds: Sequence[Fold], folder: Path, *, seed: int
) -> Iterator[HistoryRow]:
    """Yield `epoch` and the mean over the folds of the held-out loss and AUC after each epoch.

    The scores of a fold are those of its best epoch so far, whose weights a fit would keep. The
    folds go in step, so that all have been trained as long when a scheduler compares trials; each
    keeps its checkpoint in `folder`, and a trial that is begun again yields what it had, and goes
    on from there.
    """
    trained = [
        _resumable_fold(estimator, task, fold, folder / f"fold-{fold.fold}.safetensors", seed)
        for fold in folds
    ]
    for epoch in range(1, estimator.training.epochs + 1):
        histories = [train_until(epoch) for train_until in trained]
        if all(len(history) < epoch for history in histories):
            return
        best = [min(history, key=lambda row: row["held_out_loss"]) for history in histories]
        means = {name: float(np.mean([row[name] for row in best])) for name in VAL_METRICS}
        yield {"epoch": epoch, **means}


class _EpochEnded(Exception):
    """Leaves a fit at the end of an epoch: its checkpoint is written, and goes on from there."""


def _stop_fit(_: HistoryRow) -> None:
    raise _EpochEnded


def _resumable_fold(
    estimator: MILClassifier, task: Task, fold: Fold, path: Path, seed: int
) -> Callable[[int], list[HistoryRow]]:
    """Return a function that trains on a fold until an epoch, and returns its history so far."""
    training, val_loader = estimator.batches(task, fold.train, fold.train, fold.test)
    fold_seed = int(np.random.SeedSequence([seed, fold.fold]).generate_state(1)[0])

    def history() -> list[HistoryRow]:
        metadata = read_metadata(path)
        return metadata["history"] if metadata else []

    def train_until(epoch: int) -> list[HistoryRow]:
        if len(history()) < epoch:
            torch.manual_seed(fold_seed)
            model = estimator.build()
            train = partial(fit, model, training, val_loader, estimator.training, seed=fold_seed)
            with suppress(_EpochEnded):
                train(checkpoint=path, on_epoch_end=_stop_fit)
        return history()[:epoch]

    return train_until
