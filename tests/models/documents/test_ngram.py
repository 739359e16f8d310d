import numpy as np
import pytest

from tests.models.documents.planted_texts import split
from wholescript.models.documents.ngram import NgramClassifier
from wholescript.models.documents.ngram_interpolated import InterpolatedNgramClassifier


@pytest.fixture(scope="module", params=[NgramClassifier, InterpolatedNgramClassifier])
def fitted(request):
    training, test, _ = split(2)
    return request.param(orders=(2,), min_count=1).fit(*training, seed=0), test


def test_token_log_probs_sum_to_the_log_likelihood(fitted):
    model, test = fitted
    words, logs = model.token_log_probs(test[0])
    assert logs.shape == (len(words) + 1, 2)
    assert logs.sum(0) == pytest.approx(model.log_likelihoods(test[:1])[0], rel=1e-5)


def test_posterior_of_log_likelihoods_equals_predict_proba(fitted):
    model, test = fitted
    likelihoods = model.log_likelihoods(test)
    np.testing.assert_array_equal(model.posterior(likelihoods), model.predict_proba(test))


def test_texts_are_not_truncated(fitted):
    model, test = fitted
    short, long = model.log_likelihoods([test[0], f"{test[0]} " * 400])
    assert (long < 100 * short).all()


def test_order_is_chosen_on_validation():
    training, _, _ = split(2)
    losses = {
        order: NgramClassifier(orders=(order,), min_count=1).fit(*training, seed=0).chosen
        for order in (1, 2, 3)
    }
    best = min(losses, key=lambda order: losses[order]["validation_log_loss"])
    chosen = NgramClassifier(orders=(1, 2, 3), min_count=1).fit(*training, seed=0).chosen
    assert chosen == losses[best]
