import numpy as np
import pytest

from tests.models.planted_texts import divided
from wholescript.models.documents.ngram import NgramClassifier
from wholescript.models.documents.ngram_interpolated import InterpolatedNgramClassifier


@pytest.fixture(scope="module", params=[NgramClassifier, InterpolatedNgramClassifier])
def fitted(request):
    training, test, _ = divided(2)
    return request.param(orders=(2,), min_count=1).fit(*training, seed=0), test


def test_words_add_up_to_the_text(fitted):
    model, test = fitted
    words, logs = model.token_log_probs(test[0])
    assert logs.shape == (len(words) + 1, 2)
    assert logs.sum(0) == pytest.approx(model.log_likelihoods(test[:1])[0], rel=1e-5)


def test_what_is_said_follows_from_the_likelihoods(fitted):
    model, test = fitted
    likelihoods = model.log_likelihoods(test)
    np.testing.assert_array_equal(model.posterior(likelihoods), model.predict_proba(test))


def test_a_text_is_never_cut(fitted):
    model, test = fitted
    once, twice = model.log_likelihoods([test[0], f"{test[0]} " * 400])
    assert (twice < 100 * once).all()


def test_the_order_is_chosen_on_validation():
    training, _, _ = divided(2)
    losses = {
        order: NgramClassifier(orders=(order,), min_count=1).fit(*training, seed=0).chosen
        for order in (1, 2, 3)
    }
    best = min(losses, key=lambda order: losses[order]["validation_log_loss"])
    chosen = NgramClassifier(orders=(1, 2, 3), min_count=1).fit(*training, seed=0).chosen
    assert chosen == losses[best]
