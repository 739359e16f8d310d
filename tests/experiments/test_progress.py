import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from tests.shell import shell
from tests.training.planted_documents import planted_table
from wholescript.errors import RunError
from wholescript.experiments.progress import (
    STATUS_FILE,
    list_trainings,
    training_lock,
    typed_command,
)
from wholescript.experiments.store import RunStore
from wholescript.experiments.training_status import duration, status_row
from wholescript.project import ROOT_VARIABLE, Project

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
        [sys.executable, "-m", "wholescript", *TRAIN],
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


def stop(project, folder, name, command="", error=KeyboardInterrupt):
    lock = training_lock(project.build / "training" / folder, name, command)
    with pytest.raises(error), lock:
        raise error


@pytest.mark.parametrize("columns", ["40", "200"])
def test_status_proposes_a_command_that_works_here(project, monkeypatch, tmp_path, columns):
    (tmp_path / "a folder").mkdir()
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    monkeypatch.chdir(tmp_path / "a folder")
    command = f"wholescript train scratch {'long-' * 20}name --store runs"
    stop(project, "a", "set/model-s0", command)
    stop(project, "b", "set/other-s0", error=ValueError)
    status = partial(shell, ["status"], env={"COLUMNS": columns})
    assert status().stdout.splitlines()[-3:] == [
        "to resume set/other-s0 (failed): run again what started it",
        "to resume set/model-s0 (interrupted):",
        command,
    ]
    monkeypatch.chdir(tmp_path)
    assert status().stdout.splitlines()[-1] == f"cd '{tmp_path}/a folder' && {command}"


def test_a_training_whose_run_has_finished_since_is_not_resumed(project, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    stop(project, "a", "set/model-s0", error=ValueError)
    with training_lock(project.build / "training" / "b", "set/model-s0"):
        assert "to resume set/model-s0" in shell(["status"]).stdout
    assert "to resume" not in shell(["status"]).stdout
    stop(project, "c", "set/model-s0", error=ValueError)
    assert shell(["status"]).stdout.count("to resume set/model-s0") == 1


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("/usr/bin/wholescript", "wholescript train a 'b c'"),
        ("/src/wholescript/__main__.py", "wholescript train a 'b c'"),
        ("/lib/ipykernel_launcher.py", ""),
        ("wholescript/mine.py", ""),
    ],
)
def test_only_the_command_line_has_a_command(program, command, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program, "train", "a", "b c"])
    assert typed_command() == command


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
    assert "to resume questions/scratch-tiny-s0 (interrupted):" in output
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
