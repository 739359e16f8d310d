import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score

from tests.models.tiny_decoders import POSITIONS, language, write_tiny
from tests.training.planted_documents import (
    CLASSES,
    count_steps,
    killed_after_epoch,
    killed_in_step,
    planted,
    without_seconds,
)
from wholescript.errors import DataError, ParameterError
from wholescript.features.pretrained_decoders import load_pretrained_lm
from wholescript.studies.classifiers import finetuned
from wholescript.studies.classifiers.finetuned import FinetunedClassifier
from wholescript.studies.classifiers.settings import FINETUNE_TRAIN_CONFIG
from wholescript.training.document_classifier import WEIGHTS_FILE, LabelledDocuments

EPOCHS, STEPS, FROZEN = 3, 3, 2
NOUNS = ("meal", "long evening", "film", "walk by the old river")
TUNINGS = ("full", "lora", "frozen", "lp-ft")


class CheckpointEveryStep(FinetunedClassifier):
    """Writes a checkpoint at every step."""

    save_interval_s = 0.0


class NetworkRecorder(FinetunedClassifier):
    """Keeps its network."""

    def build_model(self, *arguments):
        built = super().build_model(*arguments)
        self.network = built[0]
        return built


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("decoders")
    return {kind: write_tiny(root / kind, kind, steps=60) for kind in ("gpt2", "llama")}


@pytest.fixture
def llama(folders):
    return folders["llama"]


@pytest.fixture(scope="module")
def train():
    return planted(60)


@pytest.fixture(scope="module")
def validation():
    return planted(30, seed=1)


@pytest.fixture(scope="module")
def fitted(folders, train, validation):
    """The result of an unbroken training, by kind of decoder and tuning; each is trained once."""

    @cache
    def fit(kind, tuning):
        return classifier(folders[kind], tuning).fit(train, validation, seed=0)

    return fit


def classifier(folder, tuning="lora", epochs=EPOCHS, rate=1e-2, kind=FinetunedClassifier):
    train_config = replace(
        FINETUNE_TRAIN_CONFIG, epochs=epochs, learning_rate=rate, patience=epochs
    )
    return kind(
        max_length=POSITIONS,
        batch_size=20,
        bfloat16=False,
        pretrained=folder,
        tuning=tuning,
        frozen_epochs=FROZEN,
        train_config=train_config,
    )


def epochs_of(tuning):
    return EPOCHS + FROZEN * (tuning == "lp-ft")


def assert_same(found, expected):
    assert without_seconds(found.history) == without_seconds(expected.history)
    assert found.best_epoch == expected.best_epoch
    for name, value in expected.network.state_dict().items():
        assert torch.equal(found.network.state_dict()[name], value), name


@pytest.mark.parametrize(("tuning", "least"), [("full", 0.85), ("lora", 0.7)])
def test_class_words_are_learned(llama, tuning, least):
    result = classifier(llama, tuning, epochs=12).fit(planted(180), planted(30, seed=1), seed=0)
    test = planted(60, seed=2)
    predicted = result.predict_proba(test.texts).argmax(1)
    assert accuracy_score(test.labels, predicted) > least


def test_documents_start_with_the_bos_token(llama, train):
    _, tokenize, pad_token_id = classifier(llama).build_model(train.texts, CLASSES, None)
    (ids,) = tokenize(["the old ferry"])
    assert ids.dtype == np.int64
    assert ids[0] == pad_token_id == 0
    assert len(ids) > 1 and 0 not in ids[1:]


@pytest.mark.parametrize(
    ("tuning", "step"),
    [
        ("full", 2 * STEPS + 2),
        ("lora", 3 * STEPS),
        ("frozen", 2 * STEPS + 2),
        ("lp-ft", 2 * STEPS + 2),
        ("lp-ft", 3 * STEPS),
    ],
)
def test_resume_within_an_epoch(folders, fitted, tuning, step, train, validation, tmp_path):
    model = classifier(folders["gpt2"], tuning, kind=CheckpointEveryStep)
    with killed_in_step(step):
        model.fit(train, validation, seed=0, folder=tmp_path)
    with count_steps() as steps:
        resumed = model.fit(train, validation, seed=0, folder=tmp_path)
    assert len(steps) == epochs_of(tuning) * STEPS - step + 1
    assert_same(resumed, fitted("gpt2", tuning))


