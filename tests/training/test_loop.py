import json
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.optimizer import register_optimizer_step_post_hook

from tests.training import slow_training
from tests.training.planted import D, N, corpus
from wholescript.errors import ParameterError, RunError
from wholescript.files import ROOT
from wholescript.models.aggregators import GatedAttention
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.loop import TrainConfig, fit
from wholescript.training.objectives.base import predict_logits
from wholescript.training.objectives.films import AggregatorObjective, drop_chunks
from wholescript.training.optimizers import make_optimizer

QUICK = TrainConfig(epochs=12, learning_rate=2e-2, patience=12)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return GatedAttention(D, d_model=16, d_attention=8, dropout=0.1)


@pytest.fixture
def every_step():
    """The learning rate and the gradient norm of each optimizer step."""
    seen = []

    def record(optimizer, *_):
        parameters = optimizer.param_groups[0]["params"]
        norm = torch.stack([p.grad.norm() for p in parameters]).norm()
        seen.append((optimizer.param_groups[0]["lr"], float(norm)))

    handle = register_optimizer_step_post_hook(record)
    yield seen
    handle.remove()


@pytest.fixture(scope="module")
def unbroken():
    """The weights and the result of an uninterrupted training."""
    return slow_training.run()


def assert_same_run(found, expected):
    assert found[1] == expected[1]
    for name, value in expected[0].items():
        assert torch.equal(found[0][name], value), name


def test_planted_signal_is_learned(model, loaders):
    train_loader, val_loader = loaders
    result = fit(model, train_loader, val_loader, QUICK, seed=0)
    logits, labels, rows = predict_logits(model, val_loader, AggregatorObjective())
    assert roc_auc_score(labels, logits) > 0.9
    assert sorted(rows) == sorted(val_loader.indices)
    assert labels.tolist() == val_loader.labels[rows].tolist()
    assert result.history[-1]["train_loss"] < 0.7 * result.history[0]["train_loss"]


def test_model_has_the_weights_of_the_best_epoch(model):
    labels, chunks = corpus()
    noise = np.random.default_rng(3).permutation(labels)
    train_loader, val_loader = (
        ChunkBatchLoader(chunks, noise, rows, D, 0.3, 16)
        for rows in (np.arange(48), np.arange(48, N))
    )
    settings = replace(QUICK, epochs=40, patience=3, chunk_dropout=0.0)
    result = fit(model, train_loader, val_loader, settings, seed=0)
    losses = [row["val_loss"] for row in result.history]
    assert result.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == result.best_epoch + settings.patience < settings.epochs
    logits, truth, _ = predict_logits(model, val_loader, AggregatorObjective())
    loss = binary_cross_entropy_with_logits(torch.from_numpy(logits), torch.from_numpy(truth))
    assert float(loss) == pytest.approx(min(losses), abs=1e-5)


def test_cosine_schedule_with_linear_warmup(model, loaders, every_step):
    fit(model, *loaders, replace(QUICK, epochs=10), seed=0)
    rates = np.array([rate for rate, _ in every_step])
    steps = 10 * len(loaders[0])
    warmup = steps // 10
    assert len(rates) == steps
    step = np.arange(steps)
    falling = 0.5 * (1 + np.cos(math.pi * (step - warmup) / (steps - warmup)))
    expected = QUICK.learning_rate * np.where(step < warmup, step / warmup, falling)
    np.testing.assert_allclose(rates, expected, atol=1e-12)
    assert rates.max() == QUICK.learning_rate


