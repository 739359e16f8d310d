from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.models.tiny_decoders import write_tiny
from tests.training.planted_texts import (
    CLASSES,
    killed_after_epoch,
    killed_in_step,
    planted,
    timeless,
)
from wholescript.errors import DataError, ParameterError
from wholescript.models.bayes_rule import BayesRule
from wholescript.studies.generative.class_lm import (
    LM_TRAIN_CONFIG,
    FinetunedGenerative,
    ScratchGenerative,
)
from wholescript.studies.generative.fitted import LOG_LIKELIHOODS_FILE, FittedGenerative
from wholescript.training.document_classifier import LabelledDocuments
from wholescript.training.documents import DocumentBatchLoader
from wholescript.training.language_model import NextTokenObjective
from wholescript.training.pretrain import PRETRAIN_CONFIG, PRETRAINED_FILE

SHORT = replace(LM_TRAIN_CONFIG, epochs=3, learning_rate=3e-3, patience=3)


def scratch(**options):
    options = {"size": "tiny", "vocabulary": 300, "batch_size": 8, "training": SHORT} | options
    return ScratchGenerative(bfloat16=False, **options)


@pytest.fixture(scope="module")
def train():
    return planted(150, words=7)


@pytest.fixture(scope="module")
def validation():
    return planted(60, seed=1, words=7)


@pytest.fixture(scope="module")
def fitted(train, validation):
    return scratch(training=replace(SHORT, epochs=12)).fit(train, validation, seed=0)


def test_the_planted_word_is_found(fitted):
    test = planted(60, seed=2, words=7)
    found = fitted.predict_proba(test.texts)
    assert found.shape == (60, CLASSES)
    assert (found.argmax(1) == test.labels).mean() > 0.8


def test_words_add_up_to_the_text(fitted):
    text = planted(1, seed=3).texts[0]
    words, logs = fitted.token_log_probs(text)
    assert "".join(words) == text
    assert logs.shape == (len(words) + 1, CLASSES)
    assert logs.sum(0) == pytest.approx(fitted.log_likelihoods([text])[0], rel=1e-4)


def test_a_long_text_is_scored_whole(fitted):
    text = "the old harbour " * 300
    for model in (fitted, replace(fitted, block_size=64)):
        whole, cut = model.log_likelihoods([text, text[:1200]])
        assert (whole < cut - 100).all()


def test_each_class_takes_the_same_steps(train, validation):
    rare = np.flatnonzero((train.labels != 2) | (np.arange(len(train.labels)) < 30))
    uneven = LabelledDocuments([train.texts[row] for row in rare], train.labels[rare], CLASSES)
    told = []
    scratch().fit(uneven, validation, seed=0, on_epoch_end=told.append)
    steps = {c: sum(row["class"] == c for row in told) for c in range(CLASSES)}
    assert steps == {0: 3, 1: 3, 2: 3}
    assert [row["epoch"] for row in told] == list(range(1, 10))


@pytest.mark.parametrize("moment", ["in a step", "between classes"])
def test_a_killed_training_ends_as_an_unbroken_one(train, validation, tmp_path, moment):
    unbroken = scratch().fit(train, validation, seed=0, folder=tmp_path / "a")
    if moment == "in a step":
        with killed_in_step(30):
            scratch().fit(train, validation, seed=0, folder=tmp_path / "b")
    else:
        with killed_after_epoch(3) as on_epoch_end:
            scratch().fit(
                train, validation, seed=0, folder=tmp_path / "b", on_epoch_end=on_epoch_end
            )
    resumed = scratch().fit(train, validation, seed=0, folder=tmp_path / "b")
    assert timeless(resumed.history) == timeless(unbroken.history)
    test = planted(20, seed=2).texts
    np.testing.assert_array_equal(resumed.predict_proba(test), unbroken.predict_proba(test))


