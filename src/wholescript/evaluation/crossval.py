"""Cross-validation: the same folds for every estimator, fold by fold on disk, hence resumable.

Each fold is fitted on one core, so that several side by side give what one after the other gives.
"""

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from wholescript.data.films.folds import Fold
from wholescript.errors import DataError
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.evaluation.thresholds import best_threshold
from wholescript.files import write_atomic
from wholescript.models.task import Estimator, FoldScores, Task

log = logging.getLogger(__name__)


@dataclass
class CachedEstimator:
    """An estimator that keeps each fitted fold in `folder` and never fits one twice.

    A fold is found by what decides it: configuration, labels, rows and seed. The same folder
    serves a cross-validation that was killed, and a stack of members that were evaluated alone.
    """

    estimator: Estimator
    folder: Path

    @property
    def name(self) -> str:
        """The name of the estimator within."""
        return self.estimator.name

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the estimator within: remembering changes no result."""
        return self.estimator.config

    def fit_predict(
        self, task: Task, train: NDArray[np.int64], test: NDArray[np.int64], *, seed: int
    ) -> FoldScores:
        """Return the stored fold, or fit it and store it; a damaged file is fitted again."""
        key = hashlib.sha256(json.dumps([self.config, seed], sort_keys=True).encode())
        for part in (task.labels, train, test):
            key.update(hashlib.sha256(np.ascontiguousarray(part).tobytes()).digest())
        path = self.folder / f"{key.hexdigest()[:20]}.npz"
        if path.exists():
            try:
                return _load_fold(path)
            except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
                log.warning("%s is damaged (%s): this fold is computed again.", path, error)
        scores = self.estimator.fit_predict(task, train, test, seed=seed)
        write_atomic(path, _serialize(scores))
        return scores


def cross_validate(
    estimator: Estimator,
    task: Task,
    folds: Sequence[Fold],
    *,
    seed: int,
    fold_cache_dir: Path | None = None,
    progress: bool = True,
    n_jobs: int = 1,
) -> FilmPredictions:
    """Fit `estimator` on each fold and gather what it says of the films it did not see.

    The threshold of a fold maximises macro-F1 on its inner scores. Finished folds are kept in
    `fold_cache_dir`, so a killed run goes on where it stopped and ends with the same bytes. Each
    fold's own seed derives from `seed` and its number. More than one of `n_jobs` are processes
    that each fit a fold at a time; the result is the same. Raises DataError where a group of films
    stands on both sides of a fold, or a film is tested twice in a repeat.
    """
    fold_estimator = CachedEstimator(estimator, fold_cache_dir) if fold_cache_dir else estimator
    shape = (max(fold.repeat for fold in folds) + 1, len(task.labels))
    scores, thresholds = np.full(shape, np.nan), np.full(shape, np.nan)
    numbers = np.full(shape, -1)
    chosen: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    for fold in folds:
        _check_fold(fold, task, numbers)
        numbers[fold.repeat, fold.test] = fold.fold
    jobs = (
        delayed(_fit_single_threaded)(fold_estimator, task, fold, fold_seed(seed, fold))
        for fold in folds
    )
    fitted = Parallel(n_jobs, return_as="generator")(jobs)
    bar = tqdm(fitted, estimator.name, len(folds), unit="fold", disable=not progress)
    for fold, found in zip(folds, bar, strict=True):
        scored = np.isfinite(found.inner)
        threshold = best_threshold(task.labels[fold.train][scored], found.inner[scored])
        scores[fold.repeat, fold.test] = found.test
        thresholds[fold.repeat, fold.test] = threshold
        where = {"repeat": fold.repeat, "fold": fold.fold}
        chosen.append(where | {"threshold": threshold} | found.chosen)
        history.extend(where | row for row in found.history)
    years = task.films["year"].to_numpy(np.int64)
    film_ids = [str(film_id) for film_id in task.films["film_id"]]
    return FilmPredictions(
        film_ids, task.labels, task.groups, years, scores, thresholds, numbers, chosen, history
    )


def fold_seed(seed: int, fold: Fold) -> int:
    """Return the seed of one fold: another for each fold, the same in whatever order they run."""
    return int(np.random.SeedSequence([seed, fold.repeat, fold.fold]).generate_state(1)[0])


def _fit_single_threaded(
    fold_estimator: Estimator, task: Task, fold: Fold, seed: int
) -> FoldScores:
    with single_threaded():
        return fold_estimator.fit_predict(task, fold.train, fold.test, seed=seed)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep this thread's linear algebra to one core: sums then come in one order everywhere."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def _check_fold(fold: Fold, task: Task, numbers: NDArray[np.int64]) -> None:
    where = f"fold {fold.fold} of repeat {fold.repeat}"
    if len(shared := np.intersect1d(task.groups[fold.train], task.groups[fold.test])):
        raise DataError(
            f"{len(shared)} groups of films, {shared[0]!r} among them, stand on both sides of "
            f"{where}: make folds that keep groups together."
        )
    if len(twice := fold.test[numbers[fold.repeat, fold.test] >= 0]):
        raise DataError(
            f"Row {twice[0]} is tested again in {where}: the test films of a repeat must not "
            "overlap; give another repeat its own number."
        )


def _serialize(scores: FoldScores) -> bytes:
    """Return one npz file of the two arrays and the rest as JSON text."""
    buffer = io.BytesIO()
    rest = np.asarray(json.dumps({"chosen": scores.chosen, "history": scores.history}))
    np.savez(buffer, inner=scores.inner, test=scores.test, rest=rest)
    return buffer.getvalue()


def _load_fold(path: Path) -> FoldScores:
    with np.load(path, allow_pickle=False) as stored:
        return FoldScores(stored["inner"], stored["test"], **json.loads(str(stored["rest"])))
