import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from tests.models.planted_texts import ENCODER, QUICK, divided, planted
from wholescript.errors import DataError, ParameterError
from wholescript.models.documents.kernel import SentenceKernel
from wholescript.models.documents.linear import SentenceLinear, TfidfSVM
from wholescript.models.documents.stacking import (
    ENSEMBLE_METHODS,
    SparseDenseEnsemble,
    fit_weighted_sum,
)


@pytest.fixture(scope="module", params=[2, 5])
def data(request):
    return divided(request.param)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """What has been embedded once serves all tests here."""
    return tmp_path_factory.mktemp("sentences")


@pytest.fixture
def stack(cache):
    """Make a stack that is quick, of one way."""

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
def test_stacking_learns_on_scores_of_texts_that_were_held_out(stack, data):
    (train, labels, held, val_labels), _, right = data
    model = stack("stacked").fit(train, labels, held, val_labels, seed=4)
    vectors = model.dense.inputs(train)
    folds = StratifiedKFold(5, shuffle=True, random_state=4)
    dense = cross_val_predict(
        model.dense.estimator(4),
        vectors, labels, cv=folds, method="decision_function",
    )  # fmt: skip
    inputs = model._out_of_fold(train, labels, 4)
    classes = right.max() + 1
    assert inputs.shape == (len(train), 3 * classes)
    mine = inputs[:, classes : 2 * classes] * model.dense.temperature
    if classes == 2:
        np.testing.assert_allclose(mine[:, 1] - mine[:, 0], dense, atol=1e-4)
    else:
        np.testing.assert_allclose(mine, dense, atol=1e-4)


@ENCODER
def test_a_wrong_label_is_not_repeated_by_the_scores_that_are_stacked(stack):
    train, labels, right = planted(2, 100, 0)
    held, val_labels, _ = planted(2, 50, 1)
    model = stack("stacked")
    model.sparse = TfidfSVM(Cs=(10.0,))
    model.fit(train, labels, held, val_labels, seed=0)
    wrong = labels != right
    learnt = model._scores(train)[wrong, :2].argmax(axis=1)
    unseen = model._out_of_fold(train, labels, 0)[wrong, :2].argmax(axis=1)
    assert (learnt == labels[wrong]).mean() > 0.9
    assert (unseen == labels[wrong]).mean() < 0.3


@ENCODER
def test_the_better_way_on_validation_is_kept(stack, data):
    training, test, _ = data
    each = {method: stack(method).fit(*training, seed=0) for method in ENSEMBLE_METHODS}
    both = stack("stacked")
    both.methods = ENSEMBLE_METHODS
    both.fit(*training, seed=0)
    scores = {method: model.chosen["validation_macro_f1"] for method, model in each.items()}
    assert both.chosen["validation_macro_f1"] == max(scores.values())
    expected = each[both.chosen["way"]].predict_proba(test)
    np.testing.assert_array_equal(both.predict_proba(test), expected)


@ENCODER
def test_a_class_of_one_text_cannot_be_stacked(stack):
    texts, labels = ["red one", "blue two", "red three"], np.array([0, 1, 0])
    arguments = (texts, labels, ["red", "blue"], np.array([0, 1]))
    with pytest.raises(DataError, match=r"a class has 1 training text.*ways=\('together',\)"):
        stack("stacked").fit(*arguments, seed=0)
    assert stack("together").fit(*arguments, seed=0).predict_proba(["red"]).shape == (1, 2)


def test_a_blend_weighs_the_member_that_knows_more():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    told = rng.normal(size=(300, 3))
    told[np.arange(300), labels] += 3
    joined = fit_weighted_sum(
        np.hstack([rng.normal(size=(300, 3)), told]).astype(np.float32), labels
    )
    noise, knowing = joined.weights[:3], joined.weights[3:]
    np.testing.assert_array_equal(knowing, knowing[0, 0] * np.eye(3, dtype=np.float32))
    assert abs(noise[0, 0]) < 0.2 * knowing[0, 0]
    assert not joined.bias.any()


@pytest.mark.parametrize("ways", [(), ("mixed",)])
def test_ways_that_there_are_not(methods):
    with pytest.raises(ParameterError, match="choose among blended, stacked, together"):
        SparseDenseEnsemble(methods=methods)


@ENCODER
def test_the_kernel_may_be_left_out(stack, data):
    (train, labels, held, val_labels), test, right = data
    model = stack("blended", kernel=None).fit(train, labels, held, val_labels, seed=0)
    classes = right.max() + 1
    assert model._scores(test).shape == (len(test), 2 * classes)
    assert (model.predict_proba(test).argmax(axis=1) == right).mean() > 0.9
    whole = stack("blended").fit(train, labels, held, val_labels, seed=0)
    kernel = whole.kernel.parameters["trained_parameters"]
    joined = classes * classes  # a block of the map
    assert whole.parameters["parameters"] == model.parameters["parameters"] + kernel + joined
