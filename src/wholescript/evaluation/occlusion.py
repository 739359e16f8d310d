"""Occlusion: how a score moves when a part of the script is hidden from a fitted model."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.stats import spearmanr
from tqdm.auto import tqdm

from wholescript.data.films.folds import Fold
from wholescript.evaluation.crossval import fold_seed, single_threaded
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.features.ablation import ablate_part, concatenate_features
from wholescript.models.task import Estimator, Task

T = TypeVar("T")


def predict_without_each_part(
    estimator: Estimator, task: Task, fold: Fold, parts: int, *, seed: int
) -> NDArray[np.float64]:
    """Fit on the whole films of a fold; return P(positive) of its test films, (1 + parts, n_test).

    The first row is of whole films, each other one of films without one of `parts` equal parts.
    The copies are tested as if they were more films, so any estimator can be asked.
    """
    whole = task.features.select([str(task.features.film_ids[row]) for row in fold.test])
    copies = [whole, *(ablate_part(whole, part, parts) for part in range(parts))]
    rows = np.concatenate([np.arange(len(task.labels)), np.tile(fold.test, len(copies))])
    films = replace(
        task,
        films=task.films.iloc[rows].reset_index(drop=True),
        labels=task.labels[rows],
        groups=task.groups[rows],
        features=concatenate_features([task.features, *copies]),
    )
    tested = np.arange(len(task.labels), len(rows))
    found = estimator.fit_predict(films, fold.train, tested, seed=fold_seed(seed, fold))
    return found.test.reshape(len(copies), len(fold.test))


def cross_validate_without_each_part(
    estimator: Estimator, task: Task, folds: Sequence[Fold], parts: int, *, seed: int
) -> list[FilmPredictions]:
    """Return the predictions of whole films, then those of films without each part in turn.

    They hold no thresholds.
    """
    shape = (1 + parts, max(fold.repeat for fold in folds) + 1, len(task.labels))
    scores, numbers = np.full(shape, np.nan), np.full(shape[1:], -1)
    fn = partial(predict_without_each_part, estimator, task, parts=parts, seed=seed)
    for fold, found in zip(folds, map_folds(fn, folds, name=estimator.name), strict=True):
        scores[:, fold.repeat, fold.test] = found
        numbers[fold.repeat, fold.test] = fold.fold
    film_ids = [str(film_id) for film_id in task.films["film_id"]]
    years = task.films["year"].to_numpy(np.int64)
    nowhere = np.full(shape[1:], np.nan)
    return [
        FilmPredictions(film_ids, task.labels, task.groups, years, found, nowhere, numbers)
        for found in scores
    ]


def map_folds(fn: Callable[[Fold], T], folds: Sequence[Fold], *, name: str) -> Iterator[T]:
    """Yield what `fn` says of each fold, in order; as many folds at once as there are cores.

    Each is asked on one core, so that the answers are the same on any number of them.
    """
    n_jobs = (os.cpu_count() or 1) if len(folds) >= 5 else 1  # fewer are not worth the processes
    answers = Parallel(n_jobs, return_as="generator")(
        delayed(_run_single_threaded)(fn, fold) for fold in folds
    )
    yield from tqdm(answers, f"{name}, occluded", len(folds), unit="fold")


def _run_single_threaded(fn: Callable[[Fold], T], fold: Fold) -> T:
    with single_threaded():
        return fn(fold)


def relative_change(score_changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each part moves a film's score beside its mean part, (n, parts): 1 is even.

    `score_changes` (n, parts) is the score of the whole film less that without the part. Films whose score
    nothing moves are even.
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
    """Return the mean of `values` (n, k) over each group of near duplicates, which count as one."""
    return pd.DataFrame(values).groupby(groups, sort=True).mean().to_numpy()
