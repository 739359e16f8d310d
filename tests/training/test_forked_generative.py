from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.models.tiny_decoders import write_tiny
from tests.training.planted_texts import CLASSES, killed_in_step, planted, timeless
from wholescript.errors import DataError, ParameterError
from wholescript.models.shared_trunk_lm import SharedTrunkLM
from wholescript.studies.generative.class_lm import LM_TRAIN_CONFIG
from wholescript.studies.generative.fitted import FittedGenerative
from wholescript.studies.generative.shared_trunk import SharedTrunkGenerative
from wholescript.training.discriminative import (
    DiscriminativeObjective,
    length_normalized_logits,
    weighted_sum,
)
from wholescript.training.document_classifier import LabelledDocuments

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


def forked(folder, **options):
    options = {"tuning": "full", "fork": 1, "window": 24, "context": 64} | options
    options.setdefault("training", SHORT)
    return SharedTrunkGenerative(pretrained=str(folder), bfloat16=False, **options)


def test_telling_apart_and_foretelling_are_learned_by_their_shares(folder, train, validation):
    longer = replace(SHORT, epochs=6, patience=6)
    apart = forked(folder, telling=1.0, training=longer).fit(train, validation, seed=0)
    foretold = forked(folder, telling=0.0, training=longer).fit(train, validation, seed=0)
    last = {name: fitted.history[-1] for name, fitted in (("a", apart), ("f", foretold))}
    assert last["a"]["held_out_loss"] < 0.95 * last["f"]["held_out_loss"]
    assert last["f"]["held_out_nats"] < last["a"]["held_out_nats"] - 0.2
    test = planted(90, seed=2, words=7)
    assert (apart.predict_proba(test.texts).argmax(1) == test.labels).mean() > 0.5


def test_scores_are_those_of_each_model_alone(folder, train, validation):
    fitted = forked(folder).fit(train, validation, seed=0)
    texts = planted(9, seed=3, words=5).texts
    alone = FittedGenerative(fitted.class_lms, fitted.rule, fitted.context, fitted.bfloat16)
    np.testing.assert_allclose(
        fitted.log_likelihoods(texts), alone.log_likelihoods(texts), rtol=1e-5
    )
    texts.append(" ".join(planted(30, seed=4).texts))  # longer than the context
    np.testing.assert_allclose(
        fitted.log_likelihoods(texts), alone.log_likelihoods(texts), rtol=1e-5
    )


def test_killed_and_resumed_it_ends_as_an_unbroken_one(folder, train, validation, tmp_path):
    unbroken = forked(folder).fit(train, validation, seed=0, folder=tmp_path / "a")
    with killed_in_step(25):
        forked(folder).fit(train, validation, seed=0, folder=tmp_path / "b")
    resumed = forked(folder).fit(train, validation, seed=0, folder=tmp_path / "b")
    assert timeless(resumed.history) == timeless(unbroken.history)
    assert forked(folder).name.endswith("-bayes-forked")
    assert set(resumed.history[0]) >= {"held_out_accuracy", "held_out_nats", "seconds"}
    forked(folder).save(resumed, tmp_path / "b")
    again = forked(folder).load(tmp_path / "b", CLASSES)
    test = planted(9, seed=2).texts
    np.testing.assert_allclose(
        again.uncached().predict_proba(test), unbroken.uncached().predict_proba(test), atol=1e-6
    )
    with pytest.raises(DataError, match="no trained"):
        forked(folder).load(tmp_path / "nowhere", CLASSES)


def test_a_part_of_a_model_is_tuned_by_adapters_and_found_again(tmp_path, train, validation):
    deep = write_tiny(tmp_path / "deep", layers=3)
    part = {"blocks": 2, "vocabulary": 270, "tuning": "lora"}
    longer = replace(SHORT, epochs=6, patience=6)
    estimator = forked(deep, training=longer, **part)
    assert estimator.name == "deep-short-bayes-forked"
    fitted = estimator.fit(train, validation, seed=0, folder=tmp_path / "a")
    estimator.save(fitted, tmp_path / "a")
    for class_lm in fitted.class_lms:
        assert len(class_lm.model.base.layers) == 2
        assert len(class_lm.model.base.embed_tokens.weight) == 270
    test = planted(90, seed=2, words=7)
    said = fitted.uncached().predict_proba(test.texts)
    assert (said.argmax(1) == test.labels).mean() > 0.5
    again = estimator.load(tmp_path / "a", CLASSES)
    np.testing.assert_allclose(again.uncached().predict_proba(test.texts), said, atol=1e-5)


