from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.planted_documents import CLASSES, killed_in_step, planted, without_seconds
from wholescript.errors import DataError, ParameterError
from wholescript.studies.encoder.classifier import EncoderClassifier
from wholescript.studies.encoder.label_sorted_demo import published_encoder
from wholescript.training.loop import TrainConfig
from wholescript.training.pretrain import PRETRAINED_FILE
from wholescript.training.settings import PRETRAIN_CONFIG

SMALL = {"d_model": 32, "n_head": 2, "d_feedforward": 64, "n_layer": 2, "vocab_size": 100}
SHORT = TrainConfig(epochs=3, learning_rate=3e-3, chunk_dropout=0.0, patience=3)


def encoder(**options):
    options = {"train_config": SHORT, "max_length": 16, "batch_size": 16} | SMALL | options
    return EncoderClassifier(bfloat16=False, **options)


@pytest.fixture(scope="module")
def train():
    return planted(150, words=7)


@pytest.fixture(scope="module")
def validation():
    return planted(60, seed=1, words=7)


def test_published_settings():
    one = published_encoder()
    sizes = (one.vocab_size, one.d_model, one.n_head, one.n_layer, one.d_feedforward)
    assert sizes == (10_000, 256, 8, 4, 1_024)
    assert (one.max_length, one.batch_size, one.label_smoothing) == (256, 32, 0.0)
    config = one.train_config
    assert (config.epochs, config.learning_rate, config.weight_decay) == (5, 1e-4, 0.0)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], config.learning_rate)
    schedule = config.scheduler(optimizer, 10)
    for _ in range(10):
        assert optimizer.param_groups[0]["lr"] == 1e-4
        optimizer.step()
        schedule.step()


def test_class_words_are_learned(train, validation):
    fitted = encoder(train_config=replace(SHORT, epochs=10)).fit(train, validation, seed=0)
    test = planted(60, seed=2, words=7)
    assert (fitted.predict_proba(test.texts).argmax(1) == test.labels).mean() > 0.8


def test_attention_is_bidirectional(train):
    network, words, _ = encoder().build_model(train.texts, CLASSES, None)
    network.eval()
    ids = torch.from_numpy(words(["the old harbour saw"])[0])[None]
    mask = torch.ones_like(ids, dtype=torch.bool)
    states = network.encoder.hidden_states(ids, mask)
    other = network.encoder.hidden_states(torch.cat([ids[:, :-1], ids[:, :1]], 1), mask)
    assert not torch.allclose(states[:, 0], other[:, 0]), "the first word reads the last"


def test_pretraining_changes_the_encoder(train, validation, tmp_path):
    unlabelled = planted(200, seed=5, words=7).texts
    pretrained = encoder(pretrain=replace(PRETRAIN_CONFIG, epochs=3), unlabelled=unlabelled)
    assert pretrained.name == "encoder-pretrained"
    torch.manual_seed(0)
    network, _, _ = pretrained.build_model(train.texts, CLASSES, tmp_path)
    torch.manual_seed(0)
    untrained, _, _ = encoder().build_model(train.texts, CLASSES, None)
    assert (tmp_path / PRETRAINED_FILE).exists()
    assert (network.encoder.embed.weight != untrained.encoder.embed.weight).any()


def test_pretraining_is_not_repeated(train, validation, tmp_path):
    pretrained = encoder(pretrain=replace(PRETRAIN_CONFIG, epochs=3))
    first = pretrained.fit(train, validation, seed=0, folder=tmp_path)
    before = (tmp_path / PRETRAINED_FILE).stat().st_mtime_ns
    again = pretrained.fit(train, validation, seed=0, folder=tmp_path)
    assert (tmp_path / PRETRAINED_FILE).stat().st_mtime_ns == before
    assert without_seconds(again.history) == without_seconds(first.history)


@pytest.mark.parametrize("step", [5, 40], ids=["in pretraining", "in training"])
def test_a_resumed_training_equals_an_uninterrupted_one(train, validation, tmp_path, step):
    pretrained = encoder(pretrain=replace(PRETRAIN_CONFIG, epochs=3))
    unbroken = pretrained.fit(train, validation, seed=0, folder=tmp_path / "a")
    with killed_in_step(step):
        pretrained.fit(train, validation, seed=0, folder=tmp_path / "b")
    resumed = pretrained.fit(train, validation, seed=0, folder=tmp_path / "b")
    assert without_seconds(resumed.history) == without_seconds(unbroken.history)
    test = planted(20, seed=2).texts
    np.testing.assert_array_equal(resumed.predict_proba(test), unbroken.predict_proba(test))


def test_a_loaded_classifier_predicts_the_same(train, validation, tmp_path):
    pretrained = encoder(pretrain=replace(PRETRAIN_CONFIG, epochs=1))
    fitted = pretrained.fit(train, validation, seed=0, folder=tmp_path)
    pretrained.save(fitted, tmp_path)
    test = planted(20, seed=2).texts
    again = pretrained.load(tmp_path, CLASSES)
    np.testing.assert_array_equal(again.predict_proba(test), fitted.predict_proba(test))
    (tmp_path / "words.json").unlink()
    with pytest.raises(DataError, match="not a valid vocabulary"):
        pretrained.load(tmp_path, CLASSES)


def test_config_counts_unlabelled_documents():
    config = encoder(pretrain=PRETRAIN_CONFIG, unlabelled=["a b", "c"]).config
    assert config["n_unlabelled"] == 2
    assert config["pretrain"]["epochs"] == PRETRAIN_CONFIG.epochs


def test_token_dropout_applies_in_training_only(train, validation):
    model = encoder(token_dropout=0.9)
    assert model.objective.token_dropout == 0.9
    with_dropout = model.fit(train, validation, seed=0)
    without = encoder().fit(train, validation, seed=0)
    losses = [fitted.history[-1]["train_loss"] for fitted in (with_dropout, without)]
    assert losses[0] > losses[1] + 0.1, "a tenth of the words is hard to fit"
    test = planted(9, seed=2).texts
    np.testing.assert_array_equal(
        with_dropout.predict_proba(test), with_dropout.predict_proba(test)
    )


def test_pretraining_windows_have_their_own_length(train, monkeypatch):
    lengths = list[int]()

    def record(model, train_loader, val_loader, *_, **__):
        lengths.extend(max(map(len, loader.tokens)) for loader in (train_loader, val_loader))

    monkeypatch.setattr("wholescript.training.pretrain.fit_phase", record)
    pretrained = encoder(pretrain=PRETRAIN_CONFIG, pretrain_max_length=4)
    pretrained.build_model(train.texts, CLASSES, None)
    assert lengths == [4, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"token_dropout": 1.0}, "token_dropout=1.0"),
        ({"pretrain_max_length": 1}, "pretrain_max_length=1"),
    ],
)
def test_pretraining_fields_out_of_range_are_an_error(options, message):
    with pytest.raises(ParameterError, match=message):
        encoder(**options)


def test_a_size_of_0_is_an_error():
    with pytest.raises(ParameterError, match="at least 1"):
        encoder(n_layer=0)
