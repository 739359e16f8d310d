from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.models.tiny_decoders import write_tiny
from tests.training.planted_documents import CLASSES, killed_in_step, planted, without_seconds
from wholescript.errors import DataError, ParameterError
from wholescript.models.shared_trunk_lm import SharedTrunkLM
from wholescript.studies.generative.fitted_class_lm import FittedGenerative
from wholescript.studies.generative.shared_trunk import SharedTrunkGenerative
from wholescript.training.document_classifier import LabelledDocuments
from wholescript.training.objectives.discriminative import (
    DiscriminativeObjective,
    length_normalized_logits,
    weighted_sum,
)
from wholescript.training.settings import LM_TRAIN_CONFIG

SHORT = replace(LM_TRAIN_CONFIG, epochs=2, learning_rate=1e-2, patience=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("decoder"))


@pytest.fixture(scope="module")
def train():
    return planted(150, words=7)


@pytest.fixture(scope="module")
def validation():
    return planted(60, seed=1, words=7)


def shared_trunk(folder, **options):
    options = {"tuning": "full", "n_shared_layers": 1, "window": 24, "block_size": 64} | options
    options.setdefault("train_config", SHORT)
    return SharedTrunkGenerative(pretrained=str(folder), bfloat16=False, **options)


def test_disc_weight_trades_label_loss_for_next_token_loss(folder, train, validation):
    longer = replace(SHORT, epochs=6, patience=6)
    discriminative = shared_trunk(folder, disc_weight=1.0, train_config=longer).fit(
        train, validation, seed=0
    )
    generative = shared_trunk(folder, disc_weight=0.0, train_config=longer).fit(
        train, validation, seed=0
    )
    disc, gen = (fitted.history[-1] for fitted in (discriminative, generative))
    assert disc["val_loss"] < 0.95 * gen["val_loss"]
    assert gen["val_nats_per_token"] < disc["val_nats_per_token"] - 0.2
    test = planted(90, seed=2, words=7)
    assert (discriminative.predict_proba(test.texts).argmax(1) == test.labels).mean() > 0.5


def test_log_likelihoods_equal_those_of_separate_models(folder, train, validation):
    fitted = shared_trunk(folder).fit(train, validation, seed=0)
    texts = planted(9, seed=3, words=5).texts
    alone = FittedGenerative(fitted.class_lms, fitted.rule, fitted.block_size, fitted.bfloat16)
    np.testing.assert_allclose(
        fitted.log_likelihoods(texts), alone.log_likelihoods(texts), rtol=1e-5
    )
    texts.append(" ".join(planted(30, seed=4).texts))  # longer than block_size
    np.testing.assert_allclose(
        fitted.log_likelihoods(texts), alone.log_likelihoods(texts), rtol=1e-5
    )


def test_a_resumed_training_equals_an_uninterrupted_one(folder, train, validation, tmp_path):
    unbroken = shared_trunk(folder).fit(train, validation, seed=0, folder=tmp_path / "a")
    with killed_in_step(25):
        shared_trunk(folder).fit(train, validation, seed=0, folder=tmp_path / "b")
    resumed = shared_trunk(folder).fit(train, validation, seed=0, folder=tmp_path / "b")
    assert without_seconds(resumed.history) == without_seconds(unbroken.history)
    assert shared_trunk(folder).name.endswith("-bayes-shared-trunk")
    assert set(resumed.history[0]) >= {"val_accuracy", "val_nats_per_token", "seconds"}
    shared_trunk(folder).save(resumed, tmp_path / "b")
    again = shared_trunk(folder).load(tmp_path / "b", CLASSES)
    test = planted(9, seed=2).texts
    np.testing.assert_allclose(
        again.uncached().predict_proba(test), unbroken.uncached().predict_proba(test), atol=1e-6
    )
    with pytest.raises(DataError, match="no trained"):
        shared_trunk(folder).load(tmp_path / "nowhere", CLASSES)


