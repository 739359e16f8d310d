"""A classifier of texts by their likeness to all training texts: a Gaussian kernel on sentences.

Regularised least squares with one target of 1 and -1 a class (Rifkin, Yeo and Poggio, 2003). On
classes that are told apart by fine shades it beats a linear model on the same embeddings, and its
one system of linear equations is solved in seconds for 10,000 texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from wholescript.errors import DataError
from wholescript.models.documents.base import Arrays, Metadata
from wholescript.models.documents.linear import SentenceEmbeddingClassifier
from wholescript.models.sklearn_classifier import FloatArray, GridPoint, IntArray

KERNEL_BLOCK_ROWS = 2_000  # rows whose kernel is held in memory


class RBFKernelRidgeClassifier(ClassifierMixin, BaseEstimator):
    """Kernel ridge regression on targets of 1 for a text's class and -1 for the others.

    The kernel is exp(-`gamma` d^2), d being the distance of two rows; `alpha` stands on the
    diagonal of its matrix.
    """

    def __init__(self, gamma: float = 1.0, alpha: float = 0.3) -> None:
        self.gamma = gamma
        self.alpha = alpha

    def fit(self, x: FloatArray, labels: IntArray) -> "GaussianRidge":
        """Learn on rows (n, d) float32 with labels (n,)."""
        self.classes_ = np.unique(labels)
        targets = np.where(labels[:, None] == self.classes_, 1, -1).astype(np.float32)
        self.regression_ = KernelRidge(alpha=self.alpha, kernel="rbf", gamma=self.gamma)
        self.regression_.fit(x, targets)
        return self

    def decision_function(self, x: FloatArray) -> NDArray[np.floating]:
        """Return the scores of the classes, (n, classes)."""
        return np.asarray(self.regression_.predict(x))

    def predict(self, x: FloatArray) -> IntArray:
        """Return the class with the highest score, (n,), as scikit-learn asks of a classifier."""
        return np.asarray(self.classes_[self.decision_function(x).argmax(axis=1)])


@dataclass(frozen=True)
class KernelDecisionFunction:
    """Scores of the classes: the kernel of inputs and `x_train` (m, d) times `weights` (m, classes).

    Points, which are the training texts, and weights are float32.
    """

    x_train: FloatArray
    weights: FloatArray
    gamma: float

    @classmethod
    def from_state_dict(cls, arrays: Mapping[str, NDArray[Any]]) -> "KernelMap":
        """Take it out of stored arrays."""
        return cls(arrays["points"], arrays["weights"], float(arrays["gamma"][0]))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store."""
        return {
            "points": self.x_train,
            "weights": self.weights,
            "gamma": np.array([self.gamma], np.float64),
        }

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.x_train.size + self.weights.size

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the scores (n, classes) of the rows of `x` (n, d)."""
        blocks = (
            x[start : start + KERNEL_BLOCK_ROWS] for start in range(0, len(x), KERNEL_BLOCK_ROWS)
        )
        scores = [rbf_kernel(block, self.x_train, self.gamma) @ self.weights for block in blocks]
        return np.concatenate(scores).astype(np.float32)


@dataclass(frozen=True)
class KernelGridPoint:
    """A `RBFKernelRidgeClassifier` to try."""

    gamma: float
    alpha: float

    @property
    def params(self) -> dict[str, Any]:
        """Both, as JSON-able values."""
        return {"kind": "gaussian", "gamma": self.gamma, "ridge": self.alpha}

    def estimator(self, seed: int) -> RBFKernelRidgeClassifier:
        """Return it unfitted; nothing in it is random."""
        return RBFKernelRidgeClassifier(self.gamma, self.alpha)

    def fitted_decision_function(self, fitted: RBFKernelRidgeClassifier) -> KernelDecisionFunction:
        """Take the points and their weights out of it."""
        regression = fitted.regression_
        weights = np.asarray(regression.dual_coef_, np.float32)
        return KernelDecisionFunction(
            np.asarray(regression.X_fit_, np.float32), weights, self.gamma
        )


@dataclass(kw_only=True)
class SentenceKernel(SentenceEmbeddingClassifier):
    """A `RBFKernelRidgeClassifier` on frozen sentence embeddings, with the best of some `gammas` and `alphas`.

    The kernel holds a number for each pair of training texts, 0.4 GB for 10,000 and 2 GB for
    22,000, and twice that while it is solved: more than `max_train` are refused.
    """

    name: ClassVar[str] = "sentence-kernel"
    gammas: tuple[float, ...] = (1.0,)
    alphas: tuple[float, ...] = (0.3, 1.0, 3.0)
    max_train: int = 30_000

    def grid(self, texts: int) -> Sequence[GridPoint]:
        """Return a candidate for each pair of values.

        Raises:
            DataError: there are more than `max_train`.
        """
        if texts > self.max_train:
            raise DataError(
                f"{self.name} of {texts} training texts takes {8 * texts**2 / 1e9:.0f} GB, and "
                f"max_texts is {self.max_train}: draw fewer, raise it, or leave this model out."
            )
        return [KernelGridPoint(gamma, alpha) for gamma in self.gammas for alpha in self.alphas]

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Take back what was fitted."""
        self.decision_fn = KernelDecisionFunction.from_state_dict(arrays)
