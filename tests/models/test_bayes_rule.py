from dataclasses import replace

import numpy as np
import pytest

from wholescript.evaluation.document_metrics import bootstrap
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.models.bayes_rule import BayesRule


def overconfident(n=4_000, n_classes=3, factor=12.0, seed=0):
    """Log-likelihoods that are overconfident by a factor and shifted per class, and labels."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, n_classes))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(n_classes, p=row) for row in probabilities])
    shift = np.arange(n_classes) * 9.0
    return factor * logits - shift - 500, labels


def test_equal_likelihoods_give_the_priors():
    rule = BayesRule.from_labels(np.array([0, 0, 0, 1]), 2)
    assert rule.posterior(np.zeros((1, 2)))[0] == pytest.approx([4 / 6, 2 / 6])


def test_posterior_follows_bayes_rule():
    rule = BayesRule(np.log([0.2, 0.8]))
    likelihoods = np.log([[0.5, 0.1]])
    assert rule.posterior(likelihoods)[0] == pytest.approx([0.1 / 0.18, 0.08 / 0.18])


def test_likelihoods_that_underflow():
    rule = BayesRule(np.log([0.5, 0.5]))
    assert rule.posterior(np.array([[-9000.0, -9001.0]]))[0, 0] == pytest.approx(1 / (1 + 1 / np.e))


def test_temperature_and_bias_are_recovered():
    likelihoods, labels = overconfident()
    rule = BayesRule(np.log(np.full(3, 1 / 3))).calibrated(likelihoods, labels)
    assert rule.temperature == pytest.approx(12, rel=0.1)
    assert rule.bias == pytest.approx([0, 9 / 12, 18 / 12], abs=0.15)


def redundant(n=6_000, seed=0):
    """Log-likelihoods of texts of 50 to 2,000 words; log-odds grow as its root."""
    rng = np.random.default_rng(seed)
    words = np.exp(rng.uniform(np.log(50), np.log(2_000), n))
    logits = rng.normal(size=n) * 2
    labels = (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    log_odds = logits * np.sqrt(words)
    return np.stack([-6 * words - log_odds / 2, -6 * words + log_odds / 2], axis=1), labels


def test_length_exponent_is_recovered_and_lowers_the_log_loss():
    likelihoods, labels = redundant()
    rule = BayesRule(np.log([0.5, 0.5])).calibrated(likelihoods, labels)
    assert rule.length_exponent == pytest.approx(0.5, abs=0.05)
    assert rule.temperature == pytest.approx(np.sqrt(rule.reference_length / 6), rel=0.1)
    test, test_labels = redundant(seed=1)

    def log_loss(rule):
        return -np.log(rule.posterior(test)[np.arange(len(test_labels)), test_labels]).mean()

    flat = replace(rule, length_exponent=0.0)
    assert log_loss(rule) < log_loss(flat) - 0.01


def test_temperature_is_recovered_for_texts_of_one_length():
    likelihoods, labels = overconfident()
    one_length = likelihoods - likelihoods.mean(1, keepdims=True) - 500
    rule = BayesRule(np.log(np.full(3, 1 / 3))).calibrated(one_length, labels)
    assert rule.temperature == pytest.approx(12, rel=0.1)


def test_calibration_lowers_ece_on_other_texts():
    likelihoods, labels = overconfident(seed=1)
    rule = BayesRule(np.log(np.full(3, 1 / 3))).calibrated(*overconfident(seed=2))

    def ece(probabilities):
        ids = [str(row) for row in range(len(labels))]
        predictions = DocumentPredictions.from_probabilities(
            ids, ["a", "b", "c"], labels, probabilities
        )
        return bootstrap([predictions]).set_index("metric").loc["ece", "value"]

    assert ece(rule.posterior(likelihoods)) < ece(rule.uncalibrated.posterior(likelihoods)) / 5


def test_from_dict_restores_the_rule():
    likelihoods, labels = overconfident()
    prior = BayesRule.from_labels(labels, 3)
    for rule in (prior, prior.calibrated(likelihoods, labels)):
        restored = BayesRule.from_dict(rule.to_dict())
        assert (restored.posterior(likelihoods) == rule.posterior(likelihoods)).all()