def test_onecycle_schedule(model, loaders, every_step):
    settings = replace(QUICK, epochs=10, schedule="onecycle", warmup_ratio=0.25)
    fit(model, *loaders, settings, seed=0)
    rates = np.array([rate for rate, _ in every_step])
    assert rates[0] == pytest.approx(QUICK.learning_rate / 25)
    assert rates.max() == pytest.approx(QUICK.learning_rate, rel=0.01)
    assert np.argmax(rates) == round(0.25 * len(rates)) - 1
    assert rates[-1] < 0.01 * QUICK.learning_rate


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_onecycle_works_with_few_steps(model, loaders, every_step, epochs):
    few = replace(loaders[0], indices=loaders[0].indices[:16])
    settings = replace(QUICK, epochs=epochs, schedule="onecycle", warmup_ratio=1 / epochs)
    fit(model, few, loaders[1], settings, seed=0)
    assert len(every_step) == epochs
    assert all(0 < rate <= QUICK.learning_rate for rate, _ in every_step)


def test_wsd_schedule_decays_in_the_last_steps(model, loaders, every_step):
    settings = replace(QUICK, epochs=10, schedule="wsd", warmup_ratio=0.2)
    fit(model, *loaders, settings, seed=0)
    rates = np.array([rate for rate, _ in every_step]) / QUICK.learning_rate
    steps = len(rates)
    step = np.arange(steps)
    falling = (steps - step) / (0.3 * steps)
    expected = np.minimum(np.where(step < 0.2 * steps, step / (0.2 * steps), 1), falling)
    np.testing.assert_allclose(rates, expected, atol=1e-9)


def test_monitoring_the_epoch_selects_the_last_one(model, loaders):
    result = fit(model, *loaders, replace(QUICK, epochs=3, monitor="epoch"), seed=0)
    assert result.best_epoch == 3


def test_early_stopping_follows_the_monitored_metric(model):
    labels, chunks = corpus()
    noise = np.random.default_rng(3).permutation(labels)
    train_loader, val_loader = (
        ChunkBatchLoader(chunks, noise, rows, D, 0.3, 16)
        for rows in (np.arange(48), np.arange(48, N))
    )
    settings = replace(QUICK, epochs=30, patience=4, monitor="val_auc")
    result = fit(model, train_loader, val_loader, settings, seed=0)
    aucs, losses = ([row[f"val_{name}"] for row in result.history] for name in ("auc", "loss"))
    assert result.best_epoch == 1 + int(np.argmax(aucs)) != 1 + int(np.argmin(losses))
    logits, truth, _ = predict_logits(model, val_loader, AggregatorObjective())
    assert roc_auc_score(truth, logits) == pytest.approx(max(aucs), abs=1e-5)


def test_unknown_monitor_raises(model, loaders):
    with pytest.raises(ParameterError, match="monitor='val_f1' is none of epoch"):
        fit(model, *loaders, replace(QUICK, monitor="val_f1"), seed=0)


def test_gradients_are_clipped(model, loaders, every_step):
    def steep(logits, labels):
        return 1e4 * binary_cross_entropy_with_logits(logits, labels)

    fit(model, *loaders, replace(QUICK, epochs=1), seed=0, loss_fn=steep)
    norms = np.array([norm for _, norm in every_step])
    np.testing.assert_allclose(norms, 1.0, rtol=1e-4)


