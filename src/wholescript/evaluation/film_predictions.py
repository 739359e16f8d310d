"""Out-of-fold predictions of one estimator for films, and their table on disk."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

PREDICTION_COLUMNS = ["film_id", "group", "year", "repeat", "fold", "label", "score", "threshold"]


@dataclass(frozen=True)
class FilmPredictions:
    """Predictions of one estimator for n films, each scored by a model not trained on it.

    `probabilities` (of the positive class) and `thresholds` are float64 (n_repeats, n). A threshold
    is that of the test fold, chosen on its inner folds. NaN where a film is in no test fold, such
    as the early films of a temporal split. `folds` is int64 (n_repeats, n), -1 for the same
    films. `film_ids`, `labels` (int8), `groups` and `years` have shape (n,). `chosen` has a row of
    hyperparameters per fold, `history` a row per epoch of each fold.
    """

    FILE: ClassVar[str] = "film_predictions.parquet"

    film_ids: list[str]
    labels: NDArray[np.int8]
    groups: NDArray[np.object_]
    years: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    folds: NDArray[np.int64]
    chosen: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    def drop_unscored(self) -> "FilmPredictions":
        """Return the films that were scored in at least one repeat."""
        return self.select_films(np.flatnonzero(np.isfinite(self.probabilities).any(axis=0)))

    def select_films(self, indices: NDArray[np.int64]) -> "FilmPredictions":
        """Return the predictions of the films at these positions."""
        return FilmPredictions(
            [self.film_ids[i] for i in indices],
            self.labels[indices],
            self.groups[indices],
            self.years[indices],
            self.probabilities[:, indices],
            self.thresholds[:, indices],
            self.folds[:, indices],
            self.chosen,
            self.history,
        )

    def first_repeat(self) -> "FilmPredictions":
        """Return the first repeat alone, to pair with a model that has no other."""
        return replace(
            self,
            probabilities=self.probabilities[:1],
            thresholds=self.thresholds[:1],
            folds=self.folds[:1],
        )

    def fold_ranks(self) -> NDArray[np.float64]:
        """Return the rank within the fold, from 0 to 1; shape and NaN as `probabilities`.

        ROC and precision-recall curves need it: models of different folds need not share a scale.
        """
        ranks = np.full(self.probabilities.shape, np.nan)
        for repeat, folds in enumerate(self.folds):
            for fold in np.unique(folds[folds >= 0]):
                films = np.flatnonzero(folds == fold)
                within_fold = rankdata(self.probabilities[repeat, films])
                ranks[repeat, films] = (within_fold - 0.5) / len(films)
        return ranks

    def to_frame(self) -> pd.DataFrame:
        """Return a row per scored film and repeat, with six decimals (`PREDICTION_COLUMNS`)."""
        repeats, films = np.nonzero(np.isfinite(self.probabilities))
        values = [
            np.asarray(self.film_ids, dtype=object)[films],
            self.groups[films],
            self.years[films],
            repeats,
            self.folds[repeats, films],
            self.labels[films],
            self.probabilities[repeats, films],
            self.thresholds[repeats, films],
        ]
        return pd.DataFrame(dict(zip(PREDICTION_COLUMNS, values, strict=True))).round(6)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "FilmPredictions":
        """Return the predictions in a table of `to_frame`, without hyperparameters and history."""
        film, film_ids = pd.factorize(frame["film_id"].astype(object))
        repeat = frame["repeat"].to_numpy(np.int64)
        first = np.unique(film, return_index=True)[1]
        shape = (int(repeat.max()) + 1, len(film_ids))
        probabilities, folds = np.full(shape, np.nan), np.full(shape, -1)
        thresholds = probabilities.copy()
        probabilities[repeat, film] = frame["score"]
        thresholds[repeat, film] = frame["threshold"]
        folds[repeat, film] = frame["fold"]
        return cls(
            [str(film_id) for film_id in film_ids],
            frame["label"].to_numpy(np.int8)[first],
            frame["group"].astype(str).to_numpy(object)[first],
            frame["year"].to_numpy(np.int64)[first],
            probabilities,
            thresholds,
            folds,
        )
