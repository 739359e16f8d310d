"""A slow cross-validation in a child process, to be killed: `slow_cross_validation.py FOLDER`."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from wholescript.data.films.folds import repeated_folds
from wholescript.models.films.estimator import FilmDataset, FoldPredictions
from wholescript.studies.screenplays.cross_validation import cross_validate

N_BEFORE_KILL = 3


class SlowRandom:
    """Random predictions; from the fold after the kill on, each takes some seconds."""

    name = "slow"
    config = {"model": "SlowRandom"}  # noqa: RUF012

    def __init__(self, seconds):
        self.seconds = seconds
        self.fitted = 0

    def fit_predict(self, dataset, train, test, *, seed):
        self.fitted += 1
        if self.fitted > N_BEFORE_KILL:
            time.sleep(self.seconds)
        rng = np.random.default_rng(seed)
        history = [{"epoch": 1, "loss": float(rng.random())}]
        return FoldPredictions(rng.random(len(train)), rng.random(len(test)), {"C": 0.1}, history)


def small_dataset(n=60):
    rng = np.random.default_rng(0)
    ids = np.array([f"film{i}" for i in range(n)], dtype=object)
    films = pd.DataFrame({"film_id": ids, "year": rng.integers(1950, 2020, n)})
    return FilmDataset(films, (np.arange(n) % 3 == 0).astype(np.int8), ids, SimpleNamespace())


def run(estimator, folder, progress=False):
    dataset = small_dataset()
    folds = repeated_folds(dataset.labels, dataset.groups, n_folds=5, n_repeats=2, seed=0)
    return cross_validate(
        estimator, dataset, folds, seed=3, fold_cache_dir=folder, progress=progress
    )


if __name__ == "__main__":
    run(SlowRandom(600), Path(sys.argv[1]), progress=True)
