"""Logistic regression on kernels of word n-grams, and of layout, year and length beside them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler

from wholescript.errors import DataError, ParameterError
from wholescript.features.ngram_kernels import NGRAM_SIZES
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.films.logistic_regression import Matrix, NestedLogisticRegression
from wholescript.models.types import Float64Array, IntArray

MIN_EIGENVALUE = 1e-5  # relative to the largest: the rounding of float16 makes smaller ones noise


@dataclass(kw_only=True)
class NgramKernelLR(NestedLogisticRegression):
    """Kernel logistic regression on the mean of n-gram kernels plus weighted Gaussian kernels.

    `sizes` are the n of the n-grams; each has a linear kernel of its own, of rows of length 1.
    `gaussian_kernels` are names among layout, year and length with weights: each adds its weight
    times exp(-d^2 / 2), where d^2 is the mean squared difference of the standardized columns. The
    penalty is that of an L2 penalty on the weights of n-grams.

    Vocabulary and document frequencies come with the kernels, from all films of the bundle, those
    that are predicted too. All else is fitted on training films.
    """

    model: ClassVar[str] = "NgramKernelLR"

    Cs: tuple[float, ...] = (10.0, 100.0, 1000.0)
    sizes: tuple[int, ...] = NGRAM_SIZES
    gaussian_kernels: tuple[tuple[str, float], ...] = ()

    def design_matrices(
        self, dataset: FilmDataset, train: IntArray, test: IntArray
    ) -> tuple[Matrix, Matrix]:
        """Return rows whose inner products are the kernel's values.

        They are the kernel's principal components on the training films, scaled (kernel PCA without
        centring; Schölkopf, Smola and Müller, 1998).

        Raises:
            DataError: the features have no n-grams.
            ParameterError: a size or name is unknown.
        """
        kernel = self._kernel(dataset, train)
        eigenvalues, vectors = np.linalg.eigh(kernel[np.ix_(train, train)])
        kept = eigenvalues > MIN_EIGENVALUE * eigenvalues[-1]
        projection = vectors[:, kept] / np.sqrt(eigenvalues[kept])
        return tuple(kernel[np.ix_(rows, train)] @ projection for rows in (train, test))

    def fit_predict_proba(
        self, x: Matrix, labels: NDArray[np.int8], x_test: Matrix, C: float, seed: int
    ) -> Float64Array:
        """Fit by L-BFGS, ten times as fast as Newton's method with a column for each film."""
        model = LogisticRegression(C=C, tol=1e-5, max_iter=2000).fit(x, labels)
        return np.asarray(model.predict_proba(x_test)[:, 1])

    def _kernel(self, dataset: FilmDataset, train: IntArray) -> Float64Array:
        """Return the kernel of all films, (n, n); columns are standardized on `train`."""
        ngrams = dataset.features.ngrams
        if ngrams is None:
            raise DataError(
                f"{self.name!r} needs kernels of n-grams, which these features do not have: they "
                "are of ablated texts, or were made without an encoder"
            )
        if unknown := set(self.sizes) - set(NGRAM_SIZES):
            raise ParameterError(f"n-grams of {unknown.pop()} words: choose among {NGRAM_SIZES}")
        blocks = [ngrams.values[NGRAM_SIZES.index(size)] for size in self.sizes]
        kernel: Float64Array = np.asarray(np.mean(blocks, axis=0, dtype=np.float64))
        for name, weight in self.gaussian_kernels:
            columns = _film_columns(dataset, name)
            scaled = StandardScaler().fit(columns[train]).transform(columns)
            kernel += weight * rbf_kernel(scaled, gamma=1 / (2 * columns.shape[1]))
        return kernel


def _film_columns(dataset: FilmDataset, name: str) -> Float64Array:
    """Return what a Gaussian kernel compares, (n, d); counts enter as logarithms."""
    match name:
        case "layout":
            return np.log1p(dataset.features.layout.astype(np.float64))
        case "year":
            return dataset.films[["year"]].to_numpy(np.float64)
        case "length":
            return np.log(dataset.films[["n_words"]].to_numpy(np.float64))
    raise ParameterError(f"unknown kernel {name!r}: choose among layout, year, length")
