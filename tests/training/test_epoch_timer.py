import json

import pytest
import torch
from torch import nn

from tests.training.planted_documents import planted
from wholescript.studies.encoder.classifier import EncoderClassifier
from wholescript.training import epoch_timer
from wholescript.training.checkpoint import save_checkpoint
from wholescript.training.epoch_timer import EpochTimer
from wholescript.training.loop import TrainConfig
from wholescript.training.pretrain import SECONDS_FILE, pretrain_seconds
from wholescript.training.progress import Progress, progress_path
from wholescript.training.settings import PRETRAIN_CONFIG


@pytest.fixture
def clock(monkeypatch):
    """The readings of the timer's clock, in order."""
    readings = []
    monkeypatch.setattr(epoch_timer, "perf_counter", lambda: readings.pop(0))
    return readings


@pytest.fixture
def checkpoint(tmp_path):
    """Files of a training that was killed after 5 of the 10 steps of its third epoch."""
    path, model = tmp_path / "checkpoint-0.safetensors", nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    history = [{"epoch": 1}, {"epoch": 2}]
    metadata = {
        "history": history,
        "learning_rates": [0.1],
        "steps_done": 5,
        "loss_sum": 1.0,
        "n_samples": 5,
    }
    save_checkpoint(path, model, optimizer, {}, metadata)
    progress = Progress(25, 100, 3, 0.1, seconds_per_step=2.0, updated=0.0)
    progress_path(path).write_text(json.dumps(vars(progress)))
    return path


def test_interrupted_epoch_includes_the_seconds_before_the_kill(checkpoint, tmp_path, clock):
    path = tmp_path / "seconds-0.json"
    path.write_text(json.dumps({"1": 21.0}))
    clock += [100.0, 100.25, 101.0]
    timer = EpochTimer(path, 0, checkpoint)
    timer.record({"epoch": 3})
    timer.record({"epoch": 4})
    seconds = json.loads(path.read_text())
    assert seconds["1"] == 21.0, "measured seconds are kept"
    assert seconds["2"] == 20.0, "an epoch that was not recorded counts by its steps"
    assert seconds["3"] == 10.25
    assert seconds["4"] == 0.75
    assert timer.total == pytest.approx(sum(seconds.values()))
    assert timer.with_seconds({"epoch": 2}) == {"epoch": 2, "seconds": 20.0}


def test_without_a_checkpoint_the_timer_starts_at_zero(tmp_path, clock):
    clock += [100.0, 100.5]
    timer = EpochTimer(None, 3, tmp_path / "none.safetensors")
    timer.record({"epoch": 1})
    assert timer.with_seconds({"epoch": 1}) == {"epoch": 4, "seconds": 0.5}


def test_seconds_of_pretraining_are_stored(tmp_path):
    train, validation = planted(60, words=7), planted(30, seed=1, words=7)
    few = TrainConfig(epochs=1, patience=1, monitor="val_loss")
    estimator = EncoderClassifier(
        d_model=16,
        n_head=2,
        d_feedforward=32,
        n_layer=1,
        bfloat16=False,
        pretrain=PRETRAIN_CONFIG,
        train_config=few,
    )
    assert pretrain_seconds(tmp_path) == 0
    estimator.fit(train, validation, seed=0, folder=tmp_path)
    seconds = json.loads((tmp_path / SECONDS_FILE).read_text())
    assert list(seconds) == ["1", "2"]
    assert pretrain_seconds(tmp_path) == pytest.approx(sum(seconds.values()))
    assert pretrain_seconds(tmp_path) > 0
