from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.models.tiny_decoders import write_tiny
from tests.training.planted_documents import (
    CLASSES,
    killed_after_epoch,
    killed_in_step,
    planted,
    without_seconds,
)
from wholescript.errors import DataError, ParameterError
from wholescript.models.bayes_rule import BayesRule
from wholescript.studies.generative.class_lm import (
    FinetunedGenerative,
    ScratchGenerative,
)
from wholescript.studies.generative.fitted_class_lm import LOG_LIKELIHOODS_FILE, FittedGenerative
from wholescript.training.batches import DocumentBatchLoader
from wholescript.training.document_classifier import LabelledDocuments
from wholescript.training.objectives.next_token import NextTokenObjective
from wholescript.training.pretrain import PRETRAINED_FILE
from wholescript.training.settings import LM_TRAIN_CONFIG, PRETRAIN_CONFIG

SHORT = replace(LM_TRAIN_CONFIG, epochs=3, learning_rate=3e-3, patience=3)


def scratch(**options):
    options = {"size": "tiny", "vocab_size": 300, "batch_size": 8, "train_config": SHORT} | options
    return ScratchGenerative(bfloat16=False, **options)


@pytest.fixture(scope="module")
def train():
    return planted(150, words=7)


@pytest.fixture(scope="module")
def validation():
    return planted(60, seed=1, words=7)


@pytest.fixture(scope="module")
def fitted(train, validation):
    return scratch(train_config=replace(SHORT, epochs=12)).fit(train, validation, seed=0)


@pytest.fixture(scope="module")
def unbroken(train, validation):
    """The result of an uninterrupted training."""
    return scratch().fit(train, validation, seed=0)


def test_class_words_are_learned(fitted):
    test = planted(60, seed=2, words=7)
    found = fitted.predict_proba(test.texts)
    assert found.shape == (60, CLASSES)
    assert (found.argmax(1) == test.labels).mean() > 0.8


def test_token_log_probs_sum_to_the_log_likelihood(fitted):
    text = planted(1, seed=3).texts[0]
    words, logs = fitted.token_log_probs(text)
    assert "".join(words) == text
    assert logs.shape == (len(words) + 1, CLASSES)
    assert logs.sum(0) == pytest.approx(fitted.log_likelihoods([text])[0], rel=1e-4)


def test_long_documents_are_scored_in_full(fitted):
    text = "the old harbour " * 300
    for model in (fitted, replace(fitted, block_size=64)):
        whole, cut = model.log_likelihoods([text, text[:1200]])
        assert (whole < cut - 100).all()


def test_rare_classes_are_oversampled_to_the_same_steps(train, validation):
    rare = np.flatnonzero((train.labels != 2) | (np.arange(len(train.labels)) < 30))
    uneven = LabelledDocuments([train.texts[row] for row in rare], train.labels[rare], CLASSES)
    rows = []
    scratch().fit(uneven, validation, seed=0, on_epoch_end=rows.append)
    steps = {c: sum(row["class"] == c for row in rows) for c in range(CLASSES)}
    assert steps == {0: 3, 1: 3, 2: 3}
    assert [row["epoch"] for row in rows] == list(range(1, 10))


@pytest.mark.parametrize("moment", ["in a step", "between classes"])
def test_a_resumed_training_equals_an_uninterrupted_one(
    train, validation, unbroken, tmp_path, moment
):
    if moment == "in a step":
        with killed_in_step(30):
            scratch().fit(train, validation, seed=0, folder=tmp_path)
    else:
        with killed_after_epoch(3) as on_epoch_end:
            scratch().fit(train, validation, seed=0, folder=tmp_path, on_epoch_end=on_epoch_end)
    resumed = scratch().fit(train, validation, seed=0, folder=tmp_path)
    assert without_seconds(resumed.history) == without_seconds(unbroken.history)
    test = planted(20, seed=2).texts
    np.testing.assert_array_equal(resumed.predict_proba(test), unbroken.predict_proba(test))


def test_a_loaded_classifier_predicts_the_same(tmp_path):
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


def pretrained_lm(**options):
    return scratch(
        pretrain=replace(PRETRAIN_CONFIG, epochs=2),
        train_config=replace(SHORT, epochs=1, patience=1),
        **options,
    )


def test_all_classes_start_from_one_pretrained_model(train, validation, tmp_path):
    estimator = pretrained_lm(unlabelled=planted(100, seed=5, words=7).texts)
    assert estimator.name == "lm-tiny-pretrained"
    assert estimator.config["n_unlabelled"] == 100

    def initial(one, folder, label):
        torch.manual_seed(0)
        model = one.build_class_lm(train.texts, CLASSES, folder, label).model.eval()
        return model, dict(model.named_parameters())

    model, first = initial(estimator, tmp_path, 0)
    before = (tmp_path / PRETRAINED_FILE).stat().st_mtime_ns
    _, second = initial(estimator, tmp_path, 1)
    assert (tmp_path / PRETRAINED_FILE).stat().st_mtime_ns == before, (
        "all classes share one pretraining"
    )
    assert all((first[name] == second[name]).all() for name in first)
    untrained, _ = initial(scratch(), None, 0)
    loader = DocumentBatchLoader(
        estimator.build_class_lm(train.texts, CLASSES, tmp_path, 0).windows(validation.texts, 256),
        np.zeros(len(validation.texts), np.int64), 8,
    )  # fmt: skip
    losses = [
        NextTokenObjective(False).validation_step(one, loader, cross_entropy)["val_loss"]
        for one in (model, untrained)
    ]
    assert losses[0] < 0.9 * losses[1]


