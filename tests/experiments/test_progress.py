import os
import signal
import subprocess
import sys
import time

import pytest

from tests.shell import shell
from tests.training.planted_documents import planted_table
from wholescript.errors import RunError
from wholescript.experiments.progress import STATUS_FILE, list_trainings, training_lock
from wholescript.experiments.store import RunStore
from wholescript.experiments.training_status import duration, status_row
from wholescript.project import ROOT_VARIABLE, Project

COMMAND = "from wholescript.cli import main; main()"
SCRATCH = ["train", "scratch", "questions", "--size", "tiny", "--vocab-size", "400"]
# It is killed long before its end.
TRAIN = [*SCRATCH, "--epochs", "1000", "--patience", "1000"]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def prepared(project, monkeypatch):
    table = planted_table(project.root / "questions.csv")
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    assert shell(["data", "prepare", str(table)]).exit_code == 0
    return project


def start_training(project):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *TRAIN],
        env=os.environ | {ROOT_VARIABLE: str(project.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_until(condition, seconds=600):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def only_training(project):
    (run,) = list_trainings(project)
    return run


def test_no_trainings(project):
    assert list_trainings(project) == []


def test_training_that_ended_is_finished(project):
    with training_lock(project.build / "training" / "a", "set/model-s0"):
        assert only_training(project).state == "running"
    run = only_training(project)
    assert (run.name, run.state) == ("set/model-s0", "finished")
    assert run.ended >= run.started


def test_training_that_raised_has_failed_with_its_error(project):
    with (
        pytest.raises(RunError, match="not finite"),
        training_lock(project.build / "training" / "a", "set/model-s0"),
    ):
        raise RunError("the loss is not finite in epoch 2")
    run = only_training(project)
    assert run.state == "failed"
    assert status_row(run, time.time()).state == "failed: the loss is not finite in epoch 2"


def test_training_stopped_by_ctrl_c_is_interrupted(project):
    with (
        pytest.raises(KeyboardInterrupt),
        training_lock(project.build / "training" / "a", "set/model-s0"),
    ):
        raise KeyboardInterrupt
    assert only_training(project).state == "interrupted"


def test_two_processes_cannot_run_the_same_training(project):
    folder = project.build / "training" / "a"
    is_locked = pytest.raises(RunError, match="another process is training one")
    with training_lock(folder, "one"), is_locked, training_lock(folder, "one"):
        pass
    assert only_training(project).state == "finished"


def test_trainings_are_sorted_by_start(project):
    for name in "abc":
        with training_lock(project.build / "training" / name, name):
            time.sleep(0.01)
    assert [run.name for run in list_trainings(project)] == ["c", "b", "a"]


@pytest.mark.parametrize("content", ["", "[]", '{"name": 1}'])
def test_damaged_status_file_is_ignored(project, content):
    with training_lock(project.build / "training" / "a", "good"):
        pass
    bad = project.build / "training" / "b"
    bad.mkdir()
    (bad / STATUS_FILE).write_text(content)
    assert only_training(project).name == "good"


def test_status_lists_running_trainings_and_the_last_finished_ones(project, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    with training_lock(project.build / "training" / "running", "still/running"):
        for number in range(12):
            with training_lock(project.build / "training" / str(number), f"done/{number}"):
                pass
        short, long = (
            shell(["status", *more], env={"COLUMNS": "200"}).output for more in ([], ["--all"])
        )
    names = [run.name for run in list_trainings(project)]
    assert names == [f"done/{number}" for number in range(11, -1, -1)] + ["still/running"]
    assert short.index("still/running") < short.index("done/11")
    assert "done/2 " in short and "done/1 " not in short and "2 older finished trainings" in short
    assert "done/0 " in long and "older finished" not in long


@pytest.mark.parametrize("moment", ["started", "first step", "checkpoint"])
def test_killed_training_is_interrupted_and_resumes(prepared, moment):
    process = start_training(prepared)
    reached = {
        "started": lambda run: True,
        "first step": lambda run: run.progress is not None,
        "checkpoint": lambda run: run.progress is not None and run.progress.saved is not None,
    }[moment]
    wait_until(lambda: any(map(reached, list_trainings(prepared))))
    assert only_training(prepared).state == "running"
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = only_training(prepared)
    assert run.state == "interrupted"
    output = shell(["status"], env={"COLUMNS": "200"}).output
    assert "interrupted" in output and "resume questions/scratch-tiny-s0 with" in output
    done = run.progress.step if moment == "checkpoint" else 0
    if moment == "checkpoint":
        assert len(run.history) >= 1

    process = start_training(prepared)
    wait_until(
        lambda: (
            only_training(prepared).state == "running"
            and only_training(prepared).progress is not None
        )
    )
    assert only_training(prepared).progress.step >= done
    process.kill()
    process.wait()


def test_finished_training_is_stored(prepared):
    command = [*SCRATCH, "--epochs", "2"]
    assert shell(command).exit_code == 0
    run = only_training(prepared)
    assert run.state == "finished"
    assert RunStore(prepared.build / "results").find(run.name) is not None


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (12.4, "12 s"), (90, "2 min"), (5400, "1 h 30 min")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text
