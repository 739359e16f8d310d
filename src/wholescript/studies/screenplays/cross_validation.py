"""Cross-validation with the same folds for every estimator; finished folds are cached on disk.

Each fold is fitted on one core, so that folds in parallel give the same numbers as in sequence.
"""

import hashlib
import io
import json
import logging
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from wholescript.data.films.folds import Fold
from wholescript.errors import DataError
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.evaluation.thresholds import best_threshold
from wholescript.files import write_atomic
from wholescript.models.films.estimator import Estimator, FilmDataset, FoldPredictions
from wholescript.training.seeds import derive_seed

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass
class CachedEstimator:
    """An estimator that caches the scores of each fitted fold in `folder`.

    The key of a fold is the hash of the settings, seed, labels and films. A killed
    cross-validation resumes from the cache, and stacking reuses the folds of its members.
    """

    estimator: Estimator
    folder: Path

    @property
    def name(self) -> str:
        """The name of the wrapped estimator."""
        return self.estimator.name

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the wrapped estimator: caching changes no result."""
        return self.estimator.config

    def fit_predict(
        self, dataset: FilmDataset, train: NDArray[np.int64], test: NDArray[np.int64], *, seed: int
    ) -> FoldPredictions:
        """Return the cached scores, or fit and cache them; a damaged file is replaced."""
        key = hashlib.sha256(json.dumps([self.config, seed], sort_keys=True).encode())
        for part in (dataset.labels, train, test):
            key.update(hashlib.sha256(np.ascontiguousarray(part).tobytes()).digest())
        path = self.folder / f"{key.hexdigest()[:20]}.npz"
        if path.exists():
            try:
                return _load_fold(path)
            except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
                log.warning("%s is damaged (%s): this fold is fitted again", path, error)
        scores = self.estimator.fit_predict(dataset, train, test, seed=seed)
        write_atomic(path, _serialize(scores))
        return scores


def cross_validate(
    estimator: Estimator,
    dataset: FilmDataset,
    folds: Sequence[Fold],
    *,
    seed: int,
    fold_cache_dir: Path | None = None,
    progress: bool = True,
    n_jobs: int | None = 1,
) -> FilmPredictions:
    """Fit `estimator` on each fold and return its predictions of the test films.

    The threshold of a fold maximises macro-F1 on its inner folds. Finished folds are cached in
    `fold_cache_dir`: a killed run resumes and ends with the same bytes. The seed of a fold derives
    from `seed` and its number. `n_jobs` and `progress` are those of `map_folds`.

    Raises:
        DataError: a group of films is in both training and test films of a fold, or a film is
            tested twice in a repeat.
    """
    fold_estimator = CachedEstimator(estimator, fold_cache_dir) if fold_cache_dir else estimator
    shape = (max(fold.repeat for fold in folds) + 1, len(dataset.labels))
    scores, thresholds = np.full(shape, np.nan), np.full(shape, np.nan)
    fold_numbers = np.full(shape, -1)
    chosen: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    for fold in folds:
        _check_fold(fold, dataset, fold_numbers)
        fold_numbers[fold.repeat, fold.test] = fold.fold
    fn = partial(_fit_fold, fold_estimator, dataset, seed)
    fitted = map_folds(fn, folds, name=estimator.name, n_jobs=n_jobs, progress=progress)
    for fold, fold_scores in zip(folds, fitted, strict=True):
        scored = np.isfinite(fold_scores.inner)
        threshold = best_threshold(dataset.labels[fold.train][scored], fold_scores.inner[scored])
        scores[fold.repeat, fold.test] = fold_scores.test
        thresholds[fold.repeat, fold.test] = threshold
        where = {"repeat": fold.repeat, "fold": fold.fold}
        chosen.append(where | {"threshold": threshold} | fold_scores.chosen)
        history.extend(where | row for row in fold_scores.history)
    years = dataset.films["year"].to_numpy(np.int64)
    film_ids = [str(film_id) for film_id in dataset.films["film_id"]]
    return FilmPredictions(
        film_ids,
        dataset.labels,
        dataset.groups,
        years,
        scores,
        thresholds,
        fold_numbers,
        chosen,
        history,
    )


def fold_seed(seed: int, fold: Fold) -> int:
    """Return the seed of one fold, which does not depend on the order of the folds."""
    return derive_seed(seed, fold.repeat, fold.fold)


def map_folds(
    fn: Callable[[Fold], T],
    folds: Sequence[Fold],
    *,
    name: str,
    n_jobs: int | None = None,
    progress: bool = True,
) -> Iterator[T]:
    """Yield `fn` of each fold, in order, from `n_jobs` processes; None is one for each core.

    Each fold runs on one core, so that the results do not depend on the number of processes. With
    fewer than five folds, None is one process: starting others costs more than it saves.
    """
    if n_jobs is None:
        n_jobs = (os.cpu_count() or 1) if len(folds) >= 5 else 1
    results = Parallel(n_jobs, return_as="generator")(
        delayed(_run_single_threaded)(fn, fold) for fold in folds
    )
    yield from tqdm(results, name, len(folds), unit="fold", disable=not progress)


def _fit_fold(estimator: Estimator, dataset: FilmDataset, seed: int, fold: Fold) -> FoldPredictions:
    return estimator.fit_predict(dataset, fold.train, fold.test, seed=fold_seed(seed, fold))


def _run_single_threaded(fn: Callable[[Fold], T], fold: Fold) -> T:
    """Run linear algebra on one core, so that sums are in the same order on every machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            return fn(fold)
    finally:
        torch.set_num_threads(threads)


def _check_fold(fold: Fold, dataset: FilmDataset, fold_numbers: NDArray[np.int64]) -> None:
    where = f"fold {fold.fold} of repeat {fold.repeat}"
    if len(shared := np.intersect1d(dataset.groups[fold.train], dataset.groups[fold.test])):
        raise DataError(
            f"{len(shared)} groups of films, {shared[0]!r} among them, are in both training and "
            f"test films of {where}: make folds that keep groups together"
        )
    if len(twice := fold.test[fold_numbers[fold.repeat, fold.test] >= 0]):
        raise DataError(
            f"row {twice[0]} is tested again in {where}: the test films of a repeat must not "
            "overlap; number another repeat differently"
        )


def _serialize(scores: FoldPredictions) -> bytes:
    """Return an npz file of the two arrays, and of the other fields as JSON text (`rest`)."""
    buffer = io.BytesIO()
    rest = np.asarray(json.dumps({"chosen": scores.chosen, "history": scores.history}))
    np.savez(buffer, inner=scores.inner, test=scores.test, rest=rest)
    return buffer.getvalue()


def _load_fold(path: Path) -> FoldPredictions:
    with np.load(path, allow_pickle=False) as stored:
        return FoldPredictions(stored["inner"], stored["test"], **json.loads(str(stored["rest"])))
