import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from wholescript.errors import ParameterError
from wholescript.models.calibration import softmax_with_temperature
from wholescript.models.documents.grid_search import LinearGridPoint, grid_search


@pytest.mark.parametrize("n_classes", [2, 4])
def test_linear_decision_function_matches_scikit_learn(n_classes):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(80, 6)).astype(np.float32), np.arange(80) % n_classes
    x[np.arange(80), labels] += 2
    for estimator in (LinearSVC(random_state=0), LogisticRegression()):
        fitted = estimator.fit(x, labels)
        for features in (x, csr_matrix(x)):
            scores = LinearGridPoint("svm", 1.0).fitted_decision_function(fitted)(features)
            assert scores.shape == (80, n_classes)
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


def test_empty_grid_is_an_error():
    x, labels = np.zeros((2, 1), np.float32), np.array([0, 1])
    with pytest.raises(ParameterError, match="the grid is empty"):
        grid_search([], x, labels, x, labels, 0)
