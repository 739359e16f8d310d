import numpy as np
import pytest

from tests.models.documents.planted_texts import CLASS_WORDS, split
from wholescript.models.documents.ngram_interpolated import (
    ComponentProbabilities,
    InterpolatedNgramClassifier,
)


@pytest.fixture(scope="module")
def model():
    training, _, _ = split(2)
    return InterpolatedNgramClassifier(orders=(2,), min_count=1).fit(*training, seed=0)


@pytest.mark.parametrize("before", [[], [3], [4, 4, 5], [1, 1, 1, 1]])
def test_probabilities_of_all_next_words_sum_to_one(model, before):
    ids = np.array(before, np.int64)
    texts = [np.append(ids, word) for word in range(model.tokenizer.vocab_size)]
    components = ComponentProbabilities.compute(model.models, model.background, [*texts, ids])
    logs = components.log_probabilities(0.3, 0.2)
    next_word = np.flatnonzero(components.position == len(before))  # for the last text, its end
    assert len(next_word) == len(texts) + 1
    assert np.exp(logs[next_word]).sum(0) == pytest.approx([1, 1], abs=1e-5)


def test_repeated_word_is_weaker_evidence(model):
    _, logs = model.token_log_probs(f"the {CLASS_WORDS[0]} was here and the {CLASS_WORDS[0]}")
    evidence = logs[:, 0] - logs[:, 1]
    first, repeated = evidence[1], evidence[6]
    assert 0 < repeated < first / 2


def test_unlabelled_texts_extend_vocabulary_and_background():
    training, _, _ = split(2)
    with_unlabelled = InterpolatedNgramClassifier(
        orders=(2,), min_count=1, unlabelled=["the zebra was here", "the zebra was there"]
    ).fit(*training, seed=0)
    assert "zebra" in with_unlabelled.tokenizer.words
    words, logs = with_unlabelled.token_log_probs("the zebra was here")
    without = InterpolatedNgramClassifier(orders=(2,), min_count=1).fit(*training, seed=0)
    assert "zebra" not in without.tokenizer.words
    assert (
        logs[words.index("zebra")].min() > without.token_log_probs("the zebra was here")[1][1].max()
    )
    assert "unlabelled" not in with_unlabelled.config


def test_interpolation_weights_are_chosen_on_validation():
    training, _, _ = split(2)
    grid = {"background_weights": (0.02, 0.4), "cache_weights": (0.03, 0.3)}
    losses = {
        (background, cache): InterpolatedNgramClassifier(
            orders=(2,), min_count=1, background_weights=(background,), cache_weights=(cache,)
        )
        .fit(*training, seed=0)
        .chosen["validation_log_loss"]
        for background in grid["background_weights"]
        for cache in grid["cache_weights"]
    }
    fitted = InterpolatedNgramClassifier(orders=(2,), min_count=1, **grid).fit(*training, seed=0)
    assert fitted.weights == min(losses, key=losses.get)
    assert fitted.chosen["validation_log_loss"] == min(losses.values())
