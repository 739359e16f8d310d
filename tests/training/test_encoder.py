from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.planted_texts import CLASSES, killed_in_step, planted, timeless
from wholescript.errors import DataError, ParameterError
from wholescript.studies.encoder.classifier import EncoderClassifier, published
from wholescript.training.loop import TrainConfig
from wholescript.training.pretrain import PRETRAIN_CONFIG, PRETRAINED_FILE

SMALL = {"d_model": 32, "heads": 2, "d_feedforward": 64, "layers": 2, "vocabulary": 100}
SHORT = TrainConfig(epochs=3, learning_rate=3e-3, chunk_dropout=0.0, patience=3)


def encoder(**options):
    options = {"training": SHORT, "max_length": 16, "batch_size": 16} | SMALL | options
    return EncoderClassifier(bfloat16=False, **options)


@pytest.fixture(scope="module")
def train():
    return planted(150, words=7)


@pytest.fixture(scope="module")
def validation():
    return planted(60, seed=1, words=7)


def test_the_published_one_is_as_it_was():
    one = published()
    sizes = (one.vocabulary, one.d_model, one.n_head, one.n_layer, one.d_feedforward)
    assert sizes == (10_000, 256, 8, 4, 1_024)
    assert (one.max_length, one.batch_size, one.label_smoothing) == (256, 32, 0.0)
    training = one.training
    assert (training.epochs, training.learning_rate, training.weight_decay) == (5, 1e-4, 0.0)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], training.learning_rate)
    schedule = training.scheduler(optimizer, 10)
    for _ in range(10):
        assert optimizer.param_groups[0]["lr"] == 1e-4
        optimizer.step()
        schedule.step()


def test_the_planted_word_is_found(train, validation):
    fitted = encoder(training=replace(SHORT, epochs=10)).fit(train, validation, seed=0)
    test = planted(60, seed=2, words=7)
    assert (fitted.predict_proba(test.texts).argmax(1) == test.labels).mean() > 0.8


def test_every_word_may_read_every_other(train):
    network, words, _ = encoder().build_model(train.texts, CLASSES, None)
    network.eval()
    ids = torch.from_numpy(words(["the old harbour saw"])[0])[None]
    mask = torch.ones_like(ids, dtype=torch.bool)
    states = network.encoder.states(ids, mask)
    other = network.encoder.states(torch.cat([ids[:, :-1], ids[:, :1]], 1), mask)
    assert not torch.allclose(states[:, 0], other[:, 0]), "the first word reads the last"


def test_it_reads_before_it_learns(train, validation, tmp_path):
    unlabelled = planted(200, seed=5, words=7).texts
    reading = encoder(reading=replace(PRETRAIN_CONFIG, epochs=3), unlabelled=unlabelled)
    assert reading.name == "encoder-pretrained"
    torch.manual_seed(0)
    network, _, _ = reading.build_model(train.texts, CLASSES, tmp_path)
    torch.manual_seed(0)
    plain, _, _ = encoder().build_model(train.texts, CLASSES, None)
    assert (tmp_path / PRETRAINED_FILE).exists()
    assert (network.encoder.embed.weight != plain.encoder.embed.weight).any()


def test_what_was_read_is_not_read_again(train, validation, tmp_path):
    reading = encoder(reading=replace(PRETRAIN_CONFIG, epochs=3))
    first = reading.fit(train, validation, seed=0, folder=tmp_path)
    before = (tmp_path / PRETRAINED_FILE).stat().st_mtime_ns
    again = reading.fit(train, validation, seed=0, folder=tmp_path)
    assert (tmp_path / PRETRAINED_FILE).stat().st_mtime_ns == before
    assert timeless(again.history) == timeless(first.history)


@pytest.mark.parametrize("step", [5, 40], ids=["as it reads", "as it learns"])
def test_a_killed_training_ends_as_an_unbroken_one(train, validation, tmp_path, step):
    reading = encoder(reading=replace(PRETRAIN_CONFIG, epochs=3))
    unbroken = reading.fit(train, validation, seed=0, folder=tmp_path / "a")
    with killed_in_step(step):
        reading.fit(train, validation, seed=0, folder=tmp_path / "b")
    resumed = reading.fit(train, validation, seed=0, folder=tmp_path / "b")
    assert timeless(resumed.history) == timeless(unbroken.history)
    test = planted(20, seed=2).texts
    np.testing.assert_array_equal(resumed.predict_proba(test), unbroken.predict_proba(test))


def test_stored_and_read_back_it_says_the_same(train, validation, tmp_path):
    reading = encoder(reading=replace(PRETRAIN_CONFIG, epochs=1))
    fitted = reading.fit(train, validation, seed=0, folder=tmp_path)
    reading.save(fitted, tmp_path)
    test = planted(20, seed=2).texts
    again = reading.load(tmp_path, CLASSES)
    np.testing.assert_array_equal(again.predict_proba(test), fitted.predict_proba(test))
    (tmp_path / "words.json").unlink()
    with pytest.raises(DataError, match="no list of words"):
        reading.load(tmp_path, CLASSES)


def test_the_configuration_says_how_much_it_read():
    config = encoder(reading=PRETRAIN_CONFIG, unlabelled=["a b", "c"]).config
    assert config["unlabelled"] == 2
    assert config["reading"]["epochs"] == PRETRAIN_CONFIG.epochs


def test_words_are_hidden_in_training_alone(train, validation):
    hidden = encoder(token_dropout=0.9)
    assert hidden.objective.token_dropout == 0.9
    held_back = hidden.fit(train, validation, seed=0)
    open_eyed = encoder().fit(train, validation, seed=0)
    losses = [fitted.history[-1]["train_loss"] for fitted in (held_back, open_eyed)]
    assert losses[0] > losses[1] + 0.1, "little can be learned of a tenth of the words"
    test = planted(9, seed=2).texts
    np.testing.assert_array_equal(held_back.predict_proba(test), held_back.predict_proba(test))


def test_it_reads_in_windows_of_their_own_length(train, monkeypatch):
    lengths = list[int]()

    def watched(model, training, val_loader, *_, **__):
        lengths.extend(max(map(len, batches.tokens)) for batches in (training, val_loader))

    monkeypatch.setattr("wholescript.training.pretrain.fit", watched)
    reading = encoder(reading=PRETRAIN_CONFIG, pretrain_max_length=4)
    reading.build_model(train.texts, CLASSES, None)
    assert lengths == [4, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"token_dropout": 1.0}, "token_dropout=1.0"),
        ({"reading_length": 1}, "pretrain_max_length=1"),
    ],
)
def test_what_could_not_be_read_is_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        encoder(**options)


def test_what_could_not_be_built_is_refused():
    with pytest.raises(ParameterError, match="at least 1"):
        encoder(n_layer=0)
