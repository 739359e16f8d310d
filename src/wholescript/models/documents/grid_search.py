"""Grid search on a validation set, and fitted decision functions as plain arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC

from wholescript.errors import ParameterError
from wholescript.models.types import Float32Array, Float64Array, IntArray

Features: TypeAlias = csr_matrix | Float32Array
LinearLoss = Literal["svm", "logistic"]


class DecisionFunction(Protocol):
    """Maps feature rows to class logits; consists of float32 arrays."""

    @property
    def n_parameters(self) -> int:
        """The number of parameters."""

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store."""

    def __call__(self, x: Any) -> Float32Array:
        """Return the logits (n, n_classes) of the rows of `x` (n, features)."""


class GridPoint(Protocol):
    """The hyperparameters of one candidate."""

    @property
    def params(self) -> dict[str, Any]:
        """The hyperparameters, JSON-able."""

    def estimator(self, seed: int) -> Any:
        """Return the unfitted scikit-learn estimator, which has a `decision_function`."""

    def fitted_decision_function(self, fitted: Any) -> DecisionFunction:
        """Extract the decision function of the fitted estimator."""


@dataclass(frozen=True)
class LinearGridPoint:
    """A linear classifier: its loss and C, the inverse of the L2 penalty."""

    kind: LinearLoss
    C: float

    @property
    def params(self) -> dict[str, Any]:
        """The hyperparameters, JSON-able."""
        return {"kind": self.kind, "C": self.C}

    def estimator(self, seed: int) -> LinearSVC | LogisticRegression:
        """Return an unfitted one-vs-rest SVM or multinomial logistic regression.

        The SVM is solved in the dual, which takes a third of the time of the primal even on dense
        embeddings.
        """
        if self.kind == "svm":
            return LinearSVC(C=self.C, dual=True, random_state=seed, max_iter=5_000)
        return LogisticRegression(C=self.C, max_iter=2_000)

    def fitted_decision_function(
        self, fitted: LinearSVC | LogisticRegression
    ) -> "LinearDecisionFunction":
        """Extract weights and bias."""
        return LinearDecisionFunction(
            np.ascontiguousarray(to_two_columns(fitted.coef_.T), np.float32),
            np.asarray(to_two_columns(fitted.intercept_[None])[0], np.float32),
        )


@dataclass(frozen=True)
class LinearDecisionFunction:
    """Class logits x @ `weights` (features, n_classes) + `bias` (n_classes,).

    Both are float32, the precision in which they are stored: a loaded classifier returns the same
    logits.
    """

    weights: Float32Array
    bias: Float32Array

    @classmethod
    def from_state_dict(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read the arrays of `state_dict`."""
        return cls(arrays["weights"], arrays["bias"])

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store."""
        return {"weights": self.weights, "bias": self.bias}

    @property
    def n_parameters(self) -> int:
        """The number of parameters."""
        return self.weights.size + self.bias.size

    def __call__(self, x: Features) -> Float32Array:
        """Return the logits (n, n_classes) of the rows of `x` (n, features)."""
        return np.asarray(x @ self.weights + self.bias, np.float32)


@dataclass(frozen=True)
class GridSearchResult:
    """The best candidate, its fitted decision function, and its macro-F1 on validation."""

    grid_point: GridPoint
    decision_fn: DecisionFunction
    macro_f1: float

    @property
    def best_params_(self) -> dict[str, Any]:
        """The chosen hyperparameters and their macro-F1, JSON-able."""
        return {**self.grid_point.params, "validation_macro_f1": self.macro_f1}


def to_two_columns(logits: NDArray[Any]) -> NDArray[Any]:
    """Return one column per class for binary logits, which have one column in scikit-learn.

    Maps (n,) or (n, 1) logits s to (n, 2) with columns -s / 2 and s / 2: their softmax is the
    logistic function of s. Scores with more columns are returned unchanged.
    """
    if logits.ndim == 2 and logits.shape[1] > 1:
        return logits
    column = logits.reshape(-1, 1)
    return np.concatenate([-column, column], axis=1) / 2


def grid_search(
    grid: Sequence[GridPoint],
    x: Features,
    labels: IntArray,
    x_val: Features,
    val_labels: IntArray,
    seed: int,
    sample_weight: Float64Array | None = None,
) -> GridSearchResult:
    """Fit each candidate on `x` and return the one with the best macro-F1 on `x_val`.

    The first of equal candidates is returned. `sample_weight` (n,) weights the rows of `x`.

    Raises:
        ParameterError: the grid is empty.
    """
    if not grid:
        raise ParameterError("the grid is empty: give at least one value for each hyperparameter")
    results = []
    for grid_point in grid:
        estimator = grid_point.estimator(seed).fit(x, labels, sample_weight=sample_weight)
        fitted = grid_point.fitted_decision_function(estimator)
        score = macro_f1(fitted(x_val), val_labels)
        results.append(GridSearchResult(grid_point, fitted, score))
    return max(results, key=lambda result: result.macro_f1)


def macro_f1(logits: NDArray[np.floating], labels: IntArray) -> float:
    """Return the mean F1 over the classes that occur in `labels` (n,) or are predicted."""
    return float(f1_score(labels, logits.argmax(axis=1), average="macro"))
