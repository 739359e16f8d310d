import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wholescript.errors import DataError, ParameterError
from wholescript.models.ngram_lm import DEFAULT_DISCOUNTS, KneserNeyLM, _estimate_discounts

V = 6
TEXTS = st.lists(
    st.lists(st.integers(0, V - 1), max_size=7).map(lambda text: np.array(text, np.int64)),
    min_size=1,
    max_size=12,
)


def next_word_probabilities(model, history):
    """The probabilities of each word and of the end after a history."""
    texts = [np.array([*history, word], np.int64) for word in range(V)]
    found = [rows[len(history)] for rows in model.log_probabilities(texts)]
    (end,) = model.log_probabilities([np.array(history, np.int64)])
    return np.exp(np.array([*found, end[len(history)]], np.float64))


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(1, 4), st.lists(st.integers(0, V - 1), max_size=5))
def test_probabilities_after_any_history_sum_to_one(texts, order, history):
    found = next_word_probabilities(KneserNeyLM.fit(texts, V, order), history)
    assert (found > 0).all()
    assert found.sum() == pytest.approx(1, abs=1e-5)


def reference(texts, order):
    """Modified Kneser-Ney word by word, by the equations of the paper."""
    begin, end = V, V + 1
    counts = [Counter() for _ in range(order)]
    for text in texts:
        words = [begin] * (order - 1) + list(text) + [end]
        for position in range(order - 1, len(words)):
            for length in range(1, order + 1):
                counts[length - 1][tuple(words[position - length + 1 : position + 1])] += 1
    adjusted = [Counter() for _ in range(order)]
    adjusted[-1] = counts[-1]
    for length in range(1, order):
        for ngram in counts[length]:
            adjusted[length - 1][ngram[1:]] += 1
        for ngram, count in counts[length - 1].items():
            if ngram[0] == begin:
                adjusted[length - 1][ngram] = count

    def probability(history, word):
        if history is None:
            return 1 / (V + 1)
        table = adjusted[len(history)]
        n = [sum(count == times for count in table.values()) for times in range(1, 5)]
        discounts = [0.0, *_estimate_discounts(n)]
        followers = {ngram: count for ngram, count in table.items() if ngram[:-1] == history}
        shorter = probability(history[1:] if history else None, word)
        if not (total := sum(followers.values())):
            return shorter
        count = followers.get((*history, word), 0)
        saved = sum(discounts[min(c, 3)] for c in followers.values())
        return (count - discounts[min(count, 3)] + saved * shorter) / total

    def of_text(text):
        words = [begin] * (order - 1) + list(text) + [end]
        positions = range(order - 1, len(words))
        return [probability(tuple(words[p - order + 1 : p]), words[p]) for p in positions]

    return of_text


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_are_modified_kneser_ney(order):
    rng = np.random.default_rng(order)
    texts = [rng.integers(0, V, rng.integers(1, 12)) for _ in range(60)]
    model, expected = KneserNeyLM.fit(texts, V, order), reference(texts, order)
    for text in [rng.integers(0, V, 9) for _ in range(5)]:
        (found,) = model.log_probabilities([text])
        assert np.exp(found) == pytest.approx(expected(text), rel=1e-4)


def test_discounts_follow_the_paper():
    n = [100, 40, 20, 10]
    share = 100 / 180
    expected = [1 - 2 * share * 0.4, 2 - 3 * share * 0.5, 3 - 4 * share * 0.5]
    assert _estimate_discounts(n) == pytest.approx(expected)
    assert _estimate_discounts([3, 0, 1, 1]) == DEFAULT_DISCOUNTS
    assert _estimate_discounts([1, 1, 9, 1]) == DEFAULT_DISCOUNTS, "negative discounts are replaced"


def test_longer_histories_lower_the_entropy_of_a_pattern():
    text = np.tile([0, 1, 2, 0, 3, 4], 30)
    entropies = [
        -KneserNeyLM.fit([text], V, order).log_probabilities([text])[0].mean()
        for order in (1, 2, 3)
    ]
    assert entropies[0] > entropies[1] > entropies[2]


def test_texts_are_independent():
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, V, 5) for _ in range(20)]
    model = KneserNeyLM.fit(texts, V, 3)
    alone = [model.log_probabilities([text])[0] for text in texts]
    batch = model.log_probabilities(texts)
    assert all((a == b).all() for a, b in zip(alone, batch, strict=True))


def test_from_state_dict_restores_the_model():
    texts = [np.array([0, 1, 2]), np.array([1, 1])]
    model = KneserNeyLM.fit(texts, V, 3)
    restored = KneserNeyLM.from_state_dict(model.state_dict(), V)
    found, expected = (m.log_probabilities([np.array([2, 1, 5])])[0] for m in (restored, model))
    assert (found == expected).all()
    assert restored.order == 3 and restored.n_parameters == model.n_parameters


def test_empty_text_has_the_probability_of_its_end():
    (found,) = KneserNeyLM.fit([np.array([0])], V, 2).log_probabilities([np.zeros(0, np.int64)])
    assert len(found) == 1 and math.isfinite(found[0])


def test_no_text_or_order_0_is_an_error():
    with pytest.raises(DataError, match="at least one text"):
        KneserNeyLM.fit([], V)
    with pytest.raises(ParameterError, match="order=0"):
        KneserNeyLM.fit([np.array([0])], V, 0)