def test_stored_and_read_back_it_says_the_same(tmp_path):
    estimator = scratch()
    trained = estimator.fit(planted(60), planted(30, seed=1), seed=0, folder=tmp_path)
    estimator.save(trained, tmp_path)
    test = planted(20, seed=2).texts
    again = scratch().load(tmp_path, CLASSES)
    np.testing.assert_array_equal(
        again.uncached().predict_proba(test), trained.uncached().predict_proba(test)
    )
    (tmp_path / "class-1.safetensors").write_bytes(b"half")
    with pytest.raises(DataError, match="no trained lm-tiny"):
        scratch().load(tmp_path, CLASSES)


def reading(**options):
    return scratch(
        reading=replace(PRETRAIN_CONFIG, epochs=2),
        training=replace(SHORT, epochs=1, patience=1),
        **options,
    )


def test_they_begin_as_one_model_that_has_read_all_texts(train, validation, tmp_path):
    estimator = reading(unlabelled=planted(100, seed=5, words=7).texts)
    assert estimator.name == "lm-tiny-pretrained"
    assert estimator.config["unlabelled"] == 100

    def begun(one, folder, label):
        torch.manual_seed(0)
        model = one.build_model(train.texts, CLASSES, folder, label).model.eval()
        return model, dict(model.named_parameters())

    model, first = begun(estimator, tmp_path, 0)
    before = (tmp_path / PRETRAINED_FILE).stat().st_mtime_ns
    _, second = begun(estimator, tmp_path, 1)
    assert (tmp_path / PRETRAINED_FILE).stat().st_mtime_ns == before, (
        "it is read once for all classes"
    )
    assert all((first[name] == second[name]).all() for name in first)
    untrained, _ = begun(scratch(), None, 0)
    rows = DocumentBatchLoader(
        estimator.build_model(train.texts, CLASSES, tmp_path, 0).windows(validation.texts, 256),
        np.zeros(len(validation.texts), np.int64), 8,
    )  # fmt: skip
    losses = [
        NextTokenObjective(False).validation_step(one, rows, cross_entropy)["held_out_loss"]
        for one in (model, untrained)
    ]
    assert losses[0] < 0.9 * losses[1]


@pytest.mark.parametrize("step", [10, 45], ids=["as it reads", "as it learns"])
def test_killed_as_it_reads_or_after_it_ends_as_an_unbroken_one(train, validation, tmp_path, step):
    unbroken = reading().fit(train, validation, seed=0, folder=tmp_path / "a")
    with killed_in_step(step):
        reading().fit(train, validation, seed=0, folder=tmp_path / "b")
    assert (tmp_path / "b" / PRETRAINED_FILE).exists() == (step == 45)
    resumed = reading().fit(train, validation, seed=0, folder=tmp_path / "b")
    assert timeless(resumed.history) == timeless(unbroken.history)


def test_scores_are_kept_and_a_torn_line_is_scored_again(fitted, tmp_path):
    keeping = replace(fitted, scored=tmp_path / LOG_LIKELIHOODS_FILE)
    texts = planted(9, seed=4).texts
    first = keeping.log_likelihoods(texts)
    kept = (tmp_path / LOG_LIKELIHOODS_FILE).read_text()
    assert len(kept.splitlines()) == len(set(texts))
    np.testing.assert_array_equal(replace(keeping, class_lms=[]).log_likelihoods(texts), first)
    (tmp_path / LOG_LIKELIHOODS_FILE).write_text(kept[:-9])
    np.testing.assert_allclose(keeping.log_likelihoods(texts), first, rtol=1e-6)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_pretrained_model_is_tuned_for_each_class(train, validation, tmp_path, tuning):
    folder = write_tiny(tmp_path / "decoder")
    estimator = FinetunedGenerative(
        pretrained=str(folder), tuning=tuning, window=16, block_size=32, bfloat16=False,
        training=replace(SHORT, epochs=2),
    )  # fmt: skip
    fitted = estimator.fit(train, validation, seed=0, folder=tmp_path / "run")
    counts = fitted.parameters
    assert (counts["trained_parameters"] < counts["parameters"]) == (tuning == "lora")
    weights = [dict(class_lm.model.named_parameters()) for class_lm in fitted.class_lms]
    trained = [name for name, value in weights[0].items() if value.requires_grad]
    assert any((weights[0][name] != weights[1][name]).any() for name in trained)
    estimator.save(fitted, tmp_path / "run")
    test = planted(9, seed=2).texts
    again = estimator.load(tmp_path / "run", CLASSES)
    np.testing.assert_allclose(
        again.uncached().predict_proba(test), fitted.uncached().predict_proba(test), atol=1e-6
    )