def test_resume_in_and_after_pretraining(train, validation, tmp_path):
    unbroken = pretrained_lm().fit(train, validation, seed=0, folder=tmp_path / "unbroken")
    for step, folder in ((10, tmp_path / "in pretraining"), (45, tmp_path / "in training")):
        with killed_in_step(step):
            pretrained_lm().fit(train, validation, seed=0, folder=folder)
        assert (folder / PRETRAINED_FILE).exists() == (step == 45)
        resumed = pretrained_lm().fit(train, validation, seed=0, folder=folder)
        assert without_seconds(resumed.history) == without_seconds(unbroken.history)


def test_log_likelihoods_are_cached_and_a_truncated_line_is_ignored(fitted, tmp_path):
    caching = replace(fitted, log_likelihood_cache=tmp_path / LOG_LIKELIHOODS_FILE)
    texts = planted(9, seed=4).texts
    first = caching.log_likelihoods(texts)
    cached = (tmp_path / LOG_LIKELIHOODS_FILE).read_text()
    assert len(cached.splitlines()) == len(set(texts))
    np.testing.assert_array_equal(replace(caching, class_lms=[]).log_likelihoods(texts), first)
    (tmp_path / LOG_LIKELIHOODS_FILE).write_text(cached[:-9])
    np.testing.assert_allclose(caching.log_likelihoods(texts), first, rtol=1e-6)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_pretrained_model_is_fine_tuned_per_class(train, validation, tmp_path, tuning):
    folder = write_tiny(tmp_path / "decoder")
    estimator = FinetunedGenerative(
        pretrained=str(folder), tuning=tuning, window=16, block_size=32, bfloat16=False,
        train_config=replace(SHORT, epochs=2),
    )  # fmt: skip
    fitted = estimator.fit(train, validation, seed=0, folder=tmp_path / "run")
    counts = fitted.parameter_counts
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
    options = {"prompts": PROMPTS, "window": 32, "block_size": 64, "train_config": SHORT} | options
    return FinetunedGenerative(pretrained=str(write_tiny(folder)), bfloat16=False, **options)


def test_prompts_are_in_every_window_and_not_scored(tmp_path):
    plain = prompted(tmp_path / "plain", prompts=()).build_class_lm((), CLASSES, None, 1)
    class_lm = prompted(tmp_path / "decoder").build_class_lm((), CLASSES, None, 1)
    prompt = class_lm.prefix[1:]
    assert class_lm.decode(prompt) == f"{PROMPTS[1]}\n"
    text = " ".join(planted(40, seed=6, words=7).texts)
    parts = class_lm.windows([text], 32)
    assert len(parts) > 2
    assert all(len(part) <= 32 for part in parts)
    prefix_len = len(class_lm.prefix)
    assert all((part[: prefix_len - 1] == class_lm.prefix[:-1]).all() for part in parts)
    targets = np.concatenate([part[prefix_len:] for part in parts])
    np.testing.assert_array_equal(targets, class_lm.tokenize([text])[0])
    fitted = FittedGenerative(
        [plain, class_lm], BayesRule.from_labels(np.array([0, 1]), 2), 64, False
    )
    words, logs = fitted.token_log_probs("a grey harbour")
    assert logs.shape == (len(words) + 1, 2)
    assert np.abs(logs[:, 0] - logs[:, 1]).max() > 0, "scores depend on the prompt"


def test_prompts_are_restored_per_class(train, validation, tmp_path):
    estimator = prompted(tmp_path / "decoder", train_config=replace(SHORT, epochs=1))
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


def test_invalid_prompts_are_an_error(train, validation, tmp_path):
    with pytest.raises(ParameterError, match="2 prompts for 3 classes"):
        prompted(tmp_path / "a", prompts=PROMPTS[:2]).fit(train, validation, seed=0)
    long = prompted(tmp_path / "b", prompts=("the old harbour " * 9,) * 3)
    with pytest.raises(ParameterError, match="the prompt of class 0 has"):
        long.fit(train, validation, seed=0)


def test_a_class_without_documents_is_an_error(train, validation):
    one = np.flatnonzero(validation.labels != 1)
    lacking = LabelledDocuments(
        [validation.texts[row] for row in one], validation.labels[one], CLASSES
    )
    with pytest.raises(DataError, match="the validation split has no document of class 1"):
        scratch().fit(train, lacking, seed=0)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (ScratchGenerative, {"window": 1}, "window=1"),
        (ScratchGenerative, {"size": "huge"}, "size='huge'"),
        (FinetunedGenerative, {"tuning": "frozen"}, "tuning='frozen'"),
    ],
)
def test_fields_out_of_range_are_an_error(kind, options, message):
    with pytest.raises(ParameterError, match=message):
        kind(**options)
