"""What an estimator is given, what it returns, and nothing about how it works."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.features.bundle import FilmFeatures


@dataclass(frozen=True)
class Task:
    """A binary question about n films: features and labels, row by row.

    `labels` is int8 of shape (n,), `groups` holds a group name per film (films of one group
    never stand on both sides of a split), `films` is the table of metadata.
    """

    films: pd.DataFrame
    labels: NDArray[np.int8]
    groups: NDArray[np.object_]
    features: FilmFeatures


@dataclass(frozen=True)
class FoldScores:
    """Probabilities of one outer fold.

    `inner` (len(train),) float64: out-of-fold probabilities of the training films, from inner
    folds; thresholds and stacks are chosen on them. NaN where only some inner folds were fitted, of
    films that none of them held out. `test` (len(test),) float64. `chosen` holds
    the hyper-parameters picked on inner folds, `history` one row per epoch where there are any.
    """

    inner: NDArray[np.float64]
    test: NDArray[np.float64]
    chosen: dict[str, float | int | str] = field(default_factory=dict)
    history: list[dict[str, float | int]] = field(default_factory=list)


class Estimator(Protocol):
    """Anything that learns on the films `train` and scores the films `test`."""

    @property
    def name(self) -> str:
        """What a run of it is called."""

    @property
    def config(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON-able values; part of the run's key."""

    def fit_predict(
        self, task: Task, train: NDArray[np.int64], test: NDArray[np.int64], *, seed: int
    ) -> FoldScores:
        """Fit on the rows `train` and score the rows `test`, whose labels stay unseen."""
