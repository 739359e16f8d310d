from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from tests.training.planted_documents import (
    CLASSES,
    count_steps,
    killed_after_epoch,
    killed_in_step,
    planted,
    with_random_labels,
    without_seconds,
)
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.training.document_classifier import (
    WEIGHTS_FILE,
    LabelledDocuments,
    NetworkClassifier,
)
from wholescript.training.loop import TrainConfig

EPOCHS, STEPS = 4, 3
QUICK = TrainConfig(
    epochs=EPOCHS,
    learning_rate=3e-3,
    patience=EPOCHS,
    schedule="onecycle",
    monitor="val_macro_f1",
)


class CheckpointEveryStep(ScratchClassifier):
    """Writes a checkpoint at every step."""

    save_interval_s = 0.0


class SameStart(ScratchClassifier):
    """Has the same initial weights for every seed."""

    def build_model(self, *arguments):
        torch.manual_seed(0)
        return super().build_model(*arguments)


def classifier(kind=ScratchClassifier, train_config=QUICK, **options):
    options = {"max_length": 16, "batch_size": 20, "size": "tiny", "vocab_size": 300} | options
    return kind(bfloat16=False, train_config=train_config, **options)


@pytest.fixture
def train():
    return planted(60)


@pytest.fixture
def validation():
    return planted(30, seed=1)


@pytest.fixture(scope="module")
def fitted():
    """Trained on planted documents; do not change it."""
    return classifier().fit(planted(60), planted(30, seed=1), seed=0)


def assert_same(found, expected):
    assert without_seconds(found.history) == without_seconds(expected.history)
    assert found.best_epoch == expected.best_epoch
    for name, value in expected.network.state_dict().items():
        assert torch.equal(found.network.state_dict()[name], value), name


def test_class_words_are_learned():
    longer = replace(QUICK, epochs=10)
    fitted = classifier(train_config=longer).fit(planted(120), planted(30, seed=1), seed=0)
    test = planted(90, seed=2)
    probabilities = fitted.predict_proba(test.texts)
    assert probabilities.shape == (90, CLASSES) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert accuracy_score(test.labels, probabilities.argmax(1)) > 0.9


def test_history_columns(fitted):
    assert [row["epoch"] for row in fitted.history] == list(range(1, EPOCHS + 1))
    assert list(fitted.history[0]) == [
        "epoch",
        "train_loss",
        "val_loss",
        "val_accuracy",
        "val_macro_f1",
        "learning_rate",
        "seconds",
    ]
    assert all(row["seconds"] > 0 for row in fitted.history)
    assert fitted.history[-1]["train_loss"] < fitted.history[0]["train_loss"]


def test_parameters_are_counted(fitted):
    count = sum(parameter.numel() for parameter in fitted.network.parameters())
    assert fitted.parameter_counts == {"parameters": count, "trained_parameters": count}


def test_predictions_do_not_depend_on_the_batch(fitted, validation):
    together = fitted.predict_proba(validation.texts)
    for row in (0, 7, 29):
        alone = fitted.predict_proba([validation.texts[row]])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


def test_early_stopping_selects_the_best_macro_f1(validation):
    config = replace(QUICK, epochs=30, patience=3)
    noise = with_random_labels(60, seed=2)
    result = classifier(train_config=config).fit(noise, validation, seed=0)
    scores = [row["val_macro_f1"] for row in result.history]
    losses = [row["val_loss"] for row in result.history]
    assert result.best_epoch == 1 + int(np.argmax(scores)) != 1 + int(np.argmin(losses))
    assert len(scores) == result.best_epoch + config.patience < config.epochs
    predicted = result.predict_proba(validation.texts).argmax(1)
    assert f1_score(validation.labels, predicted, average="macro") == pytest.approx(
        max(scores), abs=1e-5
    )


def test_label_smoothing_enters_the_validation_loss(train, validation):
    for smoothing in (0.0, 0.3):
        model = classifier(label_smoothing=smoothing, train_config=replace(QUICK, epochs=1))
        fitted = model.fit(train, validation, seed=0)
        wanted = (1 - smoothing) * np.eye(CLASSES)[validation.labels] + smoothing / CLASSES
        losses = -(wanted * np.log(fitted.predict_proba(validation.texts))).sum(1)
        assert fitted.history[0]["val_loss"] == pytest.approx(losses.mean(), abs=1e-4)