@pytest.mark.parametrize(
    ("tuning", "epoch"),
    [("full", 2), ("lora", 1), ("frozen", EPOCHS), ("lp-ft", 1), ("lp-ft", FROZEN), ("lp-ft", 3)],
)
def test_resume_after_an_epoch(llama, fitted, tuning, epoch, train, validation, tmp_path):
    model = classifier(llama, tuning)
    with killed_after_epoch(epoch) as on_epoch_end:
        model.fit(train, validation, seed=0, folder=tmp_path, on_epoch_end=on_epoch_end)
    rows = []
    with count_steps() as steps:
        resumed = model.fit(train, validation, seed=0, folder=tmp_path, on_epoch_end=rows.append)
    assert len(steps) == (epochs_of(tuning) - epoch) * STEPS
    assert_same(resumed, fitted("llama", tuning))
    assert rows == resumed.history[epoch:]
    assert all(row["seconds"] > 0 for row in resumed.history)


def test_lp_ft_trains_the_head_first_and_then_all_weights(llama, train, validation):
    model = classifier(llama, "lp-ft", kind=NetworkRecorder)
    pretrained = list(load_pretrained_lm(llama).model.base_model.parameters())
    changed, rows = [], []

    def on_epoch_end(row):
        now = model.network.base.parameters()
        changed.append([not torch.equal(*pair) for pair in zip(pretrained, now, strict=True)])
        rows.append(row)

    result = model.fit(train, validation, seed=0, on_epoch_end=on_epoch_end)
    assert not any(map(any, changed[:FROZEN]))
    assert all(map(all, changed[FROZEN:])) and len(changed) == FROZEN + EPOCHS
    assert [row["epoch"] for row in result.history] == [1, 2, 3, 4, 5]
    assert rows == result.history
    assert result.best_epoch > FROZEN
    assert result.parameter_counts["parameters"] == result.parameter_counts["trained_parameters"]


def test_finished_phases_take_no_step(llama, train, validation, tmp_path):
    model = classifier(llama, "lp-ft")
    first = model.fit(train, validation, seed=0, folder=tmp_path)
    with count_steps() as steps:
        again = model.fit(train, validation, seed=0, folder=tmp_path)
    assert not steps
    assert_same(again, first)
    assert again.history == first.history  # and took as long


def test_lp_ft_has_a_tenth_of_the_learning_rate_in_its_second_phase(llama, train):
    model = classifier(llama, "lp-ft", rate=1e-2)
    network, _, _ = model.build_model(train.texts, CLASSES, None)
    first, second = model.phases(network)
    assert (first.learning_rate, first.epochs) == (1e-2, FROZEN)
    assert (second.learning_rate, second.epochs) == (pytest.approx(1e-3), EPOCHS)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_fine_tuning_increases_the_lm_loss(folders, kind, train, validation):
    ids = language(folders[kind])
    losses = {}
    # Full fine-tuning after linear probing has a tenth of the learning rate.
    for tuning, rate in {"full": 3e-2, "lora": 3e-2, "frozen": 3e-2, "lp-ft": 3e-1}.items():
        result = classifier(folders[kind], tuning, rate=rate).fit(train, validation, seed=0)
        losses[tuning] = result.network.lm_loss(ids)
    untouched, _, _ = classifier(folders[kind]).build_model((), CLASSES, None)
    before = untouched.lm_loss(ids)
    assert losses["frozen"] == pytest.approx(before, rel=1e-6)
    assert min(losses[tuning] for tuning in ("full", "lora", "lp-ft")) > before + 0.01


@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_loaded_classifier_predicts_the_same(folders, fitted, tuning, validation, tmp_path):
    for kind, folder in folders.items():
        model, result = classifier(folder, tuning), fitted(kind, tuning)
        model.save(result, tmp_path / kind)
        again = model.load(tmp_path / kind, CLASSES)
        np.testing.assert_array_equal(
            again.predict_proba(validation.texts), result.predict_proba(validation.texts)
        )
        assert again.parameter_counts == result.parameter_counts
        assert again.network.lm_loss(language(folder)) == pytest.approx(
            result.network.lm_loss(language(folder)), rel=1e-6
        )


def test_rank_alpha_and_dropout_reach_the_adapters(llama):
    model = replace(classifier(llama), rank=2, alpha=6, dropout=0.25)
    network, _, _ = model.build_model((), CLASSES, None)
    adapters = network.base.peft_config["default"]
    assert (adapters.r, adapters.lora_alpha, adapters.lora_dropout) == (2, 6, 0.25)
    assert network.head[0].p == 0.25


