import json
import warnings

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.models.planted_texts import ENCODER, QUICK, divided
from wholescript.errors import DataError, RunError
from wholescript.models.documents.counts import NBSVM, BagOfWordsLR, NaiveBayes
from wholescript.models.documents.kernel import SentenceKernel
from wholescript.models.documents.linear import SentenceLinear, TfidfSVM
from wholescript.models.documents.ngram import NgramClassifier
from wholescript.models.documents.ngram_interpolated import InterpolatedNgramClassifier
from wholescript.models.documents.stacking import SparseDenseEnsemble


@pytest.fixture(scope="module", params=[2, 5])
def data(request):
    return divided(request.param)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """What has been embedded once serves all tests here."""
    return tmp_path_factory.mktemp("sentences")


@pytest.fixture
def models(cache):
    """One of each kind, made to be quick."""
    sentences = {"settings": QUICK, "cache": cache}

    def dense():
        return SentenceLinear(logistic_Cs=(3.0, 30.0), svm_Cs=(1.0,), **sentences)

    def kernel():
        return SentenceKernel(ridges=(0.3, 3.0), **sentences)

    def stack(way):
        parts = {"sparse": TfidfSVM(Cs=(0.3,)), "dense": dense(), "kernel": kernel()}
        return SparseDenseEnsemble(**parts, methods=(way,), dense_weights=(1.0, 2.0))

    return {
        "sparse": lambda: TfidfSVM(Cs=(0.1, 1.0)),
        "dense": dense,
        "kernel": kernel,
        "blended": lambda: stack("blended"),
        "stacked": lambda: stack("stacked"),
        "together": lambda: stack("together"),
        "naive bayes": NaiveBayes,
        "logistic": lambda: BagOfWordsLR(Cs=(1.0, 10.0)),
        "nb-svm": lambda: NBSVM(Cs=(0.1, 1.0)),
        "n-grams": lambda: NgramClassifier(orders=(1, 2), min_count=1),
        "mixed n-grams": lambda: InterpolatedNgramClassifier(orders=(1, 2), min_count=1),
    }


KINDS = pytest.mark.parametrize(
    "kind",
    [
        *("sparse", "dense", "kernel", "blended", "stacked", "together"),
        *("naive bayes", "logistic", "nb-svm", "n-grams", "mixed n-grams"),
    ],
)


@ENCODER
@KINDS
def test_the_planted_word_is_found(models, data, kind):
    training, test, right = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = models[kind]().fit(*training, seed=0)
        found = model.predict_proba(test)
    assert found.dtype == np.float32
    assert found.shape == (len(test), right.max() + 1)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found.argmax(axis=1) == right).mean() >= 0.9


@ENCODER
@KINDS
def test_fitting_twice_gives_the_same_bits(models, data, kind):
    training, test, _ = data
    first, second = (models[kind]().fit(*training, seed=3).predict_proba(test) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@ENCODER
@KINDS
def test_validation_texts_are_not_learnt_from(models, data, kind):
    (train, labels, held, val_labels), test, _ = data
    whole = models[kind]().fit(train, labels, held, val_labels, seed=0)
    # Other texts of the same scores: each validation text twice.
    twice = models[kind]().fit(train, labels, held * 2, np.tile(val_labels, 2), seed=0)
    assert whole.chosen == twice.chosen
    np.testing.assert_allclose(whole.predict_proba(test), twice.predict_proba(test), atol=1e-4)


@ENCODER
@KINDS
def test_what_was_stored_says_the_same(models, data, kind, tmp_path):
    training, test, _ = data
    fitted = models[kind]().fit(*training, seed=0)
    fitted.save(tmp_path / "run")
    loaded = models[kind]().load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict_proba(test), fitted.predict_proba(test))
    assert (loaded.chosen, loaded.parameters) == (fitted.chosen, fitted.parameters)
    suffixes = {path.suffix for path in (tmp_path / "run").iterdir()}
    assert suffixes == {".safetensors", ".json"}


def test_another_configuration_is_not_loaded(data, tmp_path):
    training, _, _ = data
    TfidfSVM(Cs=(1.0,)).fit(*training, seed=0).save(tmp_path)
    with pytest.raises(DataError, match=r"holds .*'Cs': \[1.0\].* not .*'Cs': \[3.0\]"):
        TfidfSVM(Cs=(3.0,)).load(tmp_path)
    (tmp_path / "classifier.json").write_text("{")
    with pytest.raises(DataError, match="holds no fitted tfidf-svm"):
        TfidfSVM(Cs=(1.0,)).load(tmp_path)
    with pytest.raises(DataError, match="holds no fitted tfidf-svm"):
        TfidfSVM(Cs=(1.0,)).load(tmp_path / "nowhere")


