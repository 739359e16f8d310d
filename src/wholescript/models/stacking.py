"""Several models as one: a logistic regression on what its members say of unseen films."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wholescript.data.films.folds import inner_folds
from wholescript.models.logistic_regression import (
    N_INNER_FOLDS,
    FloatArray,
    IntArray,
    logistic,
    logit,
)
from wholescript.models.task import Estimator, FoldScores, Task


@dataclass
class StackingEnsemble:
    """Stacked generalisation (Wolpert 1992) over the logits of its members.

    The regression learns on the members' inner scores, which are out of fold, and is applied to
    their test scores. Its own inner scores come from the same inner folds, each scored by a
    regression on the others. A stack of one member is Platt scaling (Platt 1999): it recalibrates.
    """

    members: Sequence[Estimator]
    name: str = "stack"

    @property
    def config(self) -> dict[str, Any]:
        """The configurations of the members, in order."""
        return {"model": type(self).__name__, "members": [m.config for m in self.members]}

    def fit_predict(self, task: Task, train: IntArray, test: IntArray, *, seed: int) -> FoldScores:
        """Fit the members on `train`, then the regression on their inner scores; score `test`."""
        scores = [m.fit_predict(task, train, test, seed=seed) for m in self.members]
        x, labels = np.zeros((len(task.labels), len(scores))), task.labels
        x[train] = np.column_stack([logit(s.inner) for s in scores])
        x[test] = np.column_stack([logit(s.test) for s in scores])
        inner = np.zeros(len(labels))
        for fold in inner_folds(labels, task.groups, train, n_folds=N_INNER_FOLDS, seed=seed):
            inner[fold.test] = _fit_predict(x[fold.train], labels[fold.train], x[fold.test])
        return FoldScores(inner=inner[train], test=_fit_predict(x[train], labels[train], x[test]))


def _fit_predict(x: FloatArray, labels: NDArray[np.int8], x_test: FloatArray) -> FloatArray:
    """Combine members; C = 1 hardly shrinks these few columns over hundreds of films."""
    return logistic(x, labels, x_test, 1.0)
