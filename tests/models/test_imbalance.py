import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from wholescript.errors import ParameterError
from wholescript.models import imbalance
from wholescript.models.imbalance import (
    IMBALANCE_CORRECTIONS,
    ImbalanceCorrectedTfidfLR,
    LogitAdjustment,
    effective_number_weights,
    focal_logistic,
)
from wholescript.models.logistic_regression import logistic, logit
from wholescript.models.tfidf import TfidfLR

EVENING = {"class weights", "oversampling", "class-balanced", "SMOTE"}


@pytest.fixture
def fitted(task, rows):
    def fit(correction, C=10.0):
        estimator = ImbalanceCorrectedTfidfLR(correction=correction, min_df=2, Cs=(C,))
        return estimator.fit_predict(task, *rows, seed=0)

    return fit


@pytest.mark.parametrize("treatment", IMBALANCE_CORRECTIONS)
def test_each_treatment_ranks_and_is_blind_to_test_labels(
    fitted, task, rows, assert_blind, correction
):
    assert roc_auc_score(task.labels[rows[1]], fitted(correction).test) > 0.75
    assert_blind(ImbalanceCorrectedTfidfLR(correction=correction, min_df=2, Cs=(1.0, 10.0)))


@pytest.mark.parametrize("treatment", sorted(EVENING))
def test_evening_treatments_raise_the_probability_of_the_rare_class(fitted, correction):
    assert fitted(correction, 1.0).test.mean() > fitted("plain", 1.0).test.mean() + 0.05


def test_plain_is_the_baseline(task, rows, fitted):
    baseline = TfidfLR(min_df=2, Cs=(10.0,)).fit_predict(task, *rows, seed=0)
    np.testing.assert_array_equal(fitted("plain").test, baseline.test)


@pytest.mark.parametrize("tau", [1.0, 0.5])
def test_logit_adjustment_shifts_by_the_prior_of_the_training_films(task, rows, tau):
    words = TfidfLR(min_df=2, Cs=(10.0,))
    plain = words.fit_predict(task, *rows, seed=0)
    adjusted = LogitAdjustment(words, tau).fit_predict(task, *rows, seed=0)
    prior = logit(np.array([task.labels[rows[0]].mean()]))[0]
    for before, after in ((plain.test, adjusted.test), (plain.inner, adjusted.inner)):
        np.testing.assert_allclose(logit(after) - logit(before), -tau * prior, atol=1e-6)


def test_logit_adjustment_is_blind_to_test_labels_and_tells_tau(assert_blind):
    words = TfidfLR(min_df=2, Cs=(10.0,))
    assert_blind(LogitAdjustment(words))
    assert LogitAdjustment(words).config != LogitAdjustment(words, 0.5).config


@pytest.mark.parametrize("sampler", ["RandomOverSampler", "SMOTE"])
def test_samplers_see_training_rows_alone(task, rows, monkeypatch, sampler):
    sizes, real = [], getattr(imbalance, sampler)

    class Spy(real):
        def fit_resample(self, x, labels):
            sizes.append(x.shape[0])
            return super().fit_resample(x, labels)

    monkeypatch.setattr(imbalance, sampler, Spy)
    correction = "SMOTE" if sampler == "SMOTE" else "oversampling"
    ImbalanceCorrectedTfidfLR(correction=correction, min_df=2, Cs=(1.0,)).fit_predict(
        task, *rows, seed=0
    )
    assert len(sizes) == 4
    assert sum(sizes[:3]) == 2 * 80  # each inner fold learns on the two others
    assert sizes[3] == 80


def test_focal_loss_without_focus_is_logistic_regression(task):
    x = np.random.default_rng(0).normal(size=(120, 5)) + task.labels[:, None]
    plain = logistic(x, task.labels, x, 3.0)
    np.testing.assert_allclose(focal_logistic(x, task.labels, x, 3.0, 0.0), plain, atol=1e-3)
    focused = focal_logistic(x, task.labels, x, 3.0, 2.0)
    assert np.abs(focused - 0.5).mean() < np.abs(plain - 0.5).mean()  # easy films count less


def test_focal_loss_has_the_gradient_that_it_says(task, monkeypatch):
    caught = {}

    def catch(loss, start, **_):
        caught["loss"], caught["start"] = loss, start
        return type("Fitted", (), {"x": start})

    monkeypatch.setattr(imbalance, "minimize", catch)
    x = np.random.default_rng(0).normal(size=(120, 4))
    prior = focal_logistic(x, task.labels, x, 2.0, 2.0)
    np.testing.assert_allclose(prior, 0.25)
    loss, point = caught["loss"], np.random.default_rng(1).normal(size=5)
    assert check_grad(lambda p: loss(p)[0], lambda p: loss(p)[1], point) < 1e-3
    p_true = np.where(task.labels == 1, 1, -1) * (x @ point[:-1] + point[-1])
    by_hand = -((1 - expit(p_true)) ** 2 * np.log(expit(p_true))).sum()
    assert loss(point)[0] == pytest.approx(2.0 * by_hand + point[:-1] @ point[:-1] / 2)


def test_effective_numbers_lie_between_no_weights_and_inverse_frequency():
    labels = np.repeat(np.array([0, 1], np.int8), [90, 10])
    ratio = {b: (w := effective_number_weights(labels, b))[1] / w[0] for b in (0.0, 0.99, 0.999999)}
    assert ratio[0.0] == pytest.approx(1)
    assert 1 < ratio[0.99] < 9
    assert ratio[0.999999] == pytest.approx(9, rel=1e-3)
    weights = effective_number_weights(labels, 0.99)
    assert 90 * weights[0] + 10 * weights[1] == pytest.approx(100)


def test_an_unknown_treatment_is_an_error_and_names_come_from_treatments():
    with pytest.raises(ParameterError, match=r"'smoote'.*plain.*SMOTE"):
        ImbalanceCorrectedTfidfLR(correction="smoote")
    assert ImbalanceCorrectedTfidfLR(correction="focal loss").name == "focal-loss"
    assert ImbalanceCorrectedTfidfLR(correction="SMOTE").config["treatment"] == "SMOTE"
