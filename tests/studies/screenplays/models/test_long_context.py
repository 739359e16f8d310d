import importlib.util
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from transformers import GPT2Config, GPT2Model

from tests.models.tiny_long_context import KINDS, POSITIONS, write_tiny
from tests.training.planted import D
from wholescript.errors import ParameterError
from wholescript.features.encoder_config import MINILM
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.models import long_context
from wholescript.models.films.estimator import FilmDataset
from wholescript.studies.screenplays.models.end_to_end import EndToEndClassifier
from wholescript.studies.screenplays.models.long_context import LongContextMILClassifier
from wholescript.studies.screenplays.models.long_context_configurations import (
    WHOLE_SCRIPT,
    long_context_aggregators,
    long_context_encoders,
    pretrained_model,
)
from wholescript.training.loop import TrainConfig

QUICK = TrainConfig(epochs=15, learning_rate=1e-2, patience=3)
SIZES = {"d_model": 16, "n_head": 2, "dropout": 0.1}
OPTIONS = {
    "longformer": {"d_feedforward": 16, "attention_window": 4, **SIZES},
    "mamba2": {"d_state": 4, "chunk_size": 8, **SIZES},
}
needs_tokenizer = pytest.mark.skipif(
    importlib.util.find_spec(MINILM.package) is None, reason="needs the tokenizer of MiniLM"
)


@pytest.fixture(params=OPTIONS)
def aggregator(request):
    name = request.param
    return LongContextMILClassifier(
        name,
        D,
        n_inner_folds=2,
        batch_size=16,
        train_config=QUICK,
        aggregator_options=OPTIONS[name],
    )


def test_planted_signal_is_learned(aggregator, dataset, rows):
    train, test = rows
    scores = aggregator.fit_predict(dataset, train, test, seed=0)
    assert roc_auc_score(dataset.labels[test], scores.test) > 0.8
    brief = replace(aggregator, train_config=replace(QUICK, epochs=1))
    first, again = (brief.fit_predict(dataset, train, test, seed=0).test for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_names_and_settings_of_aggregators_are_their_own():
    models = long_context_aggregators(epochs=12, n_inner_folds=5)
    assert [model.name for model in models.values()] == ["longformer", "mamba2"]
    for model in models.values():
        config = json.loads(json.dumps(model.config))
        assert config["model"] == "LongContextMILClassifier"
        assert config["architecture"] == model.name


def test_unknown_aggregator_is_refused():
    with pytest.raises(ParameterError, match="'mamba3' is none of longformer, mamba2"):
        LongContextMILClassifier("mamba3")


def scripts(n=36):
    """Texts of which those of positive films, a third, say another thing."""
    words = ["the old ferry left the pier at noon", "the pier was old and the ferry was late"]
    return [(f"sha{film}", " ".join([words[film % 3 == 0]] * (1 + film % 4))) for film in range(n)]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Films with texts, whose tokens and checkpoints are kept apart."""
    monkeypatch.setattr(EndToEndClassifier, "cache", tmp_path / "cache")
    n = len(scripts())
    films = pd.DataFrame(
        {"film_id": [f"film{row}" for row in range(n)], "text_sha1": [s for s, _ in scripts()]}
    )
    labels = (np.arange(n) % 3 == 0).astype(np.int8)
    return FilmDataset(films, labels, films["film_id"].to_numpy(object), None)


ROWS = np.arange(27), np.arange(27, 36)


def quick(model, **options):
    config = replace(model.train_config, epochs=1, gradient_accumulation_steps=1)
    return replace(model, n_inner_folds=2, train_config=config, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_model_in_a_folder_is_finetuned_on_texts(kind, written, tmp_path):
    model = pretrained_model(write_tiny(tmp_path / f"Tiny.{kind}", kind))
    assert model.name == f"pretrained-tiny-{kind}"
    assert model.chunk_length == (WHOLE_SCRIPT if kind.startswith("mamba") else POSITIONS - 2)
    model = quick(model, chunk_length=POSITIONS - 2)
    model.cache_inputs(scripts())
    scores = model.fit_predict(written, *ROWS, seed=0)
    assert np.isfinite(scores.test).all() and np.ptp(scores.test) > 0
    assert len(scores.history) == 1


def test_another_version_of_a_folder_is_another_model_and_its_path_is_none(tmp_path):
    folder = write_tiny(tmp_path / "here" / "tiny", "gpt2")
    config = pretrained_model(folder).config
    assert config["encoder_options"] == {"name": "tiny"} and len(config["encoder_version"]) == 64
    copy = shutil.copytree(folder, tmp_path / "there" / "tiny")
    assert pretrained_model(str(copy)).config == config
    torch.manual_seed(1)
    with quiet_loading():
        GPT2Model(GPT2Config.from_pretrained(folder)).save_pretrained(copy)
    assert pretrained_model(str(copy)).config != config


def test_the_commit_of_a_model_on_the_hub_is_loaded(tmp_path, monkeypatch):
    folder, asked = write_tiny(tmp_path, "gpt2"), []

    def load(name, *, revision=None, **options):
        asked.append(revision)
        return loaded(folder, **options)

    loaded = long_context.AutoModel.from_pretrained
    monkeypatch.setattr(long_context.AutoModel, "from_pretrained", load)
    commit = 40 * "c"
    model = EndToEndClassifier(
        "x", "pretrained", chunk_length=9, encoder_options={"name": "gpt2"}, encoder_version=commit
    )
    model.build()
    assert asked == [commit]


def test_models_without_a_version_keep_their_settings():
    assert "encoder_version" not in EndToEndClassifier("x").config


def test_chunks_longer_than_the_positions_are_refused(tmp_path):
    model = pretrained_model(write_tiny(tmp_path, "gpt2"))
    with pytest.raises(ParameterError, match=r"chunk_length=63: .*64 tokens.*to 62 or less"):
        replace(model, chunk_length=63).build()


def test_pretrained_encoder_needs_a_name():
    with pytest.raises(ParameterError, match="encoder='pretrained' needs encoder_options"):
        EndToEndClassifier("x", "pretrained")


@needs_tokenizer
def test_models_from_scratch_are_trained_on_windows(written):
    models = long_context_encoders()
    assert len({model.name for model in models.values()}) == len(models) == 2
    for model in models.values():
        short = quick(model, chunk_length=100)
        short.cache_inputs(scripts())
        first, again = (short.fit_predict(written, *ROWS, seed=3).test for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert np.ptp(first) > 0


@needs_tokenizer
def test_smoke_takes_short_chunks():
    for model in long_context_encoders("smoke").values():
        torch.manual_seed(0)
        network = model.build()
        ids = torch.randint(5, 1000, (2, model.chunk_length + 2))
        output = network(ids, torch.ones_like(ids, dtype=torch.bool), torch.tensor([1, 1]))
        assert output.logits.shape == (2,) and output.logits.isfinite().all()
