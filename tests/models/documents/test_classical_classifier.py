import json
import warnings

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.models.documents.planted_texts import ENCODER, QUICK, split
from wholescript.errors import DataError, RunError
from wholescript.models.documents.bag_of_words import NBSVM, BagOfWordsLR, NaiveBayes
from wholescript.models.documents.ensemble import SparseDenseEnsemble
from wholescript.models.documents.kernel import SentenceKernel
from wholescript.models.documents.ngram import NgramClassifier
from wholescript.models.documents.ngram_interpolated import InterpolatedNgramClassifier
from wholescript.models.documents.sentence_embeddings import SentenceLinear
from wholescript.models.documents.tfidf_svm import TfidfSVM


@pytest.fixture(scope="module", params=[2, 5])
def data(request):
    return split(request.param)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache of embeddings for all tests of the module."""
    return tmp_path_factory.mktemp("sentences")


@pytest.fixture
def models(cache):
    """A fast one of each kind."""
    sentences = {"settings": QUICK, "cache": cache}

    def dense():
        return SentenceLinear(logistic_Cs=(3.0, 30.0), svm_Cs=(1.0,), **sentences)

    def kernel():
        return SentenceKernel(alphas=(0.3, 3.0), **sentences)

    def ensemble(method):
        parts = {"sparse": TfidfSVM(Cs=(0.3,)), "dense": dense(), "kernel": kernel()}
        return SparseDenseEnsemble(**parts, methods=(method,), dense_weights=(1.0, 2.0))

    return {
        "sparse": lambda: TfidfSVM(Cs=(0.1, 1.0)),
        "dense": dense,
        "kernel": kernel,
        "weighted sum": lambda: ensemble("weighted_sum"),
        "stacking": lambda: ensemble("stacking"),
        "concatenated": lambda: ensemble("concatenated"),
        "naive bayes": NaiveBayes,
        "logistic": lambda: BagOfWordsLR(Cs=(1.0, 10.0)),
        "nb-svm": lambda: NBSVM(Cs=(0.1, 1.0)),
        "n-grams": lambda: NgramClassifier(orders=(1, 2), min_count=1),
        "interpolated n-grams": lambda: InterpolatedNgramClassifier(orders=(1, 2), min_count=1),
    }


KINDS = pytest.mark.parametrize(
    "kind",
    [
        *("sparse", "dense", "kernel", "weighted sum", "stacking", "concatenated"),
        *("naive bayes", "logistic", "nb-svm", "n-grams", "interpolated n-grams"),
    ],
)


@ENCODER
@KINDS
def test_class_words_are_found(models, data, kind):
    training, test, test_labels = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = models[kind]().fit(*training, seed=0)
        found = model.predict_proba(test)
    assert found.dtype == np.float32
    assert found.shape == (len(test), test_labels.max() + 1)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found.argmax(axis=1) == test_labels).mean() >= 0.9


@ENCODER
@KINDS
def test_fitting_is_deterministic(models, data, kind):
    training, test, _ = data
    first, second = (models[kind]().fit(*training, seed=3).predict_proba(test) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@ENCODER
@KINDS
def test_validation_texts_are_not_trained_on(models, data, kind):
    (train, labels, val_texts, val_labels), test, _ = data
    once = models[kind]().fit(train, labels, val_texts, val_labels, seed=0)
    # Doubling the validation texts changes no validation score.
    twice = models[kind]().fit(train, labels, val_texts * 2, np.tile(val_labels, 2), seed=0)
    assert once.chosen == twice.chosen
    np.testing.assert_allclose(once.predict_proba(test), twice.predict_proba(test), atol=1e-4)


@ENCODER
@KINDS
def test_loaded_classifier_predicts_the_same(models, data, kind, tmp_path):
    training, test, _ = data
    fitted = models[kind]().fit(*training, seed=0)
    fitted.save(tmp_path / "run")
    loaded = models[kind]().load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict_proba(test), fitted.predict_proba(test))
    assert (loaded.chosen, loaded.parameter_counts) == (fitted.chosen, fitted.parameter_counts)
    suffixes = {path.suffix for path in (tmp_path / "run").iterdir()}
    assert suffixes == {".safetensors", ".json"}


def test_loading_another_configuration_is_an_error(data, tmp_path):
    training, _, _ = data
    TfidfSVM(Cs=(1.0,)).fit(*training, seed=0).save(tmp_path)
    with pytest.raises(
        DataError, match=r"another configuration, .*'Cs': \[1.0\].* fit one of .*'Cs': \[3.0\]"
    ):
        TfidfSVM(Cs=(3.0,)).load(tmp_path)
    (tmp_path / "classifier.json").write_text("{")
    with pytest.raises(DataError, match="holds no fitted tfidf-svm"):
        TfidfSVM(Cs=(1.0,)).load(tmp_path)
    with pytest.raises(DataError, match="holds no fitted tfidf-svm"):
        TfidfSVM(Cs=(1.0,)).load(tmp_path / "nowhere")


@ENCODER
@KINDS
def test_config_is_json_and_has_only_settings_that_affect_the_result(models, kind):
    config = models[kind]().config
    assert json.loads(json.dumps(config)) == config
    flat = json.dumps(config)
    for name in ("cache", "progress", "texts_to_embed", "n_jobs", "chosen"):
        assert f'"{name}"' not in flat
    assert any(f'"{name}"' in flat for name in ("Cs", "svm_Cs", "alphas", "orders"))


def test_predicting_before_fitting_is_an_error():
    with pytest.raises(RunError, match="tfidf-svm is not fitted"):
        TfidfSVM().predict_proba(["a text"])


VALID = (["red one", "blue two"] * 3, np.array([0, 1] * 3), ["red", "blue"], np.array([0, 1]))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({1: np.zeros(6, int)}, "all 6 training texts are of class 0"),
        ({1: np.array([0, 2] * 3)}, "no training text is of class 1, but the last class is 2"),
        ({1: np.array([0, -1] * 3)}, "training labels are int64 of shape .6,. with minimum .*-1"),
        ({1: np.array([0.0, 1.0] * 3)}, "training labels are float64"),
        ({1: np.array([0, 1])}, "6 training texts have 2 labels"),
        (
            {3: np.array([0, 2])},
            "validation texts are of class 2, training texts of classes 0 to 1",
        ),
        ({3: np.array([0])}, "2 validation texts have 1 labels"),
        ({0: ["red", "", "red", "blue", "red", " "]}, "2 of the 6 training texts are empty"),
        ({2: ["red", ""]}, "1 of the 2 validation texts are empty or not strings: row 1"),
        ({0: []}, "training texts is empty"),
        ({2: [], 3: np.array([], int)}, "validation texts is empty"),
        ({0: ["?"] * 6}, "no n-gram occurs in min_df=1 of the 6 training texts"),
    ],
)
def test_invalid_texts_or_labels_are_an_error(changed, message):
    arguments = [changed.get(position, value) for position, value in enumerate(VALID)]
    with pytest.raises(DataError, match=message):
        TfidfSVM().fit(*arguments, seed=0)
    TfidfSVM().fit(*VALID, seed=0)


def test_predicting_an_empty_text_is_an_error():
    fitted = TfidfSVM().fit(*VALID, seed=0)
    with pytest.raises(DataError, match="1 of the 2 texts are empty or not strings: row 0"):
        fitted.predict_proba(["", "red"])


def test_C_is_the_best_on_validation(data):
    (train, labels, val_texts, val_labels), test, _ = data
    Cs = (1e-4, 0.3, 30.0)
    single = {C: TfidfSVM(Cs=(C,)).fit(train, labels, val_texts, val_labels, seed=0) for C in Cs}
    scores = {
        C: f1_score(val_labels, model.predict_proba(val_texts).argmax(axis=1), average="macro")
        for C, model in single.items()
    }
    best = TfidfSVM(Cs=Cs).fit(train, labels, val_texts, val_labels, seed=0)
    assert best.chosen["validation_macro_f1"] == max(scores.values())
    assert best.chosen["C"] == next(C for C in Cs if scores[C] == max(scores.values()))
    expected = single[best.chosen["C"]].predict_proba(test)
    np.testing.assert_array_equal(best.predict_proba(test), expected)


def test_word_and_char_features_each_have_length_one():
    model = TfidfSVM(analyzer="char_wb").fit(*VALID, seed=0)
    x = model.feature_union.transform(["red two", "blue"])
    words = len(model.feature_union.transformer_list[0][1].idf_)
    for part in (x[:, :words], x[:, words:]):
        np.testing.assert_allclose(np.sqrt(part.multiply(part).sum(axis=1)), 1, atol=1e-6)
    assert model.parameter_counts["parameters"] == x.shape[1] * 3 + 2


@ENCODER
def test_embedding_pool_is_embedded_once_for_its_subsets(data, tmp_path):
    (train, labels, val_texts, val_labels), test, _ = data
    pooled = SentenceLinear(settings=QUICK, cache=tmp_path, texts_to_embed=train + val_texts)
    pooled.fit(train[:60], labels[:60], val_texts, val_labels, seed=0)
    assert len(list(tmp_path.iterdir())) == 1
    found = pooled.predict_proba(test)  # not in the pool
    assert len(list(tmp_path.iterdir())) == 2
    unpooled = SentenceLinear(settings=QUICK, cache=tmp_path)
    unpooled.fit(train[:60], labels[:60], val_texts, val_labels, seed=0)
    np.testing.assert_allclose(found, unpooled.predict_proba(test), atol=0.01)


@ENCODER
def test_only_the_decision_function_on_a_frozen_encoder_is_trained(models, data):
    training, _, test_labels = data
    model = models["dense"]().fit(*training, seed=0)
    n_classes = test_labels.max() + 1
    assert model.parameter_counts["trained_parameters"] == 385 * n_classes
    assert model.parameter_counts["parameters"] > 10_000_000
