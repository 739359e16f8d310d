"""Film estimators on columns of the table of films, alone and beside n-grams."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit
from sklearn.impute import SimpleImputer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from wholescript.models.films.estimator import FilmDataset, FoldPredictions
from wholescript.models.films.logistic_regression import Matrix, NestedLogisticRegression
from wholescript.models.films.ngram_kernel import NgramKernelLR
from wholescript.models.types import Float64Array, IntArray


@dataclass(kw_only=True)
class FilmColumnsLR(NestedLogisticRegression):
    """Logistic regression on standardized columns; missing values become the training median."""

    model: ClassVar[str] = "FilmColumnsLR"

    Cs: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0, 10.0)
    columns: tuple[str, ...]

    def design_matrices(
        self, dataset: FilmDataset, train: IntArray, test: IntArray
    ) -> tuple[Matrix, Matrix]:
        """Return the standardized columns."""
        scaled = _standardize(dataset, self.columns, train)
        return scaled[train], scaled[test]


@dataclass
class FilmColumnScore:
    """A column of log-odds as it is: nothing is fitted but the threshold, on training films."""

    column: str
    name: str

    model: ClassVar[str] = "FilmColumnScore"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table of films that are used."""
        return (self.column,)

    @property
    def config(self) -> dict[str, Any]:
        """The model and the column."""
        return {"model": self.model, "column": self.column}

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Return the logistic function of the column."""
        scores = np.asarray(expit(dataset.films[self.column].to_numpy(np.float64)))
        return FoldPredictions(inner=scores[train], test=scores[test])


@dataclass(kw_only=True)
class NgramColumnsKernelLR(NgramKernelLR):
    """Kernel logistic regression on n-grams plus a Gaussian kernel on columns, of weight `weight`.

    The Gaussian kernel is exp(-d^2 / 2), where d^2 is the mean squared difference of the
    standardized columns.
    """

    model: ClassVar[str] = "NgramColumnsKernelLR"

    columns: tuple[str, ...]
    weight: float

    def _kernel(self, dataset: FilmDataset, train: IntArray) -> Float64Array:
        scaled = _standardize(dataset, self.columns, train)
        gaussian = rbf_kernel(scaled, gamma=1 / (2 * len(self.columns)))
        return np.asarray(super()._kernel(dataset, train) + self.weight * gaussian)


def _standardize(dataset: FilmDataset, columns: tuple[str, ...], train: IntArray) -> Float64Array:
    """Return the columns of all films, (n, d), imputed and scaled by the films `train`."""
    values = dataset.films[list(columns)].to_numpy(np.float64)
    scaler = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    return np.asarray(scaler.fit(values[train]).transform(values))