@ENCODER
@KINDS
def test_the_configuration_is_json_and_says_what_decides(models, kind):
    config = models[kind]().config
    assert json.loads(json.dumps(config)) == config
    flat = json.dumps(config)
    for aside in ("cache", "progress", "pool", "jobs", "chosen"):
        assert f'"{aside}"' not in flat
    deciding = ("Cs", "svm_Cs", "ridges", "alphas", "orders")
    assert any(f'"{name}"' in flat for name in deciding)


def test_a_model_that_learnt_nothing_says_nothing():
    with pytest.raises(RunError, match="tfidf-svm has learnt nothing yet"):
        TfidfSVM().predict_proba(["a text"])


GOOD = (["red one", "blue two"] * 3, np.array([0, 1] * 3), ["red", "blue"], np.array([0, 1]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({1: np.zeros(6, int)}, "all 6 training texts are of the class 0"),
        ({1: np.array([0, 2] * 3)}, "no training text is of class 1, and 2 is the last"),
        ({1: np.array([0, -1] * 3)}, "training labels are int64 of shape .6,., the least .*-1"),
        ({1: np.array([0.0, 1.0] * 3)}, "training labels are float64"),
        ({1: np.array([0, 1])}, "6 training texts have 2 labels"),
        ({3: np.array([0, 2])}, "validation texts are of class 2, training texts of 0 to 1"),
        ({3: np.array([0])}, "2 validation texts have 1 labels"),
        ({0: ["red", "", "red", "blue", "red", " "]}, "2 of the 6 training texts hold no text"),
        ({2: ["red", ""]}, "1 of the 2 validation texts hold no text: row 1"),
        ({0: []}, "training texts is empty"),
        ({2: [], 3: np.array([], int)}, "validation texts is empty"),
        ({0: ["?"] * 6}, "6 training texts have no words to count"),
    ],
)
def test_what_nothing_can_be_learnt_from(changed, said):
    arguments = [changed.get(place, value) for place, value in enumerate(GOOD)]
    with pytest.raises(DataError, match=said):
        TfidfSVM().fit(*arguments, seed=0)
    TfidfSVM().fit(*GOOD, seed=0)


def test_an_empty_text_is_not_predicted():
    fitted = TfidfSVM().fit(*GOOD, seed=0)
    with pytest.raises(DataError, match="1 of the 2 texts hold no text: row 0"):
        fitted.predict_proba(["", "red"])


def test_strength_is_the_one_that_does_best_on_validation(data):
    (train, labels, held, val_labels), test, _ = data
    Cs = (1e-4, 0.3, 30.0)
    alone = {C: TfidfSVM(Cs=(C,)).fit(train, labels, held, val_labels, seed=0) for C in Cs}
    scores = {
        C: f1_score(val_labels, model.predict_proba(held).argmax(axis=1), average="macro")
        for C, model in alone.items()
    }
    best = TfidfSVM(Cs=Cs).fit(train, labels, held, val_labels, seed=0)
    assert best.chosen["validation_macro_f1"] == max(scores.values())
    assert best.chosen["C"] == next(C for C in Cs if scores[C] == max(scores.values()))
    expected = alone[best.chosen["C"]].predict_proba(test)
    np.testing.assert_array_equal(best.predict_proba(test), expected)


def test_both_ngrams_count_and_each_kind_has_length_one():
    model = TfidfSVM(analyzer="char_wb").fit(*GOOD, seed=0)
    x = model.ngrams.transform(["red two", "blue"])
    words = len(model.ngrams.transformer_list[0][1].idf_)
    for part in (x[:, :words], x[:, words:]):
        np.testing.assert_allclose(np.sqrt(part.multiply(part).sum(axis=1)), 1, atol=1e-6)
    assert model.parameters["parameters"] == x.shape[1] * 3 + 2


@ENCODER
def test_a_pool_stands_for_the_sets_that_are_parts_of_it(data, tmp_path):
    (train, labels, held, val_labels), test, _ = data
    pooled = SentenceLinear(settings=QUICK, cache=tmp_path, embedding_pool=train + held)
    pooled.fit(train[:60], labels[:60], held, val_labels, seed=0)
    assert len(list(tmp_path.iterdir())) == 1
    found = pooled.predict_proba(test)  # not in the pool
    assert len(list(tmp_path.iterdir())) == 2
    plain = SentenceLinear(settings=QUICK, cache=tmp_path)
    plain.fit(train[:60], labels[:60], held, val_labels, seed=0)
    np.testing.assert_allclose(found, plain.predict_proba(test), atol=0.01)


@ENCODER
def test_only_the_head_of_a_frozen_encoder_is_trained(models, data):
    training, _, right = data
    model = models["dense"]().fit(*training, seed=0)
    classes = right.max() + 1
    assert model.parameters["trained_parameters"] == 385 * classes
    assert model.parameters["parameters"] > 10_000_000
