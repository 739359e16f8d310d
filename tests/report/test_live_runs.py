import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from tests.training.planted_texts import planted_table
from wholescript.cli import app
from wholescript.errors import RunError
from wholescript.experiments.progress import STATUS_FILE, list_trainings, training_lock
from wholescript.experiments.store import RunStore
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.site.trainings import duration, render_status, shown

COMMAND = "from wholescript.cli import app; app()"
SCRATCH = ["train", "scratch", "questions", "--size", "tiny", "--vocabulary", "400"]
TRAIN = [*SCRATCH, "--epochs", "60", "--patience", "60"]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def prepared(project, monkeypatch):
    table = planted_table(project.root / "questions.csv")
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    assert CliRunner().invoke(app, ["prepare", str(table)]).exit_code == 0
    return project


def begin(project):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *TRAIN],
        env=os.environ | {ROOT_VARIABLE: str(project.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def only(project):
    (run,) = list_trainings(project)
    return run


def test_nothing_was_trained(project):
    assert list_trainings(project) == []
    assert "Nothing has been trained" in render_status([])


def test_a_training_that_ended_is_finished(project):
    with training_lock(project.build / "training" / "a", "set/model-s0"):
        assert only(project).state == "running"
    run = only(project)
    assert (run.name, run.state) == ("set/model-s0", "finished")
    assert run.ended >= run.started


def test_a_training_that_raised_says_why(project):
    with (
        pytest.raises(RunError, match="not finite"),
        training_lock(project.build / "training" / "a", "set/model-s0"),
    ):
        raise RunError("the loss is not finite in epoch 2")
    run = only(project)
    assert run.state == "failed"
    assert shown(run, time.time()).state == "failed: the loss is not finite in epoch 2"
    assert "not finite" in render_status([run])


def test_a_training_that_was_stopped_by_hand_is_interrupted(project):
    with (
        pytest.raises(KeyboardInterrupt),
        training_lock(project.build / "training" / "a", "set/model-s0"),
    ):
        raise KeyboardInterrupt
    assert only(project).state == "interrupted"


def test_two_processes_cannot_train_the_same(project):
    folder = project.build / "training" / "a"
    refused = pytest.raises(RunError, match="another process is training one")
    with training_lock(folder, "one"), refused, training_lock(folder, "one"):
        pass
    assert only(project).state == "finished", "the second took nothing from the first"


def test_the_last_one_begun_comes_first(project):
    for name in "abc":
        with training_lock(project.build / "training" / name, name):
            time.sleep(0.01)
    assert [run.name for run in list_trainings(project)] == ["c", "b", "a"]


@pytest.mark.parametrize("content", ["", "[]", '{"name": 1}'])
def test_a_damaged_note_hides_no_other(project, content):
    with training_lock(project.build / "training" / "a", "good"):
        pass
    bad = project.build / "training" / "b"
    bad.mkdir()
    (bad / STATUS_FILE).write_text(content)
    assert only(project).name == "good"


def test_markup_in_a_name_is_text(project):
    with training_lock(project.build / "training" / "a", "<script>alert(1)</script>"):
        pass
    assert "<script>" not in render_status(list_trainings(project))


def test_what_runs_is_told_first_and_of_the_finished_the_last(project, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    with training_lock(project.build / "training" / "running", "still/running"):
        for number in range(12):
            with training_lock(project.build / "training" / str(number), f"done/{number}"):
                pass
        short, long = (
            CliRunner().invoke(app, ["status", *more], env={"COLUMNS": "200"}).output
            for more in ([], ["--all"])
        )
    names = [run.name for run in list_trainings(project)]
    assert names == [f"done/{number}" for number in range(11, -1, -1)] + ["still/running"]
    assert short.index("still/running") < short.index("done/11")
    assert "done/2 " in short and "done/1 " not in short and "2 more are finished" in short
    assert "done/0 " in long and "more are finished" not in long


@pytest.mark.parametrize("moment", ["begun", "first step", "checkpoint"])
def test_a_killed_training_shows_as_interrupted_and_goes_on(prepared, moment):
    process = begin(prepared)
    reached = {
        "begun": lambda run: True,
        "first step": lambda run: run.progress is not None,
        "checkpoint": lambda run: run.progress is not None and run.progress.saved is not None,
    }[moment]
    until(lambda: any(map(reached, list_trainings(prepared))))
    assert only(prepared).state == "running"
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = only(prepared)
    assert run.state == "interrupted"
    said = CliRunner().invoke(app, ["status"], env={"COLUMNS": "200"}).output
    assert "interrupted" in said and "goes on by" in said
    done = run.progress.step if moment == "checkpoint" else 0
    if moment == "checkpoint":
        assert len(run.history) >= 1

    process = begin(prepared)
    until(lambda: only(prepared).state == "running" and only(prepared).progress is not None)
    assert only(prepared).progress.step >= done
    process.kill()
    process.wait()


def test_a_finished_training_is_in_the_store(prepared):
    command = [*SCRATCH, "--epochs", "2"]
    assert CliRunner().invoke(app, command).exit_code == 0
    run = only(prepared)
    assert run.state == "finished"
    assert RunStore(prepared.build / "texts").find(run.name) is not None


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "0 s"), (12.4, "12 s"), (90, "2 min"), (5400, "1 h 30 min")]
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words
