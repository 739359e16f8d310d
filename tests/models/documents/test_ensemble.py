import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from tests.models.documents.planted_texts import ENCODER, QUICK, planted, split
from wholescript.errors import DataError, ParameterError
from wholescript.models.documents.ensemble import (
    ENSEMBLE_METHODS,
    SparseDenseEnsemble,
    fit_weighted_sum,
)
from wholescript.models.documents.kernel import SentenceKernel
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
def ensemble(cache):
    """Make a fast ensemble with one method."""

    def make(method, **changed):
        parts = {
            "sparse": TfidfSVM(Cs=(0.3,)),
            "dense": SentenceLinear(
                settings=QUICK, cache=cache, logistic_Cs=(3.0, 30.0), svm_Cs=()
            ),
            "kernel": SentenceKernel(settings=QUICK, cache=cache, alphas=(0.3,)),
        }
        return SparseDenseEnsemble(**(parts | changed), methods=(method,), dense_weights=(1.0, 2.0))

    return make


@ENCODER
def test_stacking_is_fitted_on_out_of_fold_logits(ensemble, data):
    (train, labels, val_texts, val_labels), _, test_labels = data
    model = ensemble("stacking").fit(train, labels, val_texts, val_labels, seed=4)
    vectors = model.dense.features(train)
    folds = StratifiedKFold(5, shuffle=True, random_state=4)
    dense = cross_val_predict(
        model.dense.estimator(4),
        vectors, labels, cv=folds, method="decision_function",
    )  # fmt: skip
    scores = model._out_of_fold_logits(train, labels, 4)
    n_classes = test_labels.max() + 1
    assert scores.shape == (len(train), 3 * n_classes)
    own = scores[:, n_classes : 2 * n_classes] * model.dense.temperature
    if n_classes == 2:
        np.testing.assert_allclose(own[:, 1] - own[:, 0], dense, atol=1e-4)
    else:
        np.testing.assert_allclose(own, dense, atol=1e-4)


@ENCODER
def test_out_of_fold_logits_do_not_reproduce_wrong_labels(ensemble):
    train, labels, true_labels = planted(2, 100, 0)
    val_texts, val_labels, _ = planted(2, 50, 1)
    model = ensemble("stacking")
    model.sparse = TfidfSVM(Cs=(10.0,))
    model.fit(train, labels, val_texts, val_labels, seed=0)
    wrong = labels != true_labels
    in_sample = model._logits(train)[wrong, :2].argmax(axis=1)
    out_of_fold = model._out_of_fold_logits(train, labels, 0)[wrong, :2].argmax(axis=1)
    assert (in_sample == labels[wrong]).mean() > 0.9
    assert (out_of_fold == labels[wrong]).mean() < 0.3


@ENCODER
def test_the_best_method_on_validation_is_kept(ensemble, data):
    training, test, _ = data
    each = {method: ensemble(method).fit(*training, seed=0) for method in ENSEMBLE_METHODS}
    model = ensemble("stacking")
    model.methods = ENSEMBLE_METHODS
    model.fit(*training, seed=0)
    scores = {method: one.chosen["validation_macro_f1"] for method, one in each.items()}
    assert model.chosen["validation_macro_f1"] == max(scores.values())
    expected = each[model.chosen["method"]].predict_proba(test)
    np.testing.assert_array_equal(model.predict_proba(test), expected)


@ENCODER
def test_stacking_needs_two_texts_of_each_class(ensemble):
    texts, labels = ["red one", "blue two", "red three"], np.array([0, 1, 0])
    arguments = (texts, labels, ["red", "blue"], np.array([0, 1]))
    with pytest.raises(
        DataError, match=r"a class has 1 training text.*methods=\('concatenated',\)"
    ):
        ensemble("stacking").fit(*arguments, seed=0)
    assert ensemble("concatenated").fit(*arguments, seed=0).predict_proba(["red"]).shape == (1, 2)


def test_weighted_sum_weighs_the_informative_member():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    informative = rng.normal(size=(300, 3))
    informative[np.arange(300), labels] += 3
    fitted = fit_weighted_sum(
        np.hstack([rng.normal(size=(300, 3)), informative]).astype(np.float32), labels
    )
    noise, signal = fitted.weights[:3], fitted.weights[3:]
    np.testing.assert_array_equal(signal, signal[0, 0] * np.eye(3, dtype=np.float32))
    assert abs(noise[0, 0]) < 0.2 * signal[0, 0]
    assert not fitted.bias.any()


@pytest.mark.parametrize("methods", [(), ("mixed",)])
def test_unknown_method_is_an_error(methods):
    with pytest.raises(ParameterError, match="each one of weighted_sum, stacking, concatenated"):
        SparseDenseEnsemble(methods=methods)


@ENCODER
def test_the_kernel_member_is_optional(ensemble, data):
    training, test, test_labels = data
    model = ensemble("weighted_sum", kernel=None).fit(*training, seed=0)
    n_classes = test_labels.max() + 1
    assert model._logits(test).shape == (len(test), 2 * n_classes)
    assert (model.predict_proba(test).argmax(axis=1) == test_labels).mean() > 0.9
    whole = ensemble("weighted_sum").fit(*training, seed=0)
    kernel = whole.kernel.parameter_counts["trained_parameters"]
    combination = n_classes * n_classes  # the kernel's block of the weighted sum
    assert (
        whole.parameter_counts["parameters"]
        == model.parameter_counts["parameters"] + kernel + combination
    )
