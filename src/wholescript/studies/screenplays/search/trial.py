"""One trial of a search: an aggregator trained on all inner folds, an epoch at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import torch

from wholescript.data.films.folds import Fold
from wholescript.models.task import Task
from wholescript.studies.screenplays.models.aggregation import Aggregation
from wholescript.training.checkpoint import read_note
from wholescript.training.loop import Row, fit

SCORES = ("held_out_loss", "held_out_auc")


def epochs_of_trial(
    estimator: Aggregation, task: Task, folds: Sequence[Fold], folder: Path, *, seed: int
) -> Iterator[Row]:
    """Yield `epoch` and the mean over the folds of the held-out loss and AUC after each epoch.

    The scores of a fold are those of its best epoch so far, whose weights a fit would keep. The
    folds go in step, so that all have been trained as long when a scheduler compares trials; each
    keeps its checkpoint in `folder`, and a trial that is begun again yields what it had, and goes
    on from there.
    """
    trained = [
        _trained(estimator, task, fold, folder / f"fold-{fold.fold}.safetensors", seed)
        for fold in folds
    ]
    for epoch in range(1, estimator.training.epochs + 1):
        histories = [until(epoch) for until in trained]
        if all(len(history) < epoch for history in histories):
            return
        best = [min(history, key=lambda row: row["held_out_loss"]) for history in histories]
        means = {name: float(np.mean([row[name] for row in best])) for name in SCORES}
        yield {"epoch": epoch, **means}


class _EpochEnded(Exception):
    """Leaves a fit at the end of an epoch: its checkpoint is written, and goes on from there."""


def _leave(_: Row) -> None:
    raise _EpochEnded


def _trained(
    estimator: Aggregation, task: Task, fold: Fold, path: Path, seed: int
) -> Callable[[int], list[Row]]:
    """Return a function that trains on a fold until an epoch, and returns its history so far."""
    training, held_out = estimator.batches(task, fold.train, fold.train, fold.test)
    own_seed = int(np.random.SeedSequence([seed, fold.fold]).generate_state(1)[0])

    def history() -> list[Row]:
        note = read_note(path)
        return note["history"] if note else []

    def until(epoch: int) -> list[Row]:
        if len(history()) < epoch:
            torch.manual_seed(own_seed)
            model = estimator.build()
            train = partial(fit, model, training, held_out, estimator.training, seed=own_seed)
            with suppress(_EpochEnded):
                train(checkpoint=path, on_epoch=_leave)
        return history()[:epoch]

    return until
