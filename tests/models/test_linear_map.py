import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.svm import LinearSVC

from wholescript.errors import ParameterError
from wholescript.models.sklearn_classifier import (
    LinearGridPoint,
    fit_temperature,
    grid_search,
    softmax_with_temperature,
)


@pytest.mark.parametrize("classes", [2, 4])
def test_a_linear_map_says_what_scikit_learn_says(classes):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(80, 6)).astype(np.float32), np.arange(80) % classes
    x[np.arange(80), labels] += 2
    for estimator in (LinearSVC(random_state=0), LogisticRegression()):
        fitted = estimator.fit(x, labels)
        for inputs in (x, csr_matrix(x)):
            scores = LinearGridPoint("svm", 1.0).fitted_decision_function(fitted)(inputs)
            assert scores.shape == (80, classes)
            np.testing.assert_array_equal(scores.argmax(axis=1), fitted.predict(x))
    np.testing.assert_allclose(
        softmax_with_temperature(scores, 1.0), fitted.predict_proba(x), atol=1e-5
    )


def test_the_first_of_equal_candidates_is_chosen():
    x, labels = np.array([[-1.0], [1.0]] * 4, np.float32), np.array([0, 1] * 4)
    grid = [
        LinearGridPoint("svm", 1.0),
        LinearGridPoint("svm", 2.0),
        LinearGridPoint("logistic", 1.0),
    ]
    best = grid_search(grid, x, labels, x, labels, 0)
    assert best.best_params_ == {"kind": "svm", "C": 1.0, "validation_macro_f1": 1.0}
    with pytest.raises(ParameterError, match="nothing to choose among"):
        grid_search([], x, labels, x, labels, 0)


@pytest.mark.parametrize("true_temperature", [0.2, 1.0, 5.0])
def test_the_temperature_is_recovered(true_temperature):
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3 * true_temperature, (4_000, 5)).astype(np.float32)
    chances = softmax(scores / true_temperature, axis=1).cumsum(axis=1)
    labels = (rng.random((4_000, 1)) > chances).sum(axis=1).clip(max=4)
    found = fit_temperature(scores, labels)
    assert found == pytest.approx(true_temperature, rel=0.1)
    least = log_loss(labels, softmax_with_temperature(scores, found))
    for other in (0.9 * found, 1.1 * found):
        assert least < log_loss(labels, softmax_with_temperature(scores, other))


def test_scores_without_a_fault_keep_a_temperature_within_bounds():
    scores = np.array([[3.0, -3.0], [-3.0, 3.0]] * 5, np.float32)
    assert 0.05 <= fit_temperature(scores, np.array([0, 1] * 5)) < 0.2
    assert 19 < fit_temperature(scores, np.array([1, 0] * 5)) <= 20
