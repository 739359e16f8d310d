"""Stacking of film estimators: a logistic regression on their out-of-fold logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from wholescript.data.films.folds import inner_folds
from wholescript.models.films.estimator import Estimator, FilmDataset, FoldPredictions
from wholescript.models.films.logistic_regression import (
    N_INNER_FOLDS,
    logit,
    predict_proba_logistic,
)
from wholescript.models.types import Float64Array, IntArray


@dataclass
class StackingEnsemble:
    """Stacked generalisation (Wolpert, 1992) on the logits of its members.

    The logistic regression is fitted on the members' out-of-fold probabilities and applied to their
    test probabilities. Its own out-of-fold probabilities come from the same inner folds, each
    predicted by a regression on the others. With one member it is Platt scaling (Platt, 1999), that
    is, recalibration.
    """

    members: Sequence[Estimator]
    name: str = "stacking"

    model: ClassVar[str] = "StackingEnsemble"

    @property
    def config(self) -> dict[str, Any]:
        """The configurations of the members, in order."""
        return {"model": self.model, "members": [m.config for m in self.members]}

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Fit the members, then the regression on their out-of-fold probabilities."""
        members = [m.fit_predict(dataset, train, test, seed=seed) for m in self.members]
        x, labels = np.zeros((len(dataset.labels), len(members))), dataset.labels
        x[train] = np.column_stack([logit(m.inner) for m in members])
        x[test] = np.column_stack([logit(m.test) for m in members])
        inner = np.zeros(len(labels))
        for fold in inner_folds(labels, dataset.groups, train, n_folds=N_INNER_FOLDS, seed=seed):
            inner[fold.test] = _fit_predict(x[fold.train], labels[fold.train], x[fold.test])
        return FoldPredictions(
            inner=inner[train], test=_fit_predict(x[train], labels[train], x[test])
        )


def _fit_predict(x: Float64Array, labels: NDArray[np.int8], x_test: Float64Array) -> Float64Array:
    """Combine the members; C = 1 hardly shrinks so few columns over hundreds of films."""
    return predict_proba_logistic(x, labels, x_test, 1.0)
