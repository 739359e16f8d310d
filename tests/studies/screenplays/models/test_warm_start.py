import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from tests.studies.screenplays.models.token_films import token_dataset, write_tokens
from wholescript.errors import DataError, ParameterError
from wholescript.features.encoder_config import MINILM
from wholescript.studies.screenplays.models.finetuning_configurations import (
    PAIRS,
    finetuning_models,
)
from wholescript.studies.screenplays.models.warm_start import WarmStartClassifier
from wholescript.training import loop
from wholescript.training.loop import TrainConfig

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec(MINILM.package) is None, reason="needs the weights of MiniLM"
)
N = 36
ROWS = np.arange(27), np.arange(27, N)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    write_tokens(tmp_path, N, 0.3)
    monkeypatch.setattr(WarmStartClassifier, "cache", tmp_path)
    return tmp_path


@pytest.fixture
def dataset():
    return token_dataset(N)


@pytest.fixture
def model(cache):
    """A small model, whose inputs are in the cache: the tokens are those of the fixture."""
    found = WarmStartClassifier(
        "small",
        chunk_length=8,
        n_train_chunks=2,
        n_eval_chunks=3,
        n_inner_folds=3,
        n_layer=2,
        dimensions=8,
        aggregator_options={"d_model": 8, "d_attention": 4, "dropout": 0.0},
        warm_start_config=TrainConfig(epochs=10, learning_rate=2e-2, patience=10),
        train_config=TrainConfig(epochs=2, learning_rate=5e-4, patience=2, chunk_dropout=0.0),
    )
    found.cache_inputs((f"sha{film}", "") for film in range(N))
    return found


def test_the_frozen_encoder_is_epoch_0_of_the_finetuned_one(model, dataset, cache):
    frozen = replace(model, name="frozen", finetune=False).fit_predict(dataset, *ROWS, seed=0)
    assert roc_auc_score(dataset.labels[ROWS[1]], frozen.test) > 0.8
    assert [row["epoch"] for row in frozen.history] == list(range(1, 11))
    scores = model.fit_predict(dataset, *ROWS, seed=0)
    assert [row["epoch"] for row in scores.history] == [0, 1, 2]
    best = min(row["val_loss"] for row in frozen.history)
    assert scores.history[0]["val_loss"] == pytest.approx(best, abs=2e-5)
    assert not np.allclose(scores.test, frozen.test)
    assert not list((cache / "fits").glob("*"))
    again = model.fit_predict(dataset, *ROWS, seed=0)
    np.testing.assert_array_equal(again.test, scores.test)


def test_the_frozen_encoder_stays_if_no_epoch_is_better(model, dataset):
    frozen = replace(model, name="frozen", finetune=False).fit_predict(dataset, *ROWS, seed=0)
    ruinous = replace(
        model,
        aggregator_learning_rate=5.0,
        train_config=replace(model.train_config, learning_rate=1.0),
    )
    scores = ruinous.fit_predict(dataset, *ROWS, seed=0)
    assert scores.chosen["best_epochs"] == "0" and len(scores.history) == 3
    np.testing.assert_allclose(scores.test, frozen.test, atol=1e-5)
    np.testing.assert_allclose(scores.inner, frozen.inner, atol=1e-5)


def test_encoder_and_aggregator_have_their_own_learning_rates(model):
    network = model.build()
    groups = model._optimizer(network).param_groups
    assert [group["lr"] for group in groups] == [5e-4, 1e-4]
    sizes = [sum(p.numel() for p in group["params"]) for group in groups]
    assert sizes[0] == sum(p.numel() for p in network.encoder.parameters())
    assert sum(sizes) == sum(p.numel() for p in network.parameters())


def test_interrupted_finetuning_resumes(model, dataset, cache, monkeypatch):
    expected = model.fit_predict(dataset, *ROWS, seed=0)
    save_checkpoint = loop.save_checkpoint

    def killed(*args):
        save_checkpoint(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        model.fit_predict(dataset, *ROWS, seed=0)
    assert len(list((cache / "fits").glob("*.safetensors"))) == 1
    monkeypatch.setattr(loop, "save_checkpoint", save_checkpoint)
    resumed = model.fit_predict(dataset, *ROWS, seed=0)
    np.testing.assert_array_equal(resumed.test, expected.test)
    assert resumed.history == expected.history


def test_films_that_are_not_encoded_are_counted(model, dataset):
    with pytest.raises(DataError, match=r"states of 36 of 36 films .*`cache_inputs`"):
        replace(model, n_eval_chunks=2).fit_predict(dataset, *ROWS, seed=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"encoder": "scratch"}, "encoder='scratch': WarmStartClassifier fine-tunes"),
        ({"n_eval_chunks": None}, "n_eval_chunks=None: give the number"),
        ({"n_unfrozen": 3}, "n_unfrozen=3 must be below n_layer=3"),
    ],
)
def test_impossible_settings_are_refused(wrong, message):
    with pytest.raises(ParameterError, match=message):
        WarmStartClassifier("x", **wrong)


@pytest.mark.parametrize("n_chunks", PAIRS)
@pytest.mark.parametrize("profile", ["smoke", "cpu"])
def test_the_two_models_differ_in_the_finetuning_alone(profile, n_chunks):
    models, pair = finetuning_models(profile), PAIRS[n_chunks]
    frozen, finetuned = (models[name].config for name in pair)
    assert {key for key in frozen if frozen[key] != finetuned[key]} == {"name", "finetune"}
    assert frozen["n_eval_chunks"] == (2 if profile == "smoke" else n_chunks)
    torch.manual_seed(0)
    assert models[pair.finetuned].build().aggregator.axes.shape[0] == MINILM.d_model
