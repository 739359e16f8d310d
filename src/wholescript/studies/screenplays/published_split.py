"""Evaluation on the split that a data set is published with: train, validation and test."""

import numpy as np
from numpy.typing import NDArray

from wholescript.data.films import Fold, PublishedSplit
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.evaluation.thresholds import best_threshold
from wholescript.models.films.estimator import Estimator, FilmDataset, FoldPredictions
from wholescript.models.types import Float64Array, IntArray
from wholescript.studies.screenplays.cross_validation import fold_seed, map_folds


def evaluate_published_split(
    estimator: Estimator,
    dataset: FilmDataset,
    split: PublishedSplit,
    *,
    seed: int,
    progress: bool = True,
) -> tuple[FilmPredictions, FilmPredictions]:
    """Fit on the training films; return the predictions of the test and of the validation films.

    Hyperparameters are chosen on inner folds of the training films, the threshold where macro-F1 on
    the validation films is highest. No label of a test film is used. The split is taken as it is,
    even if a film and its near duplicate are on two sides: `n_seen_in_training` counts these.
    """
    held_out = np.concatenate([split.validation, split.test])

    def fit(fold: Fold) -> FoldPredictions:
        return estimator.fit_predict(dataset, fold.train, held_out, seed=fold_seed(seed, fold))

    (fitted,) = map_folds(fit, [split.fold], name=estimator.name, n_jobs=1, progress=progress)
    of_validation, of_test = np.split(fitted.test, [len(split.validation)])
    threshold = best_threshold(dataset.labels[split.validation], of_validation)
    chosen = [{"repeat": 0, "fold": 0, "threshold": threshold} | fitted.chosen]
    history = [{"repeat": 0, "fold": 0} | row for row in fitted.history]

    def predictions(rows: IntArray, probabilities: Float64Array) -> FilmPredictions:
        shape = (1, len(dataset.labels))
        scores, thresholds, folds = np.full(shape, np.nan), np.full(shape, np.nan), -np.ones(shape)
        scores[0, rows], thresholds[0, rows], folds[0, rows] = probabilities, threshold, 0
        return FilmPredictions(
            [str(film_id) for film_id in dataset.films["film_id"]],
            dataset.labels,
            dataset.groups,
            dataset.films["year"].to_numpy(np.int64),
            scores,
            thresholds,
            folds.astype(np.int64),
            chosen,
            history,
        )

    return predictions(split.test, of_test), predictions(split.validation, of_validation)


def n_seen_in_training(groups: NDArray[np.object_], split: PublishedSplit) -> int:
    """Return the number of test films of whose group a film is in training or validation."""
    return int(seen_in_training(groups, split).sum())


def seen_in_training(groups: NDArray[np.object_], split: PublishedSplit) -> NDArray[np.bool_]:
    """Return for each test film whether a film of its group is in training or validation."""
    others = groups[np.concatenate([split.train, split.validation])].astype(str)
    return np.isin(groups[split.test].astype(str), others)
