from dataclasses import replace

import numpy as np
import pytest

from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.evaluation.multiclass_metrics import bootstrap
from wholescript.models.bayes_rule import BayesRule


def overconfident(n=4_000, classes=3, factor=12.0, seed=0):
    """Log-likelihoods whose odds are too sure by a factor, and shifted; and labels."""
    rng = np.random.default_rng(seed)
    right = rng.normal(size=(n, classes))
    scaled_logits = np.exp(right) / np.exp(right).sum(1, keepdims=True)
    labels = np.array([rng.choice(classes, p=row) for row in scaled_logits])
    shift = np.arange(classes) * 9.0
    return factor * right - shift - 500, labels


def test_two_equal_likelihoods_leave_the_priors():
    rule = BayesRule.of(np.array([0, 0, 0, 1]), 2)
    assert rule.posterior(np.zeros((1, 2)))[0] == pytest.approx([4 / 6, 2 / 6])


def test_it_is_bayes_rule():
    rule = BayesRule(np.log([0.2, 0.8]))
    likelihoods = np.log([[0.5, 0.1]])
    assert rule.posterior(likelihoods)[0] == pytest.approx([0.1 / 0.18, 0.08 / 0.18])


def test_likelihoods_too_small_for_a_number_are_fine():
    rule = BayesRule(np.log([0.5, 0.5]))
    assert rule.posterior(np.array([[-9000.0, -9001.0]]))[0, 0] == pytest.approx(1 / (1 + 1 / np.e))


def test_temperature_and_bias_are_found():
    likelihoods, labels = overconfident()
    rule = BayesRule(np.log(np.full(3, 1 / 3))).calibrated(likelihoods, labels)
    assert rule.temperature == pytest.approx(12, rel=0.1)
    assert rule.bias == pytest.approx([0, 9 / 12, 18 / 12], abs=0.15)


def repeating(n=6_000, seed=0):
    """Log-likelihoods of texts of 50 to 2,000 words whose evidence grows as the root of those."""
    rng = np.random.default_rng(seed)
    words = np.exp(rng.uniform(np.log(50), np.log(2_000), n))
    right = rng.normal(size=n) * 2
    labels = (rng.random(n) < 1 / (1 + np.exp(-right))).astype(np.int64)
    scaled_logits = right * np.sqrt(words)
    return np.stack(
        [-6 * words - scaled_logits / 2, -6 * words + scaled_logits / 2], axis=1
    ), labels


def test_the_temperature_grows_with_the_text():
    likelihoods, labels = repeating()
    rule = BayesRule(np.log([0.5, 0.5])).calibrated(likelihoods, labels)
    assert rule.length_exponent == pytest.approx(0.5, abs=0.05)
    assert rule.temperature == pytest.approx(np.sqrt(rule.reference_length / 6), rel=0.1)
    other, truth = repeating(seed=1)

    def log_loss(rule):
        return -np.log(rule.posterior(other)[np.arange(len(truth)), truth]).mean()

    flat = replace(rule, length_exponent=0.0)
    assert log_loss(rule) < log_loss(flat) - 0.01


def test_texts_of_one_length_have_one_temperature():
    likelihoods, labels = overconfident()
    level = likelihoods - likelihoods.mean(1, keepdims=True) - 500
    rule = BayesRule(np.log(np.full(3, 1 / 3))).calibrated(level, labels)
    assert rule.temperature == pytest.approx(12, rel=0.1)


def test_calibration_helps_where_it_was_not_fitted():
    likelihoods, labels = overconfident(seed=1)
    rule = BayesRule(np.log(np.full(3, 1 / 3))).calibrated(*overconfident(seed=2))

    def ece(probabilities):
        ids = [str(row) for row in range(len(labels))]
        said = DocumentPredictions.from_probabilities(ids, ["a", "b", "c"], labels, probabilities)
        return bootstrap([said]).set_index("metric").loc["ece", "value"]

    assert ece(rule.posterior(likelihoods)) < ece(rule.uncalibrated.posterior(likelihoods)) / 5


def test_read_back_it_is_the_same():
    likelihoods, labels = overconfident()
    for rule in (
        uncalibrated := BayesRule.of(labels, 3),
        uncalibrated.calibrated(likelihoods, labels),
    ):
        again = BayesRule.from_state_dict(rule.metadata())
        assert (again.posterior(likelihoods) == rule.posterior(likelihoods)).all()
