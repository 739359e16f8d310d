"""Classifiers chosen on held-out texts, what they learn as arrays, and the softmax of scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC

from wholescript.errors import ParameterError

IntArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float32]
Inputs: TypeAlias = csr_matrix | FloatArray
LinearLoss = Literal["svm", "logistic"]

TEMPERATURE_BOUNDS = (0.05, 20.0)  # beyond them one wrong text more would decide


class DecisionFunction(Protocol):
    """Maps inputs to scores of classes; all that it holds is float32 arrays."""

    @property
    def size(self) -> int:
        """How many numbers it has."""

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store."""

    def __call__(self, x: Any) -> FloatArray:
        """Return the scores (n, classes) of the rows of `x` (n, inputs)."""


class GridPoint(Protocol):
    """A classifier to try."""

    @property
    def params(self) -> dict[str, Any]:
        """What it is, as JSON-able values."""

    def estimator(self, seed: int) -> Any:
        """Return it unfitted, as scikit-learn knows it, with a `decision_function`."""

    def fitted_decision_function(self, fitted: Any) -> DecisionFunction:
        """Take what was learnt out of it."""


@dataclass(frozen=True)
class LinearGridPoint:
    """A linear classifier to try: which loss, and C, the inverse of its L2 penalty."""

    kind: LinearLoss
    C: float

    @property
    def params(self) -> dict[str, Any]:
        """Both, as JSON-able values."""
        return {"kind": self.kind, "C": self.C}

    def estimator(self, seed: int) -> LinearSVC | LogisticRegression:
        """Return it unfitted: an SVM of one class against the rest, or a multinomial regression.

        The SVM is solved in its dual, on embeddings too: a third of the time of the primal.
        """
        if self.kind == "svm":
            return LinearSVC(C=self.C, dual=True, random_state=seed, max_iter=5_000)
        return LogisticRegression(C=self.C, max_iter=2_000)

    def fitted_decision_function(self, fitted: LinearSVC | LogisticRegression) -> "LinearMap":
        """Take the weights out of it."""
        return LinearDecisionFunction(
            np.ascontiguousarray(to_two_columns(fitted.coef_.T), np.float32),
            np.asarray(to_two_columns(fitted.intercept_[None])[0], np.float32),
        )


@dataclass(frozen=True)
class LinearDecisionFunction:
    """Scores of the classes: inputs times `weights` (inputs, classes) plus `bias` (classes,).

    Both are float32, which is what is stored: a classifier read back says the same.
    """

    weights: FloatArray
    bias: FloatArray

    @classmethod
    def from_state_dict(cls, arrays: Mapping[str, NDArray[Any]]) -> "LinearMap":
        """Take it out of stored arrays."""
        return cls(arrays["weights"], arrays["bias"])

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store."""
        return {"weights": self.weights, "bias": self.bias}

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.weights.size + self.bias.size

    def __call__(self, x: Inputs) -> FloatArray:
        """Return the scores (n, classes) of the rows of `x` (n, inputs)."""
        return np.asarray(x @ self.weights + self.bias, np.float32)


@dataclass(frozen=True)
class GridSearchResult:
    """The best of some candidates, what it learnt, and how well it does where held out."""

    grid_point: GridPoint
    decision_fn: DecisionFunction
    macro_f1: float

    @property
    def best_params_(self) -> dict[str, Any]:
        """What was chosen, as JSON-able values."""
        return {**self.grid_point.params, "validation_macro_f1": self.macro_f1}


def to_two_columns(scores: NDArray[Any]) -> NDArray[Any]:
    """Return a score for each of two classes where there is one, for the second.

    Maps (n,) or (n, 1) to (n, 2): the softmax of both halves is the logistic function of their
    difference. More columns stay as they are.
    """
    if scores.ndim == 2 and scores.shape[1] > 1:
        return scores
    column = scores.reshape(-1, 1)
    return np.concatenate([-column, column], axis=1) / 2


def grid_search(
    grid: Sequence[GridPoint],
    x: Inputs,
    labels: IntArray,
    x_val: Inputs,
    val_labels: IntArray,
    seed: int,
) -> GridSearchResult:
    """Fit each candidate, and return the one with the best macro-F1 on the held-out rows.

    Between equals the first wins.

    Raises:
        ParameterError: there is no candidate.
    """
    if not grid:
        raise ParameterError("there is nothing to choose among: give one value of each at least.")
    found = []
    for grid_point in grid:
        fitted = grid_point.fitted_decision_function(grid_point.estimator(seed).fit(x, labels))
        score = macro_f1(fitted(x_val), val_labels)
        found.append(GridSearchResult(grid_point, fitted, score))
    return max(found, key=lambda chosen: chosen.macro_f1)


def macro_f1(scores: NDArray[np.floating], labels: IntArray) -> float:
    """Return the mean F1 of the classes that occur in `labels` (n,) or have a highest score."""
    return float(f1_score(labels, scores.argmax(axis=1), average="macro"))


def fit_temperature(scores: FloatArray, labels: IntArray) -> float:
    """Return the T for which softmax(scores / T) has the least log loss (Guo et al., 2017).

    `scores` (n, classes) must be of texts that nothing was fitted on. T is held within 0.05 to 20.
    """

    def log_loss(log_t: float) -> float:
        rows = log_softmax(scores.astype(np.float64) / np.exp(log_t), axis=1)
        return -float(rows[np.arange(len(labels)), labels].mean())

    found = minimize_scalar(log_loss, bounds=np.log(TEMPERATURE_BOUNDS), method="bounded")
    return float(np.exp(found.x))


def softmax_with_temperature(scores: FloatArray, temperature: float) -> FloatArray:
    """Return softmax(scores / temperature), (n, classes) float32."""
    return np.asarray(softmax(scores.astype(np.float64) / temperature, axis=1), np.float32)
