"""Occlusion: the change of a score when a part of the script is removed at prediction time."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from wholescript.data.films.folds import Fold
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.features.ablation import ablate_part, concatenate_features
from wholescript.models.films.estimator import Estimator, FilmDataset
from wholescript.studies.screenplays.cross_validation import fold_seed, map_folds


def fit_and_occlude_parts(
    estimator: Estimator, dataset: FilmDataset, fold: Fold, n_parts: int, *, seed: int
) -> NDArray[np.float64]:
    """Fit on whole films; return P(positive) of the test films of a fold, (1 + n_parts, n_test).

    The first row is of whole films, each other row of films without one of `n_parts` equal parts.
    The occluded copies are appended as further test films, so this works for any estimator.
    """
    whole = dataset.features.select([str(dataset.features.film_ids[index]) for index in fold.test])
    copies = [whole, *(ablate_part(whole, part, n_parts) for part in range(n_parts))]
    indices = np.concatenate([np.arange(len(dataset.labels)), np.tile(fold.test, len(copies))])
    extended = replace(
        dataset,
        films=dataset.films.iloc[indices].reset_index(drop=True),
        labels=dataset.labels[indices],
        groups=dataset.groups[indices],
        features=concatenate_features([dataset.features, *copies]),
    )
    test = np.arange(len(dataset.labels), len(indices))
    fold_scores = estimator.fit_predict(extended, fold.train, test, seed=fold_seed(seed, fold))
    return fold_scores.test.reshape(len(copies), len(fold.test))


def cross_validate_without_each_part(
    estimator: Estimator, dataset: FilmDataset, folds: Sequence[Fold], n_parts: int, *, seed: int
) -> list[FilmPredictions]:
    """Return the predictions of whole films, then those of films without each part in turn.

    They have no thresholds (NaN).
    """
    shape = (1 + n_parts, max(fold.repeat for fold in folds) + 1, len(dataset.labels))
    scores, fold_numbers = np.full(shape, np.nan), np.full(shape[1:], -1)
    fn = partial(fit_and_occlude_parts, estimator, dataset, n_parts=n_parts, seed=seed)
    fitted = map_folds(fn, folds, name=f"{estimator.name}, occluded")
    for fold, fold_scores in zip(folds, fitted, strict=True):
        scores[:, fold.repeat, fold.test] = fold_scores
        fold_numbers[fold.repeat, fold.test] = fold.fold
    film_ids = [str(film_id) for film_id in dataset.films["film_id"]]
    years = dataset.films["year"].to_numpy(np.int64)
    no_thresholds = np.full(shape[1:], np.nan)
    return [
        FilmPredictions(
            film_ids,
            dataset.labels,
            dataset.groups,
            years,
            part_scores,
            no_thresholds,
            fold_numbers,
        )
        for part_scores in scores
    ]


def relative_importance(score_changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the absolute change by each part, relative to the mean over the parts, (n, n_parts).

    `score_changes` (n, n_parts) is the score of the whole film minus that without the part. Rows
    without any change are 1.
    """
    size = np.abs(score_changes)
    mean = size.mean(axis=1, keepdims=True)
    return np.divide(size, mean, out=np.ones_like(size), where=mean > 0)


def spearman_per_row(
    pairs: Iterable[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> NDArray[np.float64]:
    """Return Spearman's correlation of each pair of vectors; NaN where one of them is constant."""
    return np.array(
        [spearmanr(a, b).statistic if np.ptp(a) and np.ptp(b) else np.nan for a, b in pairs]
    )


def group_means(values: NDArray[np.float64], groups: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the mean of `values` (n, k) over each group of near duplicates, (n_groups, k)."""
    return pd.DataFrame(values).groupby(groups, sort=True).mean().to_numpy()
