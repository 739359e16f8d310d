import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from tests.studies.screenplays.search import slow_search
from tests.studies.screenplays.search.slow_search import SPACE, TRIALS, films
from wholescript.data.films.folds import inner_folds, repeated_folds
from wholescript.errors import ParameterError
from wholescript.files import ROOT
from wholescript.studies.screenplays.search.results import read_search, write_search
from wholescript.studies.screenplays.search.run import outer_training_dataset
from wholescript.studies.screenplays.search.space import make_estimator, parse_space
from wholescript.studies.screenplays.search.trial import iter_trial_epochs

KILLED_AFTER = 3


def start_and_kill(folder, where):
    """Start a search and kill it before all trials have started."""
    command = [sys.executable, "-m", slow_search.__name__, str(folder), str(where)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as child:
        while len(list(folder.glob("trials/*"))) < KILLED_AFTER and child.poll() is None:
            time.sleep(0.02)
        assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    assert len(list(folder.glob("trials/*"))) < TRIALS


def check_complete(result, folder, tmp_path):
    """Check that every trial is there once, with the scores that it has when trained alone."""
    assert len(result.trials) == TRIALS
    configs = {json.dumps(trial.config, sort_keys=True) for trial in result.trials}
    assert len(configs) == TRIALS
    assert len(list(folder.glob("trials/*"))) == TRIALS
    dataset = outer_training_dataset(films(), SPACE.protocol)
    folds = inner_folds(dataset.labels, dataset.groups, np.arange(len(dataset.labels)), 2, seed=0)
    for number, trial in enumerate(result.trials):
        assert trial.error is None
        assert len(trial.history) in range(3, 10)
        estimator = make_estimator(trial.config, SPACE.protocol)
        alone = iter_trial_epochs(estimator, dataset, folds, tmp_path / str(number), seed=0)
        assert trial.history == list(islice(alone, len(trial.history)))
    assert result.n_films == len(dataset.labels)
    write_search(result, tmp_path / "own.json")
    assert read_search(tmp_path / "own.json") == result


@pytest.mark.slow
def test_killed_search_resumes_on_fewer_processes(tmp_path):
    folder = tmp_path / "search"
    start_and_kill(folder, 2)
    result = slow_search.run(folder, 1)
    check_complete(result, folder, tmp_path)


@pytest.mark.slow
def test_killed_search_resumes_on_two_nodes(tmp_path, two_nodes):
    folder = tmp_path / "search"
    start_and_kill(folder, two_nodes)
    result = slow_search.run(folder, two_nodes)
    check_complete(result, folder, tmp_path)
    # A finished search is not run again, and gives the same.
    written = {path: path.stat().st_mtime_ns for path in folder.glob("trials/*/*")}
    assert slow_search.run(folder, two_nodes) == result
    assert {path: path.stat().st_mtime_ns for path in folder.glob("trials/*/*")} == written


@pytest.mark.parametrize("split", ["random", "temporal"])
def test_trials_use_the_training_films_of_one_fold_only(split):
    dataset = films()
    protocol = replace(SPACE.protocol, split=split)
    train_films = set(outer_training_dataset(dataset, protocol).films["film_id"])
    if split == "random":
        test = repeated_folds(dataset.labels, dataset.groups, seed=0)[0].test
    else:
        test = np.flatnonzero(dataset.films["year"] >= 2010)
    assert len(test) > 10
    assert train_films == set(dataset.films["film_id"].drop(index=test))


def test_films_of_a_trial_keep_chunks_and_labels():
    dataset = films()
    part = outer_training_dataset(dataset, SPACE.protocol)
    row_of = {film_id: row for row, film_id in enumerate(dataset.films["film_id"])}
    for row, film_id in enumerate(part.films["film_id"]):
        assert part.labels[row] == dataset.labels[row_of[film_id]]
        expected = dataset.features.chunks.coordinates(row_of[film_id])
        np.testing.assert_array_equal(part.features.chunks.coordinates(row), expected)


def test_folder_of_another_search_raises(tmp_path):
    (tmp_path / "search.json").write_text(json.dumps({"space": SPACE.to_dict(), "trials": 3}))
    with pytest.raises(ParameterError, match=r"has other trials and data \(3 trials\)"):
        slow_search.run(tmp_path)


def test_invalid_trials_or_dimensions_raise(tmp_path):
    with pytest.raises(ParameterError, match="trials=0"):
        slow_search.run(tmp_path, trials=0)
    hyperparameters = {"architecture": ["gated_attention"], "dimensions": [4, 7]}
    with pytest.raises(ParameterError, match="dimensions=7: the chunk vectors have 6"):
        slow_search.run(tmp_path, space=parse_space({"hyperparameters": hyperparameters}))
    assert not list(tmp_path.iterdir())
