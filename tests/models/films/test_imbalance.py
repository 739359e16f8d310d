import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import check_grad
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from wholescript.errors import ParameterError
from wholescript.models.films import imbalance
from wholescript.models.films.imbalance import (
    IMBALANCE_CORRECTIONS,
    ImbalanceCorrectedTfidfLR,
    LogitAdjustment,
    effective_number_weights,
    focal_logistic,
)
from wholescript.models.films.logistic_regression import logit, predict_proba_logistic
from wholescript.models.films.tfidf import TfidfLR

RAISING_PREDICTED_RATE = {"class weights", "oversampling", "class-balanced", "SMOTE"}


@pytest.fixture
def fitted(dataset, rows):
    def fit(correction, C=10.0):
        estimator = ImbalanceCorrectedTfidfLR(correction=correction, min_df=2, Cs=(C,))
        return estimator.fit_predict(dataset, *rows, seed=0)

    return fit


@pytest.mark.parametrize("correction", IMBALANCE_CORRECTIONS)
def test_each_correction_ranks_and_ignores_test_labels(
    fitted, dataset, rows, assert_ignores_test_labels, correction
):
    assert roc_auc_score(dataset.labels[rows[1]], fitted(correction).test) > 0.75
    assert_ignores_test_labels(
        ImbalanceCorrectedTfidfLR(correction=correction, min_df=2, Cs=(1.0, 10.0))
    )


@pytest.mark.parametrize("correction", sorted(RAISING_PREDICTED_RATE))
def test_correction_raises_the_mean_probability_of_the_rare_class(fitted, correction):
    assert fitted(correction, 1.0).test.mean() > fitted("uncorrected", 1.0).test.mean() + 0.05


def test_uncorrected_equals_tfidf_lr(dataset, rows, fitted):
    baseline = TfidfLR(min_df=2, Cs=(10.0,)).fit_predict(dataset, *rows, seed=0)
    np.testing.assert_array_equal(fitted("uncorrected").test, baseline.test)


@pytest.mark.parametrize("tau", [1.0, 0.5])
def test_logit_adjustment_shifts_by_the_prior_of_the_training_films(dataset, rows, tau):
    tfidf = TfidfLR(min_df=2, Cs=(10.0,))
    before = tfidf.fit_predict(dataset, *rows, seed=0)
    adjusted = LogitAdjustment(tfidf, tau).fit_predict(dataset, *rows, seed=0)
    prior = logit(np.array([dataset.labels[rows[0]].mean()]))[0]
    for old, new in ((before.test, adjusted.test), (before.inner, adjusted.inner)):
        np.testing.assert_allclose(logit(new) - logit(old), -tau * prior, atol=1e-6)


def test_logit_adjustment_ignores_test_labels_and_has_tau_in_its_config(assert_ignores_test_labels):
    tfidf = TfidfLR(min_df=2, Cs=(10.0,))
    assert_ignores_test_labels(LogitAdjustment(tfidf))
    assert LogitAdjustment(tfidf).config != LogitAdjustment(tfidf, 0.5).config


@pytest.mark.parametrize("sampler", ["RandomOverSampler", "SMOTE"])
def test_samplers_get_training_rows_only(dataset, rows, monkeypatch, sampler):
    sizes, real = [], getattr(imbalance, sampler)

    class Spy(real):
        def fit_resample(self, x, labels):
            sizes.append(x.shape[0])
            return super().fit_resample(x, labels)

    monkeypatch.setattr(imbalance, sampler, Spy)
    correction = "SMOTE" if sampler == "SMOTE" else "oversampling"
    ImbalanceCorrectedTfidfLR(correction=correction, min_df=2, Cs=(1.0,)).fit_predict(
        dataset, *rows, seed=0
    )
    assert len(sizes) == 4
    assert sum(sizes[:3]) == 2 * 80  # each inner fold is fitted on the other two
    assert sizes[3] == 80


@pytest.mark.parametrize("n_positive", [1, 2, 9])
def test_smote_of_few_positives_uses_as_many_neighbours_as_there_are(n_positive):
    x = sp.csr_matrix(np.random.default_rng(0).random((20, 5)))
    labels = (np.arange(20) < n_positive).astype(np.int8)
    model = ImbalanceCorrectedTfidfLR(correction="SMOTE")
    probabilities = model.fit_predict_proba(x, labels, x, 1.0, 0)
    assert probabilities.shape == (20,) and np.isfinite(probabilities).all()


def test_focal_loss_with_gamma_0_is_logistic_regression(dataset):
    x = np.random.default_rng(0).normal(size=(120, 5)) + dataset.labels[:, None]
    baseline = predict_proba_logistic(x, dataset.labels, x, 3.0)
    np.testing.assert_allclose(focal_logistic(x, dataset.labels, x, 3.0, 0.0), baseline, atol=1e-3)
    focused = focal_logistic(x, dataset.labels, x, 3.0, 2.0)
    assert np.abs(focused - 0.5).mean() < np.abs(baseline - 0.5).mean()  # easy films weigh less


def test_focal_loss_gradient_matches_finite_differences(dataset, monkeypatch):
    caught = {}

    def catch(loss, start, **_):
        caught["loss"], caught["start"] = loss, start
        return type("Fitted", (), {"x": start})

    monkeypatch.setattr(imbalance, "minimize", catch)
    x = np.random.default_rng(0).normal(size=(120, 4))
    prior = focal_logistic(x, dataset.labels, x, 2.0, 2.0)
    np.testing.assert_allclose(prior, 0.25)
    loss, point = caught["loss"], np.random.default_rng(1).normal(size=5)
    assert check_grad(lambda p: loss(p)[0], lambda p: loss(p)[1], point) < 1e-3
    p_true = np.where(dataset.labels == 1, 1, -1) * (x @ point[:-1] + point[-1])
    expected = -((1 - expit(p_true)) ** 2 * np.log(expit(p_true))).sum()
    assert loss(point)[0] == pytest.approx(2.0 * expected + point[:-1] @ point[:-1] / 2)


def test_effective_number_weights_lie_between_uniform_and_inverse_frequency():
    labels = np.repeat(np.array([0, 1], np.int8), [90, 10])
    ratio = {b: (w := effective_number_weights(labels, b))[1] / w[0] for b in (0.0, 0.99, 0.999999)}
    assert ratio[0.0] == pytest.approx(1)
    assert 1 < ratio[0.99] < 9
    assert ratio[0.999999] == pytest.approx(9, rel=1e-3)
    weights = effective_number_weights(labels, 0.99)
    assert 90 * weights[0] + 10 * weights[1] == pytest.approx(100)


def test_unknown_correction_is_an_error_and_names_follow_corrections():
    with pytest.raises(ParameterError, match=r"'smoote'.*uncorrected.*SMOTE"):
        ImbalanceCorrectedTfidfLR(correction="smoote")
    assert ImbalanceCorrectedTfidfLR(correction="focal loss").name == "focal-loss"
    assert ImbalanceCorrectedTfidfLR(correction="SMOTE").config["correction"] == "SMOTE"