def test_a_pruned_model_with_adapters_is_stored_and_loaded(tmp_path, train, validation):
    deep = write_tiny(tmp_path / "deep", layers=3)
    pruned = {"n_layer": 2, "vocab_size": 270, "tuning": "lora"}
    longer = replace(SHORT, epochs=6, patience=6)
    estimator = shared_trunk(deep, train_config=longer, **pruned)
    assert estimator.name == "deep-pruned-bayes-shared-trunk"
    fitted = estimator.fit(train, validation, seed=0, folder=tmp_path / "a")
    estimator.save(fitted, tmp_path / "a")
    for class_lm in fitted.class_lms:
        assert len(class_lm.model.base.layers) == 2
        assert len(class_lm.model.base.embed_tokens.weight) == 270
    test = planted(90, seed=2, words=7)
    expected = fitted.uncached().predict_proba(test.texts)
    assert (expected.argmax(1) == test.labels).mean() > 0.5
    again = estimator.load(tmp_path / "a", CLASSES)
    np.testing.assert_allclose(again.uncached().predict_proba(test.texts), expected, atol=1e-5)


def test_labelled_windows_all_or_one_per_document(folder):
    long = LabelledDocuments(
        [" ".join(planted(20, seed=seed).texts) for seed in range(3)], np.arange(3), CLASSES
    )
    estimator = shared_trunk(folder)
    class_lm = estimator.build_class_lm((), CLASSES, None, 0)
    all_windows, sampled = (
        estimator._labelled_windows(class_lm, long),
        estimator._labelled_windows(class_lm, long, 0),
    )
    tokens = sum(len(ids) for ids in class_lm.tokenize(long.texts))
    assert (all_windows.lengths - 1).sum() == tokens
    assert sampled.labels.tolist() == [0, 1, 2]
    for window, label in zip(sampled.tokens, sampled.labels, strict=True):
        windows = [
            ids for ids, c in zip(all_windows.tokens, all_windows.labels, strict=True) if c == label
        ]
        assert any(np.array_equal(window, ids) for ids in windows)
    again = estimator._labelled_windows(class_lm, long, 0)
    assert all(map(np.array_equal, again.tokens, sampled.tokens))


def test_micro_batches_have_the_loss_and_gradient_of_the_batch(folder, train):
    estimator = shared_trunk(folder)
    class_lm = estimator.build_class_lm((), CLASSES, None, 0)
    batch = next(estimator._labelled_windows(class_lm, train).train_batches(0))
    losses, gradients = [], []
    for tokens_per_forward in (30, 10_000):
        network = SharedTrunkLM(
            [estimator.build_class_lm((), CLASSES, None, c).model for c in range(CLASSES)],
            estimator.n_shared_layers,
        )
        objective = DiscriminativeObjective(False, 1, tokens_per_forward)
        losses.append(float(objective.training_step(network, batch, weighted_sum, seed=0)))
        gradients.append(network.branches[1].base.norm.weight.grad)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    # Equal models have uniform class probabilities, so that the loss is known.
    log_likelihoods = objective.log_likelihoods(
        network, batches_of(estimator, class_lm, train, batch)
    )
    tokens = (batch.attention_mask.sum(1) - 1).sum()
    expected = 0.8 * np.log(CLASSES) + 0.2 * -log_likelihoods[:, 0].sum() / float(tokens)
    assert losses[0] == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def batches_of(estimator, class_lm, part, batch):
    """A loader of the windows of a batch."""
    windows = estimator._labelled_windows(class_lm, part)
    return replace(
        windows,
        tokens=[windows.tokens[row] for row in batch.indices],
        labels=windows.labels[batch.indices],
    )


def test_logits_are_divided_by_the_root_of_the_length():
    nats = torch.tensor([[1.0, 2.0], [3.0, 1.0], [2.0, 2.5]])
    found = length_normalized_logits(nats, torch.tensor([0, 0, 2]), 3)
    expected = [[-4 / 2**0.5, -3 / 2**0.5], [0, 0], [-2, -2.5]]
    torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"disc_weight": 1.5}, "disc_weight=1.5"),
        ({"prompts": ("a", "b", "c")}, "a shared trunk takes no prompts"),
        ({"n_shared_layers": 2}, "n_shared_layers=2"),
        ({"n_layer": 1}, "vocab_size=None must be given together"),
        ({"n_layer": 1, "vocab_size": 270}, "stored in a folder: give one"),
    ],
)
def test_invalid_settings_are_an_error(folder, options, message, train, validation):
    with pytest.raises(ParameterError, match=message):
        shared_trunk(folder, **options).fit(train, validation, seed=0)


def test_a_class_without_documents_is_an_error(folder, train, validation):
    rows = np.flatnonzero(train.labels != 2)
    lacking = LabelledDocuments([train.texts[row] for row in rows], train.labels[rows], CLASSES)
    with pytest.raises(DataError, match="the training split has no document of class 2"):
        shared_trunk(folder).fit(lacking, validation, seed=0)
