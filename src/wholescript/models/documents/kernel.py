"""Kernel ridge classification on frozen sentence embeddings, with a Gaussian (RBF) kernel.

Regularised least squares on targets of 1 and -1, one per class (Rifkin, Yeo and Poggio, 2003). The
one system of linear equations is solved in seconds for 10,000 texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from wholescript.errors import DataError
from wholescript.models.documents.grid_search import GridPoint
from wholescript.models.documents.sentence_embeddings import SentenceEmbeddingClassifier
from wholescript.models.documents.sklearn_classifier import Arrays, Metadata
from wholescript.models.types import Float32Array, Float64Array, IntArray
from wholescript.settings import Grid, PositiveInt

KERNEL_BLOCK_ROWS = 2_000  # rows whose kernel is held in memory at once


class RBFKernelRidgeClassifier(ClassifierMixin, BaseEstimator):
    """Kernel ridge regression on targets of 1 for a text's class and -1 for the others.

    The kernel of two rows at Euclidean distance d is exp(-`gamma` d^2); `alpha` is the ridge
    penalty, added to the diagonal of the kernel matrix.
    """

    def __init__(self, gamma: float = 1.0, alpha: float = 0.3) -> None:
        self.gamma = gamma
        self.alpha = alpha

    def fit(
        self, x: Float32Array, labels: IntArray, sample_weight: Float64Array | None = None
    ) -> Self:
        """Fit on rows (n, d) float32 with labels (n,) and, optionally, weights (n,)."""
        self.classes_ = np.unique(labels)
        targets = np.where(labels[:, None] == self.classes_, 1, -1).astype(np.float32)
        self.regression_ = KernelRidge(alpha=self.alpha, kernel="rbf", gamma=self.gamma)
        self.regression_.fit(x, targets, sample_weight=sample_weight)
        return self

    def decision_function(self, x: Float32Array) -> NDArray[np.floating]:
        """Return the logits, (n, n_classes)."""
        return np.asarray(self.regression_.predict(x))

    def predict(self, x: Float32Array) -> IntArray:
        """Return the class with the highest logit, (n,)."""
        return np.asarray(self.classes_[self.decision_function(x).argmax(axis=1)])


@dataclass(frozen=True)
class KernelDecisionFunction:
    """Class logits: the kernel of inputs and `x_train` (m, d) times `weights` (m, n_classes).

    `x_train`, the embeddings of the training texts, and `weights` are float32.
    """

    x_train: Float32Array
    weights: Float32Array
    gamma: float

    @classmethod
    def from_state_dict(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read the arrays of `state_dict`."""
        return cls(arrays["x_train"], arrays["weights"], float(arrays["gamma"][0]))

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store."""
        return {
            "x_train": self.x_train,
            "weights": self.weights,
            "gamma": np.array([self.gamma], np.float64),
        }

    @property
    def n_parameters(self) -> int:
        """The number of stored values."""
        return self.x_train.size + self.weights.size

    def __call__(self, x: Float32Array) -> Float32Array:
        """Return the logits (n, n_classes) of the rows of `x` (n, d)."""
        blocks = (
            x[start : start + KERNEL_BLOCK_ROWS] for start in range(0, len(x), KERNEL_BLOCK_ROWS)
        )
        logits = [rbf_kernel(block, self.x_train, self.gamma) @ self.weights for block in blocks]
        return np.concatenate(logits).astype(np.float32)


@dataclass(frozen=True)
class KernelGridPoint:
    """The hyperparameters of a `RBFKernelRidgeClassifier`."""

    gamma: float
    alpha: float

    @property
    def params(self) -> dict[str, Any]:
        """The hyperparameters, JSON-able."""
        return {"kind": "rbf", "gamma": self.gamma, "alpha": self.alpha}

    def estimator(self, seed: int) -> RBFKernelRidgeClassifier:
        """Return the unfitted estimator, which is deterministic."""
        return RBFKernelRidgeClassifier(self.gamma, self.alpha)

    def fitted_decision_function(self, fitted: RBFKernelRidgeClassifier) -> KernelDecisionFunction:
        """Extract the training embeddings and the dual weights."""
        regression = fitted.regression_
        weights = np.asarray(regression.dual_coef_, np.float32)
        return KernelDecisionFunction(
            np.asarray(regression.X_fit_, np.float32), weights, self.gamma
        )


@dataclass(kw_only=True)
class SentenceKernel(SentenceEmbeddingClassifier):
    """`RBFKernelRidgeClassifier` on frozen sentence embeddings.

    Gamma and alpha are those of `gammas` and `alphas` with the best macro-F1 on validation. The
    kernel matrix of n training texts takes 4 n^2 bytes, 0.4 GB for 10,000 and 2 GB for 22,000, and
    twice that while the equations are solved: more than `max_train` texts are an error.
    """

    name: ClassVar[str] = "sentence-kernel"
    model: ClassVar[str] = "SentenceKernel"
    gammas: Grid = (1.0,)
    """Values of gamma, the inverse width of the kernel; the best on validation is kept."""
    alphas: Grid = (0.3, 1.0, 3.0)
    """Values of the ridge penalty; the best on validation is kept."""
    max_train: PositiveInt = 30_000
    """Refuse more training texts: the kernel matrix takes 4 n^2 bytes, twice while solved."""

    def grid(self, n_texts: int) -> Sequence[GridPoint]:
        """Return a candidate for each pair of gamma and alpha.

        Raises:
            DataError: there are more than `max_train` texts.
        """
        if n_texts > self.max_train:
            raise DataError(
                f"{self.name} on {n_texts} training texts needs {8 * n_texts**2 / 1e9:.0f} GB of "
                f"memory, and max_train is {self.max_train}: subsample the texts, raise max_train, "
                "or leave this model out"
            )
        return [KernelGridPoint(gamma, alpha) for gamma in self.gammas for alpha in self.alphas]

    def chosen_grid(self) -> dict[str, Any]:
        """Return the chosen gamma and alpha."""
        return {"gammas": (self.chosen["gamma"],), "alphas": (self.chosen["alpha"],)}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Restore the state returned by `state_dict`."""
        self.decision_fn = KernelDecisionFunction.from_state_dict(arrays)