def test_weights_depend_on_the_seed(train, validation):
    short = classifier(train_config=replace(QUICK, epochs=1))
    one, same, other = (short.fit(train, validation, seed=seed) for seed in (1, 1, 2))
    assert_same(one, same)
    assert not torch.equal(one.network.head[1].weight, other.network.head[1].weight)


def test_order_and_dropout_depend_on_the_seed(train, validation):
    short = classifier(SameStart, replace(QUICK, epochs=1))
    one, other = (short.fit(train, validation, seed=seed).network.head[1] for seed in (1, 2))
    assert not torch.equal(one.weight, other.weight)


def test_long_documents_are_truncated_and_counted(train, validation):
    long = LabelledDocuments([*train.texts[:-3], *(["the pier " * 40] * 3)], train.labels, CLASSES)
    result = classifier(train_config=replace(QUICK, epochs=1)).fit(long, validation, seed=0)
    assert result.truncated_share == pytest.approx(3 / 60)
    cut, longer, other = result.predict_proba(["the pier " * 40, "the pier " * 90, "the pier"])
    np.testing.assert_allclose(cut, longer, atol=1e-6)
    assert not np.allclose(cut, other, atol=1e-3)


def test_documents_of_max_length_are_not_truncated(train, validation):
    _, tokenize, _ = classifier().build_model(train.texts, CLASSES, None)
    lengths = np.array([len(numbers) for numbers in tokenize(train.texts)])
    for longest in (lengths.max(), lengths.max() - 1):
        model = classifier(max_length=int(longest), train_config=replace(QUICK, epochs=1))
        truncated_share = model.fit(train, validation, seed=0).truncated_share
        assert truncated_share == pytest.approx((lengths > longest).mean())


@pytest.mark.parametrize("epoch", [1, 3])
def test_resume_after_an_epoch(train, validation, tmp_path, epoch, fitted):
    with killed_after_epoch(epoch) as on_epoch_end:
        classifier().fit(train, validation, seed=0, folder=tmp_path, on_epoch_end=on_epoch_end)
    rows = []
    with count_steps() as steps:
        resumed = classifier().fit(
            train, validation, seed=0, folder=tmp_path, on_epoch_end=rows.append
        )
    assert len(steps) == (EPOCHS - epoch) * STEPS
    assert_same(resumed, fitted)
    assert rows == resumed.history[epoch:]
    assert all(row["seconds"] > 0 for row in resumed.history)


@pytest.mark.parametrize("kind", [ScratchClassifier, CheckpointEveryStep])
def test_resume_within_an_epoch(train, validation, tmp_path, kind, fitted):
    with killed_in_step(2 * STEPS + 2):
        classifier(kind).fit(train, validation, seed=0, folder=tmp_path)
    with count_steps() as steps:
        resumed = classifier(kind).fit(train, validation, seed=0, folder=tmp_path)
    # The steps since the last checkpoint are repeated: those of the epoch, or the last one.
    assert len(steps) == 2 * STEPS - (kind is CheckpointEveryStep)
    assert_same(resumed, fitted)


def test_resume_with_bfloat16(train, validation, tmp_path):
    half = classifier(CheckpointEveryStep)
    half.bfloat16 = True
    unbroken = half.fit(train, validation, seed=0)
    with killed_in_step(5):
        half.fit(train, validation, seed=0, folder=tmp_path)
    assert_same(half.fit(train, validation, seed=0, folder=tmp_path), unbroken)


def test_a_finished_training_takes_no_step(train, validation, tmp_path):
    first = classifier().fit(train, validation, seed=0, folder=tmp_path)
    with count_steps() as steps:
        again = classifier().fit(train, validation, seed=0, folder=tmp_path)
    assert not steps
    assert_same(again, first)
    assert again.history == first.history  # and took as long