def test_one_window_of_each_text_or_all(folder):
    long = LabelledDocuments(
        [" ".join(planted(20, seed=seed).texts) for seed in range(3)], np.arange(3), CLASSES
    )
    estimator = forked(folder)
    class_lm = estimator.build_model((), CLASSES, None, 0)
    whole, drawn = (
        estimator._labelled_windows(class_lm, long),
        estimator._labelled_windows(class_lm, long, 0),
    )
    tokens = sum(len(ids) for ids in class_lm.tokenize(long.texts))
    assert (whole.lengths - 1).sum() == tokens
    assert drawn.labels.tolist() == [0, 1, 2]
    for window, label in zip(drawn.tokens, drawn.labels, strict=True):
        of_text = [ids for ids, c in zip(whole.tokens, whole.labels, strict=True) if c == label]
        assert any(np.array_equal(window, ids) for ids in of_text)
    again = estimator._labelled_windows(class_lm, long, 0)
    assert all(map(np.array_equal, again.tokens, drawn.tokens))


def test_parts_of_a_batch_add_up_to_its_loss(folder, train):
    estimator = forked(folder)
    class_lm = estimator.build_model((), CLASSES, None, 0)
    batch = next(estimator._labelled_windows(class_lm, train).train_batches(0))
    told, gradients = [], []
    for tokens_per_forward in (30, 10_000):
        network = SharedTrunkLM(
            [estimator.build_model((), CLASSES, None, c).model for c in range(CLASSES)],
            estimator.fork,
        )
        objective = DiscriminativeObjective(False, 1, tokens_per_forward)
        told.append(float(objective.training_step(network, batch, weighted_sum, seed=0)))
        gradients.append(network.branches[1].base.norm.weight.grad)
    assert told[0] == pytest.approx(told[1], rel=1e-5)
    # Of equal models every class is as likely: what is told is known.
    nats = objective.log_likelihoods(network, batches_of(estimator, class_lm, train, batch))
    tokens = (batch.attention_mask.sum(1) - 1).sum()
    expected = 0.8 * np.log(CLASSES) + 0.2 * -nats[:, 0].sum() / float(tokens)
    assert told[0] == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def batches_of(estimator, class_lm, part, batch):
    """The windows of a batch as batches of their own."""
    windows = estimator._labelled_windows(class_lm, part)
    return replace(
        windows,
        tokens=[windows.tokens[row] for row in batch.rows],
        labels=windows.labels[batch.rows],
    )


def test_odds_are_over_the_root_of_the_tokens():
    nats = torch.tensor([[1.0, 2.0], [3.0, 1.0], [2.0, 2.5]])
    found = length_normalized_logits(nats, torch.tensor([0, 0, 2]), 3)
    expected = [[-4 / 2**0.5, -3 / 2**0.5], [0, 0], [-2, -2.5]]
    torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"telling": 1.5}, "telling=1.5"),
        ({"prompts": ("a", "b", "c")}, "it takes no prompts"),
        ({"fork": 2}, "fork=2: of 2 blocks"),
        ({"blocks": 1}, "blocks=1 and vocabulary=None go together"),
        ({"blocks": 1, "vocabulary": 270}, "kept in a folder: give one"),
    ],
)
def test_what_could_not_be_forked_is_refused(folder, options, message, train, validation):
    with pytest.raises(ParameterError, match=message):
        forked(folder, **options).fit(train, validation, seed=0)


def test_a_class_without_a_text_is_an_error(folder, train, validation):
    rows = np.flatnonzero(train.labels != 2)
    lacking = LabelledDocuments([train.texts[row] for row in rows], train.labels[rows], CLASSES)
    with pytest.raises(DataError, match="no training text is of class 2"):
        forked(folder).fit(lacking, validation, seed=0)
