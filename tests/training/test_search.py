import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from ray.cluster_utils import Cluster

from tests.training import search_slowly
from tests.training.search_slowly import SPACE, TRIALS, films
from wholescript.data.films.folds import inner_folds, repeated_folds
from wholescript.errors import ParameterError
from wholescript.files import ROOT
from wholescript.studies.screenplays.search.results import read_search, write_search
from wholescript.studies.screenplays.search.run import outer_training_task
from wholescript.studies.screenplays.search.space import make_estimator, parse_space
from wholescript.studies.screenplays.search.trial import iter_trial_epochs

KILLED_AFTER = 3


@pytest.fixture
def two_nodes():
    """The address of a cluster of two nodes, of one process each."""
    cluster = Cluster(True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


def kill_in_the_middle(folder, where):
    """Begin a search and kill it; return the checkpoints that were there, and when written."""
    command = [sys.executable, "-m", search_slowly.__name__, str(folder), str(where)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as child:
        while len(list(folder.glob("trials/*"))) < KILLED_AFTER and child.poll() is None:
            time.sleep(0.02)
        assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    assert len(list(folder.glob("trials/*"))) < TRIALS


def check_whole(result, folder, tmp_path):
    """Every trial is there once, with the scores that it has when it is trained by itself."""
    assert len(result.trials) == TRIALS
    drawn = {json.dumps(trial.config, sort_keys=True) for trial in result.trials}
    assert len(drawn) == TRIALS
    assert len(list(folder.glob("trials/*"))) == TRIALS
    task = outer_training_task(films(), SPACE.protocol)
    folds = inner_folds(task.labels, task.groups, np.arange(len(task.labels)), 2, seed=0)
    for number, trial in enumerate(result.trials):
        assert trial.error is None
        assert len(trial.history) in range(3, 10)
        estimator = make_estimator(trial.config, SPACE.protocol)
        alone = iter_trial_epochs(estimator, task, folds, tmp_path / str(number), seed=0)
        assert trial.history == list(islice(alone, len(trial.history)))
    assert result.films == len(task.labels)
    write_search(result, tmp_path / "own.json")
    assert read_search(tmp_path / "own.json") == result


def test_killed_and_resumed_on_fewer_processes_loses_no_trial(tmp_path):
    folder = tmp_path / "search"
    kill_in_the_middle(folder, 2)
    result = search_slowly.run(folder, 1)
    check_whole(result, folder, tmp_path)
    # A finished search is not run again, and gives the same.
    written = {path: path.stat().st_mtime_ns for path in folder.glob("trials/*/*")}
    assert search_slowly.run(folder, 2) == result
    assert {path: path.stat().st_mtime_ns for path in folder.glob("trials/*/*")} == written


def test_killed_and_resumed_on_two_nodes_loses_no_trial(tmp_path, two_nodes):
    folder = tmp_path / "search"
    kill_in_the_middle(folder, two_nodes)
    check_whole(search_slowly.run(folder, two_nodes), folder, tmp_path)


@pytest.mark.parametrize("split", ["random", "temporal"])
def test_trials_see_the_training_films_of_one_fold_only(split):
    task = films()
    protocol = replace(SPACE.protocol, split=split)
    seen = set(outer_training_task(task, protocol).films["film_id"])
    if split == "random":
        tested = repeated_folds(task.labels, task.groups, seed=0)[0].test
    else:
        tested = np.flatnonzero(task.films["year"] >= 2010)
    assert len(tested) > 10
    assert seen == set(task.films["film_id"].drop(index=tested))


def test_the_films_of_a_trial_keep_their_chunks_and_labels():
    task = films()
    part = outer_training_task(task, SPACE.protocol)
    row_of = {film_id: row for row, film_id in enumerate(task.films["film_id"])}
    for row, film_id in enumerate(part.films["film_id"]):
        assert part.labels[row] == task.labels[row_of[film_id]]
        expected = task.features.chunks.of(row_of[film_id])
        np.testing.assert_array_equal(part.features.chunks.of(row), expected)


def test_another_search_of_that_name_is_refused(tmp_path):
    (tmp_path / "begun.json").write_text(json.dumps({"space": SPACE.config, "trials": 3}))
    with pytest.raises(ParameterError, match=r"begun with other trials and data \(3 trials\)"):
        search_slowly.run(tmp_path)


def test_no_trials_and_too_many_dimensions_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="trials=0"):
        search_slowly.run(tmp_path, trials=0)
    hyperparameters = {"architecture": ["gated_attention"], "dimensions": [4, 7]}
    with pytest.raises(ParameterError, match="dimensions=7: the chunk vectors have 6"):
        search_slowly.run(tmp_path, space=parse_space({"choices": hyperparameters}))
    assert not list(tmp_path.iterdir())
