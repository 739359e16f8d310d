import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from tests.studies.screenplays.slow_cross_validation import (
    N_BEFORE_KILL,
    SlowRandom,
    run,
    small_dataset,
)
from wholescript.data.films.folds import Fold, repeated_folds, temporal_split
from wholescript.errors import DataError
from wholescript.evaluation.thresholds import best_threshold
from wholescript.models.films.estimator import FoldPredictions
from wholescript.studies.screenplays.cross_validation import (
    CachedEstimator,
    cross_validate,
    fold_seed,
)


def _bytes(predictions):
    arrays = (predictions.probabilities, predictions.thresholds, predictions.folds)
    return [a.tobytes() for a in arrays] + [predictions.chosen, predictions.history]


def test_every_film_is_tested_once_per_repeat():
    p = run(SlowRandom(0), None)
    assert p.probabilities.shape == (2, 60)
    assert np.isfinite(p.probabilities).all()
    assert len(p.chosen) == len(p.history) == 10
    assert p.chosen[6] == {"repeat": 1, "fold": 1, "threshold": p.chosen[6]["threshold"], "C": 0.1}
    assert p.history[0].keys() == {"repeat", "fold", "epoch", "loss"}
    of_fold = p.thresholds[1, p.folds[1] == 1]
    assert (of_fold == p.chosen[6]["threshold"]).all()


def test_parallel_folds_give_the_same_predictions(tmp_path):
    dataset, estimator = small_dataset(), SlowRandom(0)
    folds = repeated_folds(dataset.labels, dataset.groups, n_folds=5, n_repeats=2, seed=0)
    parallel = cross_validate(
        estimator, dataset, folds, seed=3, fold_cache_dir=tmp_path, progress=False, n_jobs=2
    )
    assert estimator.fitted == 0  # the worker processes did
    assert len(list(tmp_path.glob("*.npz"))) == 10
    assert _bytes(parallel) == _bytes(run(SlowRandom(0), None))


def test_a_fold_is_fitted_on_one_core():
    class Counting(SlowRandom):
        def fit_predict(self, *args, **options):
            self.fitted = torch.get_num_threads()
            return SlowRandom(0).fit_predict(*args, **options)

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    estimator = Counting(0)
    run(estimator, None)
    assert (estimator.fitted, torch.get_num_threads()) == (1, 2)
    torch.set_num_threads(threads)


def test_thresholds_are_chosen_on_inner_scores():
    dataset, train, test = small_dataset(), np.arange(40), np.arange(40, 60)
    p = cross_validate(SlowRandom(0), dataset, [Fold(0, 0, train, test)], seed=1, progress=False)
    inner = SlowRandom(0).fit_predict(
        dataset, train, test, seed=fold_seed(1, Fold(0, 0, train, test))
    )
    assert p.thresholds[0, 40] == best_threshold(dataset.labels[:40], inner.inner)
    assert np.isnan(p.probabilities[0, :40]).all()
    assert (p.folds[0, :40] == -1).all()


def test_a_temporal_split_leaves_early_films_unscored():
    dataset = small_dataset()
    years = dataset.films["year"].to_numpy()
    fold = temporal_split(dataset.labels, dataset.groups, years, first_test_year=1990)
    p = cross_validate(SlowRandom(0), dataset, [fold], seed=0, progress=False)
    assert_array_equal(np.isfinite(p.probabilities[0]), years >= 1990)


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path):
    child = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("slow_cross_validation.py"), tmp_path],
        stderr=subprocess.DEVNULL,
    )
    while len(list(tmp_path.glob("*.npz"))) < N_BEFORE_KILL:
        assert child.poll() is None
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert len(list(tmp_path.glob("*.npz"))) == N_BEFORE_KILL
    resumed = SlowRandom(0)
    assert _bytes(run(resumed, tmp_path)) == _bytes(run(SlowRandom(0), None))
    assert resumed.fitted == 10 - N_BEFORE_KILL
    again = SlowRandom(0)
    run(again, tmp_path)
    assert again.fitted == 0


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "flipped"])
def test_a_damaged_fold_is_fitted_again(tmp_path, damage, caplog):
    whole = _bytes(run(SlowRandom(0), tmp_path))
    victim = sorted(tmp_path.glob("*.npz"))[4]
    content = bytearray(victim.read_bytes())
    content[200] ^= 255
    damaged = {
        "cut": victim.read_bytes()[:-50],
        "empty": b"",
        "garbage": b"\0" * 99,
        "flipped": content,
    }
    victim.write_bytes(damaged[damage])
    estimator = SlowRandom(0)
    assert _bytes(run(estimator, tmp_path)) == whole
    assert estimator.fitted == 1
    assert victim.name in caplog.text


def test_a_cached_fold_depends_on_its_inputs(tmp_path):
    dataset, train, test = small_dataset(), np.arange(40), np.arange(40, 60)
    estimator = SlowRandom(0)
    cached = CachedEstimator(estimator, tmp_path)
    cached.fit_predict(dataset, train, test, seed=0)
    cached.fit_predict(dataset, train, test, seed=0)
    assert estimator.fitted == 1
    cached.fit_predict(dataset, train, test, seed=1)
    cached.fit_predict(dataset, train[:-1], test, seed=0)
    dataset.labels[0] ^= 1
    cached.fit_predict(dataset, train, test, seed=0)
    estimator.config = {"model": "another"}
    cached.fit_predict(dataset, train, test, seed=0)
    assert estimator.fitted == 5


def test_leaking_folds_are_an_error():
    dataset = small_dataset()
    rows = np.arange(60)
    with pytest.raises(DataError, match=r"1 groups.*'film30'.*test films of fold 0"):
        folds = [Fold(0, 0, rows[:31], rows[30:])]
        cross_validate(SlowRandom(0), dataset, folds, seed=0, progress=False)
    with pytest.raises(DataError, match="row 50 is tested again in fold 1 of repeat 0"):
        folds = [Fold(0, 0, rows[:50], rows[50:]), Fold(0, 1, rows[:50], rows[50:])]
        cross_validate(SlowRandom(0), dataset, folds, seed=0, progress=False)


def test_finished_folds_survive_an_interruption(tmp_path):
    class Failing(SlowRandom):
        def fit_predict(self, dataset, train, test, *, seed) -> FoldPredictions:
            if self.fitted == 4:
                raise KeyboardInterrupt
            return super().fit_predict(dataset, train, test, seed=seed)

    with pytest.raises(KeyboardInterrupt):
        run(Failing(0), tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