def test_only_trained_parameters_are_stored(llama, train, validation, tmp_path):
    for tuning in ("lora", "frozen"):
        model = classifier(llama, tuning, epochs=1)
        result = model.fit(train, validation, seed=0, folder=tmp_path)
        model.save(result, tmp_path)
        trained = result.parameter_counts["trained_parameters"]
        assert trained < result.parameter_counts["parameters"] / 2
        state = load_file(tmp_path / WEIGHTS_FILE)
        assert sum(value.numel() for value in state.values()) == trained
        (tmp_path / "checkpoint-0.safetensors").unlink()


def test_truncated_weights_are_an_error(llama, train, validation, tmp_path):
    model = classifier(llama, epochs=1)
    model.save(model.fit(train, validation, seed=0), tmp_path)
    path = tmp_path / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match="holds no trained llama-lora"):
        model.load(tmp_path, CLASSES)


def test_weights_of_another_tuning_are_an_error(llama, train, validation, tmp_path):
    model = classifier(llama, "frozen", epochs=1)
    model.save(model.fit(train, validation, seed=0), tmp_path)
    for tuning in ("full", "lora", "lp-ft"):
        with pytest.raises(DataError, match=f"holds no trained llama-{tuning}"):
            classifier(llama, tuning).load(tmp_path, CLASSES)


def test_no_warnings_or_output(folders, train, validation, capfd):
    long = replace(train, texts=[*train.texts[:-1], "the old ferry " * 90])
    for folder in folders.values():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            classifier(folder, "lora", epochs=1).fit(long, validation, seed=0)
    assert capfd.readouterr() == ("", "")


def test_a_max_length_beyond_the_context_is_an_error(llama, train, validation):
    model = replace(classifier(llama), max_length=POSITIONS + 1)
    with pytest.raises(ParameterError, match=f"has {POSITIONS} tokens"):
        model.fit(train, validation, seed=0)


def test_an_unknown_model_is_an_error(train, validation, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ParameterError, match=r"cannot be loaded .*smollm2"):
        classifier(str(tmp_path / "absent")).fit(train, validation, seed=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tuning": "half"}, "tuning='half' is none of full, lora, frozen, lp-ft"),
        ({"rank": 0}, r"rank=0 must be a whole number, at least 1"),
        ({"alpha": 0}, "alpha=0 must be a whole number, at least 1"),
        ({"frozen_epochs": 0}, "frozen_epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_fields_out_of_range_are_an_error(options, message):
    with pytest.raises(ParameterError, match=message):
        FinetunedClassifier(**options)


def test_run_names(llama):
    assert FinetunedClassifier().name == "smollm2-lora"
    assert classifier(llama, "lp-ft").name == "llama-lp-ft"
    assert FinetunedClassifier(pretrained="someone/gpt2", tuning="full").name == "gpt2-full"


def test_save_intervals():
    seconds = [FinetunedClassifier(tuning=tuning).save_interval_s for tuning in TUNINGS]
    assert seconds == [600, 60, 60, 600]


def reviews(good, bad, nouns):
    texts = [f"what a {word} {noun}" for word in [*good, *bad] for noun in nouns]
    return LabelledDocuments(texts, np.arange(len(texts)) * 2 // len(texts), 2)


def test_the_packaged_model_is_fine_tuned(monkeypatch):
    monkeypatch.setattr(finetuned, "N_FORGETTING_PAGES", 4)
    train = reviews(["splendid", "lovely", "wonderful"], ["dreadful", "awful", "nasty"], NOUNS)
    validation = reviews(["superb"], ["horrible"], NOUNS)
    model = replace(classifier("smollm2", rate=2e-3), batch_size=12, max_length=16)
    result = model.fit(train, validation, seed=0)
    assert result.parameter_counts["trained_parameters"] == 2_442_240 + 2 * 577
    assert result.history[-1]["train_loss"] < 0.9 * result.history[0]["train_loss"]
    assert result.history[-1]["val_loss"] < 0.9 * result.history[0]["val_loss"]
    before, after = (result.extra_metrics[f"lm_loss_{when}"] for when in ("before", "after"))
    assert 2 < before < 6  # on Python's manual; a model without English has about 10
    assert after != before
    together, alone = (result.predict_proba(validation.texts[:n])[0] for n in (8, 1))
    np.testing.assert_allclose(together, alone, atol=1e-4)