PROMPTS = ("grey", "her name", "door")


def prompted(folder, **options):
    options = {"prompts": PROMPTS, "window": 32, "context": 64, "training": SHORT} | options
    return FinetunedGenerative(pretrained=str(write_tiny(folder)), bfloat16=False, **options)


def test_a_prompt_is_read_in_every_window_and_scored_in_none(tmp_path):
    plain = prompted(tmp_path / "plain", prompts=()).build_model((), CLASSES, None, 1)
    class_lm = prompted(tmp_path / "decoder").build_model((), CLASSES, None, 1)
    prompt = class_lm.prefix[1:]
    assert class_lm.decode(prompt) == f"{PROMPTS[1]}\n"
    text = " ".join(planted(40, seed=6, words=7).texts)
    parts = class_lm.windows([text], 32)
    assert len(parts) > 2
    assert all(len(part) <= 32 for part in parts)
    given = len(class_lm.prefix)
    assert all((part[: given - 1] == class_lm.prefix[:-1]).all() for part in parts)
    asked = np.concatenate([part[given:] for part in parts])
    np.testing.assert_array_equal(asked, class_lm.tokenize([text])[0])
    fitted = FittedGenerative([plain, class_lm], BayesRule.of(np.array([0, 1]), 2), 64, False)
    words, logs = fitted.token_log_probs("a grey harbour")
    assert logs.shape == (len(words) + 1, 2)
    assert np.abs(logs[:, 0] - logs[:, 1]).max() > 0, "what was read before decides"


def test_prompts_go_with_their_classes(train, validation, tmp_path):
    estimator = prompted(tmp_path / "decoder", training=replace(SHORT, epochs=1))
    assert estimator.name.endswith("-bayes-lora-prompted")
    fitted = estimator.fit(train, validation, seed=0, folder=tmp_path / "run")
    estimator.save(fitted, tmp_path / "run")
    again = estimator.load(tmp_path / "run", CLASSES)
    decoded = [class_lm.decode(class_lm.prefix[1:]) for class_lm in again.class_lms]
    assert decoded == [f"{prompt}\n" for prompt in PROMPTS]
    test = planted(9, seed=2).texts
    np.testing.assert_allclose(
        again.uncached().predict_proba(test), fitted.uncached().predict_proba(test), atol=1e-6
    )


def test_a_prompt_for_each_class_or_none(train, validation, tmp_path):
    with pytest.raises(ParameterError, match="2 prompts for 3 classes"):
        prompted(tmp_path / "a", prompts=PROMPTS[:2]).fit(train, validation, seed=0)
    long = prompted(tmp_path / "b", prompts=("the old harbour " * 9,) * 3)
    with pytest.raises(ParameterError, match="the prompt of class 0 has"):
        long.fit(train, validation, seed=0)


def test_a_class_without_a_text_is_an_error(train, validation):
    one = np.flatnonzero(validation.labels != 1)
    lacking = LabelledDocuments(
        [validation.texts[row] for row in one], validation.labels[one], CLASSES
    )
    with pytest.raises(DataError, match="no validation text is of class 1"):
        scratch().fit(train, lacking, seed=0)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (ScratchGenerative, {"window": 1}, "window=1"),
        (ScratchGenerative, {"size": "huge"}, "size='huge'"),
        (FinetunedGenerative, {"tuning": "frozen"}, "tuning='frozen'"),
    ],
)
def test_what_could_not_train_is_refused(kind, options, message):
    with pytest.raises(ParameterError, match=message):
        kind(**options)
