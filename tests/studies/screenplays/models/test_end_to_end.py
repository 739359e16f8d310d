from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from tests.studies.screenplays.models.token_films import token_dataset, write_tokens
from wholescript.errors import DataError, ParameterError
from wholescript.features.token_chunks import cache_tokens, load_token_chunks
from wholescript.models.scratch_encoder import ScratchEncoder
from wholescript.studies.screenplays.models.end_to_end import EndToEndClassifier
from wholescript.studies.screenplays.models.pretraining import MLMConfig, pretrain_mlm
from wholescript.training.loop import TrainConfig
from wholescript.training.objectives.masked_lm import WORDPIECE_MASK_ID, mask_tokens

N = 60
SMALL = {"d_model": 16, "n_head": 2, "d_feedforward": 16, "n_layer": 1, "dropout": 0.0}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    write_tokens(tmp_path, N, 0.1)
    monkeypatch.setattr(EndToEndClassifier, "cache", tmp_path)
    return tmp_path


@pytest.fixture
def dataset():
    return token_dataset(N)


@pytest.fixture
def model():
    return EndToEndClassifier(
        "small",
        chunk_length=8,
        n_inner_folds=3,
        n_members=2,
        bfloat16=False,
        encoder_options=SMALL,
        aggregator_options={"d_model": 8, "d_attention": 4, "dropout": 0.0},
        train_config=TrainConfig(epochs=12, learning_rate=2e-2, patience=12, chunk_dropout=0.0),
    )


ROWS = np.arange(48), np.arange(48, N)


def test_planted_token_is_learned(cache, dataset, model):
    scores = model.fit_predict(dataset, *ROWS, seed=0)
    train, test = ROWS
    assert roc_auc_score(dataset.labels[test], scores.test) > 0.9
    scored = np.isfinite(scores.inner)
    assert scored.mean() == pytest.approx(2 / 3, abs=0.05)
    assert roc_auc_score(dataset.labels[train][scored], scores.inner[scored]) > 0.9
    assert {row["inner_fold"] for row in scores.history} == {0, 1}
    assert not list((cache / "fits").glob("*"))


def test_the_same_seed_gives_the_same_scores(cache, dataset, model):
    quick = replace(model, n_members=1, train_config=replace(model.train_config, epochs=1))
    first, again = (quick.fit_predict(dataset, *ROWS, seed=3).test for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, quick.fit_predict(dataset, *ROWS, seed=4).test)


def test_test_labels_do_not_influence_scores(cache, dataset, model):
    quick = replace(model, n_members=1, train_config=replace(model.train_config, epochs=1))
    flipped = dataset.labels.copy()
    flipped[ROWS[1]] = 1 - flipped[ROWS[1]]
    blind = replace(dataset, labels=flipped)
    np.testing.assert_array_equal(
        quick.fit_predict(dataset, *ROWS, seed=0).test, quick.fit_predict(blind, *ROWS, seed=0).test
    )


def test_pretraining_uses_training_scripts_only(cache, dataset):
    tokens = load_token_chunks(dataset.films["text_sha1"].tolist(), 8, cache=cache)
    settings = MLMConfig(
        n_train_chunks=3, train_config=TrainConfig(epochs=6, learning_rate=1e-2, chunk_dropout=0.0)
    )

    def pretrained(tokens, rows):
        torch.manual_seed(0)
        encoder = ScratchEncoder(30_522, **SMALL)
        return encoder, pretrain_mlm(encoder, tokens, rows, settings, seed=0).history

    encoder, history = pretrained(tokens, ROWS[0])
    assert history[-1]["val_loss"] < history[0]["val_loss"] - 1
    changed = tokens.ids.copy()
    changed[tokens.offsets[48] :] = 1000
    other, _ = pretrained(replace(tokens, ids=changed), ROWS[0])
    torch.testing.assert_close(other.state_dict(), encoder.state_dict(), rtol=0, atol=0)


def test_mask_tokens_follows_the_80_10_10_scheme():
    torch.manual_seed(0)
    ids = torch.full((200, 50), 7)
    mask = torch.arange(50).expand(200, 50) < 40
    corrupted, masked = mask_tokens(ids, mask, 30_000)
    assert not masked[:, 40:].any() and (corrupted[~masked] == 7).all()
    assert masked[:, :40].float().mean() == pytest.approx(0.15, abs=0.01)
    assert (corrupted[masked] == WORDPIECE_MASK_ID).float().mean() == pytest.approx(0.8, abs=0.03)
    assert (corrupted[masked] == 7).float().mean() == pytest.approx(0.1, abs=0.03)
    assert mask_tokens(ids[:1, :1], mask[:1, :1], 30_000)[1].all()


def test_tokens_are_cached_by_film(tmp_path):
    scripts = [("a", "INT. HOUSE - DAY"), ("b", "A door opens. " * 30)]
    cache_tokens(scripts[:1], cache=tmp_path)
    with pytest.raises(DataError, match=r"1 of 2 films .*`cache_inputs`"):
        load_token_chunks(["a", "b"], cache=tmp_path)
    cache_tokens(scripts, cache=tmp_path)
    tokens = load_token_chunks(["b", "a"], 16, cache=tmp_path)
    ids, mask = tokens.padded_chunks(0, np.array([0, tokens.counts[0] - 1]))
    assert ids.shape == (2, 18) and mask[0].all()
    assert mask[1].sum() == (tokens.offsets[1] - 1) % 16 + 3
    assert (ids[:, 0] == tokens.cls_token_id).all() and (ids[~mask] == tokens.pad_token_id).all()
    assert ids[0, -1] == ids[1, mask[1]][-1] == tokens.sep_token_id


@pytest.mark.parametrize("wrong", [{"encoder": "bert"}, {"architecture": "mean"}])
def test_unknown_encoder_or_architecture_raises(wrong):
    (name, value), *_ = wrong.items()
    with pytest.raises(ParameterError, match=f"{name}={value!r} is none of"):
        EndToEndClassifier("x", **wrong)


def test_partially_finetuned_encoder_trains_its_last_layer_only():
    model = EndToEndClassifier(
        "x", encoder="partially_finetuned", encoder_options={"n_layer": 3}
    ).build()
    trained = {name for name, p in model.encoder.named_parameters() if p.requires_grad}
    assert trained and all(".layer.2." in name for name in trained)
