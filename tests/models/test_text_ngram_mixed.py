import numpy as np
import pytest

from tests.models.planted_texts import WORDS, divided
from wholescript.models.documents.ngram_interpolated import (
    InterpolatedNgramClassifier,
    InterpolatedProbabilities,
)


@pytest.fixture(scope="module")
def model():
    training, _, _ = divided(2)
    return InterpolatedNgramClassifier(orders=(2,), min_count=1).fit(*training, seed=0)


@pytest.mark.parametrize("before", [[], [3], [4, 4, 5], [1, 1, 1, 1]])
def test_what_may_follow_has_a_probability_of_one_in_all(model, before):
    ids = np.array(before, np.int64)
    texts = [np.append(ids, word) for word in range(model.words.vocab_size)]
    mixture = InterpolatedProbabilities.of(model.models, model.background, [*texts, ids])
    logs = mixture.log_probabilities(0.3, 0.2)
    next_word = np.flatnonzero(mixture.place == len(before))  # of the last text it is the end
    assert len(next_word) == len(texts) + 1
    assert np.exp(logs[next_word]).sum(0) == pytest.approx([1, 1], abs=1e-5)


def test_a_word_that_stands_there_already_is_weaker_evidence(model):
    _, logs = model.token_log_probs(f"the {WORDS[0]} was here and the {WORDS[0]}")
    evidence = logs[:, 0] - logs[:, 1]
    first, again = evidence[1], evidence[6]
    assert 0 < again < first / 2


def test_unlabelled_texts_bring_words_and_make_them_no_evidence():
    training, _, _ = divided(2)
    known = InterpolatedNgramClassifier(
        orders=(2,), min_count=1, unlabelled=["the zebra was here", "the zebra was there"]
    ).fit(*training, seed=0)
    assert "zebra" in known.words.words
    words, logs = known.token_log_probs("the zebra was here")
    plain = InterpolatedNgramClassifier(orders=(2,), min_count=1).fit(*training, seed=0)
    assert "zebra" not in plain.words.words
    assert (
        logs[words.index("zebra")].min() > plain.token_log_probs("the zebra was here")[1][1].max()
    )
    assert "unlabelled" not in known.config


def test_weights_are_chosen_on_validation():
    training, _, _ = divided(2)
    grid = {"shared_weights": (0.02, 0.4), "repeated_weights": (0.03, 0.3)}
    losses = {
        (background, cache): InterpolatedNgramClassifier(
            orders=(2,), min_count=1, background_weights=(background,), cache_weights=(cache,)
        )
        .fit(*training, seed=0)
        .chosen["validation_log_loss"]
        for background in grid["shared_weights"]
        for cache in grid["repeated_weights"]
    }
    fitted = InterpolatedNgramClassifier(orders=(2,), min_count=1, **grid).fit(*training, seed=0)
    assert fitted.weights == min(losses, key=losses.get)
    assert fitted.chosen["validation_log_loss"] == min(losses.values())
