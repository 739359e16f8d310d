import numpy as np
import pytest

from tests.models.documents.planted_texts import ENCODER, QUICK, planted
from wholescript.errors import ParameterError
from wholescript.models.documents.bag_of_words import NBSVM, BagOfWordsLR, NaiveBayes
from wholescript.models.documents.kernel import SentenceKernel
from wholescript.models.documents.ngram import NgramClassifier
from wholescript.models.documents.sentence_embeddings import SentenceLinear
from wholescript.models.documents.tfidf_svm import TfidfSVM

KINDS = pytest.mark.parametrize(
    ("kind", "options"),
    [
        (TfidfSVM, {"Cs": (0.01, 0.02)}),
        (BagOfWordsLR, {"Cs": (0.1, 0.2)}),
        (NaiveBayes, {"alphas": (3.0, 5.0)}),
        (NBSVM, {"Cs": (0.001, 0.002), "betas": (1.0,), "min_df": 1}),
        pytest.param(SentenceLinear, {"logistic_Cs": (0.1,), "svm_Cs": (0.001,)}, marks=ENCODER),
        pytest.param(SentenceKernel, {"alphas": (3.0, 9.0)}, marks=ENCODER),
    ],
)


@pytest.fixture
def rare():
    """Texts of two classes, 90 and 10 of them, and balanced validation texts."""
    texts, _, labels = planted(2, 180, 0)
    rows = np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:10]])
    val_texts, _, val_labels = planted(2, 60, 1)
    return [texts[row] for row in rows], labels[rows], val_texts, val_labels


def make(kind, options, tmp_path):
    sentences = issubclass(kind, SentenceLinear | SentenceKernel)
    return kind(**options, **({"settings": QUICK, "cache": tmp_path} if sentences else {}))


@KINDS
def test_balanced_weights_favour_the_rare_class(rare, tmp_path, kind, options):
    plain = make(kind, options, tmp_path).fit(*rare, seed=0)
    balanced = make(kind, {**options, "class_weight": "balanced"}, tmp_path).fit(*rare, seed=0)
    texts, _, _ = planted(2, 100, 2)
    means = [model.decision_function(texts).mean(axis=0) for model in (plain, balanced)]
    margins = [rare_mean - common_mean for common_mean, rare_mean in means]
    assert margins[1] > margins[0]


@KINDS
def test_a_refit_has_the_chosen_settings_and_the_words_of_validation(tmp_path, kind, options):
    texts, _, labels = planted(2, 100, 0)
    val_texts = [text.replace("kettle", "teapot") for text in planted(2, 40, 1)[0]]
    val_labels = planted(2, 40, 1)[2]
    data = texts, labels, val_texts, val_labels
    once = make(kind, options, tmp_path).fit(*data, seed=0)
    again = make(kind, {**options, "refit": True}, tmp_path).fit(*data, seed=0)
    assert again.chosen == once.chosen and again.temperature == once.temperature
    unseen = ["the teapot was old", "a teapot and some"]
    margins = [np.diff(model.decision_function(unseen), axis=1) for model in (once, again)]
    assert (margins[1] > margins[0]).all(), "the class of teapot is learned from validation texts"
    again.save(tmp_path / "saved")
    loaded = make(kind, {**options, "refit": True}, tmp_path).load(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.predict_proba(unseen), again.predict_proba(unseen))


def test_at_their_defaults_they_are_not_stored():
    assert not {"class_weight", "refit"} & set(TfidfSVM().config)
    changed = TfidfSVM(class_weight="balanced", refit=True).config
    assert (changed["class_weight"], changed["refit"]) == ("balanced", True)


def test_what_a_classifier_cannot_do_is_an_error(rare):
    with pytest.raises(ParameterError, match="ngram-bayes has no refit"):
        NgramClassifier(refit=True).fit(*rare, seed=0)
    with pytest.raises(ParameterError, match="class_weight='equal'"):
        TfidfSVM(class_weight="equal").fit(*rare, seed=0)