def test_weights_depend_on_the_seed(loaders):
    def weights(seed):
        torch.manual_seed(0)
        model = GatedAttention(D, d_model=8, d_attention=4)
        fit(model, *loaders, replace(QUICK, epochs=2), seed=seed)
        return torch.cat([parameter.detach().ravel() for parameter in model.parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize("calls", [3, 14, 31])
def test_interrupted_run_resumes_to_the_same_weights(tmp_path, unbroken, calls):
    remaining = iter(range(calls))

    def interrupted(logits, labels):
        if next(remaining, None) is None:
            raise KeyboardInterrupt
        return binary_cross_entropy_with_logits(logits, labels)

    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        slow_training.run(path, interrupted)
    assert path.exists()
    assert_same_run(slow_training.run(path), unbroken)


def test_killed_run_resumes_to_the_same_weights(tmp_path, unbroken):
    path = tmp_path / "checkpoint.safetensors"
    slow_training.start_and_kill(path)
    assert_same_run(slow_training.run(path), unbroken)


@pytest.mark.parametrize("schedule", ["onecycle", "wsd"])
def test_other_schedules_resume(tmp_path, schedule):
    settings = replace(slow_training.SETTINGS, schedule=schedule)
    remaining = iter(range(13))

    def interrupted(logits, labels):
        if next(remaining, None) is None:
            raise KeyboardInterrupt
        return binary_cross_entropy_with_logits(logits, labels)

    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        slow_training.run(path, interrupted, settings=settings)
    found = slow_training.run(path, settings=settings)
    assert_same_run(found, slow_training.run(settings=settings))


def test_combined_optimizer_resumes(loaders, tmp_path):
    def trained(path=None, stop=1000):
        torch.manual_seed(0)
        model = GatedAttention(D, d_model=16, d_attention=8, dropout=0.1)
        optimizer = make_optimizer("muon", model, 1e-2, 0.1)
        remaining = iter(range(stop))

        def loss_fn(logits, labels):
            if next(remaining, None) is None:
                raise KeyboardInterrupt
            return binary_cross_entropy_with_logits(logits, labels)

        settings = replace(QUICK, epochs=4)
        options = {"optimizer": optimizer, "checkpoint": path, "save_interval_s": 0.0}
        found = fit(model, *loaders, settings, seed=0, loss_fn=loss_fn, **options)
        assert len({id(group) for part in optimizer.optimizers for group in part.param_groups}) == 3
        return model.state_dict(), found.history

    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained(path, stop=9)
    assert_same_run(trained(path), trained())


def test_two_processes_give_the_weights_of_one(tmp_path):
    path = tmp_path / "weights.safetensors"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [*command, "-m", slow_training.__name__, str(path), "--shared"],
        check=True,
        cwd=ROOT,
        env=environment,
        capture_output=True,
    )
    weights, alone = slow_training.run(settings=slow_training.SHARED)
    with safe_open(path, "pt") as shared:
        assert shared.metadata()["processes"] == "2"
        for name, value in weights.items():
            torch.testing.assert_close(shared.get_tensor(name), value, rtol=1e-4, atol=1e-6)
        assert json.loads(shared.metadata()["history"])[-1] == pytest.approx(alone.history[-1])


def test_finished_run_is_not_trained_again(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    finished = slow_training.run(path)

    def unexpected(logits, labels):
        pytest.fail("trained again")

    assert_same_run(slow_training.run(path, unexpected), finished)


def test_damaged_checkpoint_restarts_training(tmp_path, unbroken):
    path = tmp_path / "checkpoint.safetensors"
    slow_training.run(path)
    path.write_bytes(path.read_bytes()[:-5])
    assert_same_run(slow_training.run(path), unbroken)


def test_loss_that_is_not_finite_raises(model, loaders):
    def infinite(logits, labels):
        return binary_cross_entropy_with_logits(logits, labels) * math.nan

    with pytest.raises(RunError, match=r"epoch 1: lower learning_rate \(now 0.02\)"):
        fit(model, *loaders, QUICK, seed=0, loss_fn=infinite)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"learning_rate": 0.0}, {"chunk_dropout": 1.0}, {"chunk_dropout": -1}]
)
def test_invalid_config_raises(wrong):
    (name, value), *_ = wrong.items()
    with pytest.raises(ParameterError, match=f"{name}={value}"):
        TrainConfig(**wrong)


@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=6),
    st.floats(0, 0.99),
    st.integers(0, 99),
)
def test_drop_chunks_keeps_at_least_one_chunk(lengths, share, seed):
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    torch.manual_seed(seed)
    kept = drop_chunks(mask, share)
    assert (kept <= mask).all()
    assert kept.any(1).all()


def test_drop_chunks_drops_about_the_share():
    torch.manual_seed(0)
    mask = torch.ones(50, 400, dtype=torch.bool)
    assert drop_chunks(mask, 0.3).float().mean() == pytest.approx(0.7, abs=0.01)
    assert torch.equal(drop_chunks(mask, 0), mask)
