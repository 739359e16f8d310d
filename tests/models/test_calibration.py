import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from wholescript.models.calibration import fit_temperature, softmax_with_temperature


@pytest.mark.parametrize("true_temperature", [0.2, 1.0, 5.0])
def test_fit_temperature_recovers_the_temperature(true_temperature):
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3 * true_temperature, (4_000, 5)).astype(np.float32)
    cumulative = softmax(scores / true_temperature, axis=1).cumsum(axis=1)
    labels = (rng.random((4_000, 1)) > cumulative).sum(axis=1).clip(max=4)
    found = fit_temperature(scores, labels)
    assert found == pytest.approx(true_temperature, rel=0.1)
    least = log_loss(labels, softmax_with_temperature(scores, found))
    for other in (0.9 * found, 1.1 * found):
        assert least < log_loss(labels, softmax_with_temperature(scores, other))


def test_temperature_stays_within_bounds_for_perfect_and_inverted_scores():
    scores = np.array([[3.0, -3.0], [-3.0, 3.0]] * 5, np.float32)
    assert 0.05 <= fit_temperature(scores, np.array([0, 1] * 5)) < 0.2
    assert 19 < fit_temperature(scores, np.array([1, 0] * 5)) <= 20
