import json
import math

import pytest

from wholescript.training import progress
from wholescript.training.progress import ProgressMeter, progress_path, read_progress


@pytest.fixture
def checkpoint(tmp_path):
    return tmp_path / "checkpoint-0.safetensors"


def meter(checkpoint, *, initial_step=0, steps=10):
    return ProgressMeter(steps, initial_step, progress_path(checkpoint), show_bar=False)


def test_first_step_is_written_at_once(checkpoint):
    meter(checkpoint).step(1, 0.7)
    found = read_progress(checkpoint)
    assert (found.step, found.steps, found.epoch, found.loss) == (1, 10, 1, 0.7)
    assert found.saved is None
    assert found.seconds_left == pytest.approx(9 * found.seconds_per_step)


def test_writes_are_at_least_an_interval_apart(checkpoint):
    started = meter(checkpoint)
    for _ in range(5):
        started.step(1, 0.7)
    assert read_progress(checkpoint).step == 1


def test_checkpoint_is_recorded_at_once(checkpoint):
    started = meter(checkpoint)
    for _ in range(5):
        started.step(1, 0.7)
    started.saved()
    found = read_progress(checkpoint)
    assert found.step == 5
    assert found.saved == pytest.approx(found.updated, abs=0.1)


def test_resumed_training_continues_the_count(checkpoint, monkeypatch):
    now = iter([100.0, 103.0, 103.0, 103.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(now))
    resumed = meter(checkpoint, initial_step=6)
    resumed.step(2, 0.5)
    found = read_progress(checkpoint)
    assert found.step == 7
    assert found.seconds_per_step == 3.0, "measured in this process only"
    assert found.seconds_left == 9.0


def test_without_a_file_nothing_is_written(tmp_path):
    started = ProgressMeter(10, 0, None, show_bar=False)
    started.step(1, math.inf)
    started.saved()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"step": 1})])
def test_damaged_file_gives_none(checkpoint, content):
    progress_path(checkpoint).write_text(content)
    assert read_progress(checkpoint) is None


def test_missing_file_gives_none(checkpoint):
    assert read_progress(checkpoint) is None