def test_a_loaded_classifier_predicts_the_same(train, validation, tmp_path):
    model = classifier()
    result = model.fit(train, validation, seed=0, folder=tmp_path)
    model.save(result, tmp_path)
    again = model.load(tmp_path, CLASSES)
    np.testing.assert_array_equal(
        again.predict_proba(validation.texts), result.predict_proba(validation.texts)
    )
    assert again.parameter_counts == result.parameter_counts


def test_truncated_weights_are_an_error(fitted, tmp_path):
    model = classifier()
    model.save(fitted, tmp_path)
    whole = (tmp_path / WEIGHTS_FILE).read_bytes()
    for length in (len(whole) // 2, 100, 0):
        (tmp_path / WEIGHTS_FILE).write_bytes(whole[:length])
        with pytest.raises(DataError, match="holds no trained scratch-tiny"):
            model.load(tmp_path, CLASSES)
    (tmp_path / WEIGHTS_FILE).unlink()
    with pytest.raises(DataError, match="holds no trained scratch-tiny"):
        model.load(tmp_path, CLASSES)


def test_weights_of_other_settings_are_an_error(fitted, tmp_path):
    classifier().save(fitted, tmp_path)
    for model, n_classes in ((classifier(size="small"), CLASSES), (classifier(), CLASSES + 1)):
        with pytest.raises(DataError, match=f"holds no trained {model.name}"):
            model.load(tmp_path, n_classes)


def test_a_damaged_checkpoint_is_ignored(train, validation, tmp_path, fitted):
    with killed_after_epoch(2) as on_epoch_end:
        classifier().fit(train, validation, seed=0, folder=tmp_path, on_epoch_end=on_epoch_end)
    path = tmp_path / "checkpoint-0.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert_same(classifier().fit(train, validation, seed=0, folder=tmp_path), fitted)


def test_an_infinite_loss_is_an_error(train, validation):
    steep = replace(QUICK, learning_rate=1e30)
    with pytest.raises(RunError, match="lower learning_rate"):
        classifier(train_config=steep).fit(train, validation, seed=0)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a", "b"], [0], "2 documents have 1 labels"),
        (["a"], [0, 1], "1 documents have 2 labels"),
        ([], [], "there are no documents"),
        (["a", "b"], [0, 3], "labels from 0 to 3 are outside 0 to 2"),
        (["a", "b"], [-1, 0], "labels from -1 to 0 are outside 0 to 2"),
        (
            ["a", "", "b", " \n"],
            [0, 1, 2, 0],
            "2 of the 4 texts are empty or not strings: row 1, 3",
        ),
        (["a", "b \ud83d"], [0, 1], "row 1 of texts contains the lone surrogate"),
    ],
)
def test_invalid_documents_are_an_error(texts, labels, message):
    with pytest.raises(DataError, match=message):
        LabelledDocuments(texts, np.array(labels, np.int64), 3)


def test_other_validation_classes_are_an_error(train, validation):
    more = replace(validation, n_classes=CLASSES + 1)
    with pytest.raises(DataError, match="training has 3 classes, validation 4"):
        classifier().fit(train, more, seed=0)


@pytest.mark.parametrize(
    ("texts", "message"),
    [([], "texts is empty"), (["a text", ""], "1 of the 2 texts are empty")],
)
def test_predicting_empty_documents_is_an_error(fitted, texts, message):
    with pytest.raises(DataError, match=message):
        fitted.predict_proba(texts)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_length", 1),
        ("batch_size", 0),
        *((name, value) for name in ("label_smoothing", "dropout") for value in (-0.1, 1.0)),
    ],
)
def test_fields_out_of_range_are_an_error(name, value):
    with pytest.raises(ParameterError, match=f"{name}={value}"):
        classifier(**{name: value})


def test_config_has_all_fields():
    config = classifier().config
    assert config["model"] == "ScratchClassifier"
    assert (config["size"], config["train_config"]["epochs"]) == ("tiny", EPOCHS)
    names = {field.name for field in fields(NetworkClassifier)}
    assert names - set(config) == {"class_weight"}, "the default of a later field is not stored"
    assert classifier(class_weight="balanced").config["class_weight"] == "balanced"
