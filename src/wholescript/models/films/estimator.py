"""The input and output of film estimators."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.features.bundle import FilmFeatures
from wholescript.models.types import Float64Array, IntArray


@dataclass(frozen=True)
class FilmDataset:
    """n films with their features and binary labels, row by row.

    `films` is the table of metadata and `labels` int8 of shape (n,). `groups` (n,) holds a group
    name per film; films of one group are never split between training and test.
    """

    films: pd.DataFrame
    labels: NDArray[np.int8]
    groups: NDArray[np.object_]
    features: FilmFeatures


@dataclass(frozen=True)
class FoldPredictions:
    """Probabilities of the positive class for one outer fold.

    `inner` (n_train,) are out-of-fold probabilities of the training films from inner folds, on
    which thresholds and stacking are fitted; NaN for films that no fitted inner fold held out.
    `test` (n_test,) are those of the test films. `chosen` holds the hyperparameters chosen on
    inner folds, `history` one row per epoch if there are epochs.
    """

    inner: Float64Array
    test: Float64Array
    chosen: dict[str, float | int | str] = field(default_factory=dict)
    history: list[dict[str, float | int]] = field(default_factory=list)


class Estimator(Protocol):
    """An estimator that is fitted on training films and predicts test films."""

    @property
    def name(self) -> str:
        """The name of its runs."""

    @property
    def config(self) -> dict[str, Any]:
        """All settings that affect the result, JSON-able; part of the run's key."""

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Fit on the films `train`; predict the films `test`, whose labels must not be used."""


@dataclass
class EstimatorWrapper:
    """Base of estimators that change the data set or the predictions of another estimator."""

    estimator: Estimator

    model: ClassVar[str]

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the wrapped estimator and the settings of the wrapper."""
        return {"model": self.model, "estimator": self.estimator.config, **self.settings}

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the wrapper itself, JSON-able."""
        return {}

    def transform_dataset(self, dataset: FilmDataset, train: IntArray, seed: int) -> FilmDataset:
        """Return the data set for the wrapped estimator."""
        return dataset

    def transform_predictions(
        self, predictions: FoldPredictions, dataset: FilmDataset, train: IntArray
    ) -> FoldPredictions:
        """Return the predictions from those of the wrapped estimator."""
        return predictions

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Fit the wrapped estimator on the changed data set, and return the changed predictions."""
        changed = self.transform_dataset(dataset, train, seed)
        predictions = self.estimator.fit_predict(changed, train, test, seed=seed)
        return self.transform_predictions(predictions, dataset, train)
