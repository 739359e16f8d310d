import json
import math

import pytest

from wholescript.training import progress
from wholescript.training.progress import ProgressMeter, progress_path, read_progress


@pytest.fixture
def checkpoint(tmp_path):
    return tmp_path / "checkpoint-0.safetensors"


def meter(checkpoint, *, done=0, steps=10):
    return ProgressMeter(steps, done, progress_path(checkpoint), show_bar=False)


def test_tells_of_the_first_step_at_once(checkpoint):
    meter(checkpoint).step(1, 0.7)
    found = read_progress(checkpoint)
    assert (found.step, found.steps, found.epoch, found.loss) == (1, 10, 1, 0.7)
    assert found.saved is None
    assert found.seconds_left == pytest.approx(9 * found.seconds_per_step)


def test_writes_no_more_often_than_people_look(checkpoint):
    begun = meter(checkpoint)
    for _ in range(5):
        begun.step(1, 0.7)
    assert read_progress(checkpoint).step == 1


def test_tells_of_a_checkpoint_at_once(checkpoint):
    begun = meter(checkpoint)
    for _ in range(5):
        begun.step(1, 0.7)
    begun.saved()
    found = read_progress(checkpoint)
    assert found.step == 5
    assert found.saved == pytest.approx(found.updated, abs=0.1)


def test_counts_on_from_where_a_killed_training_was(checkpoint, monkeypatch):
    now = iter([100.0, 103.0, 103.0, 103.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(now))
    resumed = meter(checkpoint, done=6)
    resumed.step(2, 0.5)
    found = read_progress(checkpoint)
    assert found.step == 7
    assert found.seconds_per_step == 3.0, "the pace is that of this process"
    assert found.seconds_left == 9.0


def test_without_a_file_nothing_is_written(tmp_path):
    begun = ProgressMeter(10, 0, None, show_bar=False)
    begun.step(1, math.inf)
    begun.saved()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"step": 1})])
def test_a_damaged_file_tells_nothing(checkpoint, content):
    progress_path(checkpoint).write_text(content)
    assert read_progress(checkpoint) is None


def test_no_file_tells_nothing(checkpoint):
    assert read_progress(checkpoint) is None
