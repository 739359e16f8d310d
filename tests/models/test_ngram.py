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


def after(model, history):
    """The probability of each word, and of the end, after a history."""
    texts = [np.array([*history, word], np.int64) for word in range(V)]
    found = [rows[len(history)] for rows in model.log_probabilities(texts)]
    (end,) = model.log_probabilities([np.array(history, np.int64)])
    return np.exp(np.array([*found, end[len(history)]], np.float64))


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(1, 4), st.lists(st.integers(0, V - 1), max_size=5))
def test_probabilities_after_any_history_sum_to_one(texts, order, history):
    found = after(KneserNeyLM.of(texts, V, order), history)
    assert (found > 0).all()
    assert found.sum() == pytest.approx(1, abs=1e-5)


def by_hand(texts, order):
    """Modified Kneser-Ney word by word, as the paper writes it down."""
    begin, end = V, V + 1
    counts = [Counter() for _ in range(order)]
    for text in texts:
        words = [begin] * (order - 1) + list(text) + [end]
        for place in range(order - 1, len(words)):
            for length in range(1, order + 1):
                counts[length - 1][tuple(words[place - length + 1 : place + 1])] += 1
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
        places = range(order - 1, len(words))
        return [probability(tuple(words[p - order + 1 : p]), words[p]) for p in places]

    return of_text


@pytest.mark.parametrize("order", [1, 2, 3])
def test_it_is_modified_kneser_ney(order):
    rng = np.random.default_rng(order)
    texts = [rng.integers(0, V, rng.integers(1, 12)) for _ in range(60)]
    model, expected = KneserNeyLM.of(texts, V, order), by_hand(texts, order)
    for text in [rng.integers(0, V, 9) for _ in range(5)]:
        (found,) = model.log_probabilities([text])
        assert np.exp(found) == pytest.approx(expected(text), rel=1e-4)


def test_discounts_are_those_of_the_paper():
    n = [100, 40, 20, 10]
    share = 100 / 180
    expected = [1 - 2 * share * 0.4, 2 - 3 * share * 0.5, 3 - 4 * share * 0.5]
    assert _estimate_discounts(n) == pytest.approx(expected)
    assert _estimate_discounts([3, 0, 1, 1]) == DEFAULT_DISCOUNTS
    assert _estimate_discounts([1, 1, 9, 1]) == DEFAULT_DISCOUNTS, "none may be negative"


def test_a_longer_history_tells_more_where_there_is_a_pattern():
    text = np.tile([0, 1, 2, 0, 3, 4], 30)
    entropies = [
        -KneserNeyLM.of([text], V, order).log_probabilities([text])[0].mean() for order in (1, 2, 3)
    ]
    assert entropies[0] > entropies[1] > entropies[2]


def test_texts_do_not_reach_into_one_another():
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, V, 5) for _ in range(20)]
    model = KneserNeyLM.of(texts, V, 3)
    alone = [model.log_probabilities([text])[0] for text in texts]
    together = model.log_probabilities(texts)
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


def test_read_back_it_says_the_same():
    texts = [np.array([0, 1, 2]), np.array([1, 1])]
    model = KneserNeyLM.of(texts, V, 3)
    again = KneserNeyLM.from_state_dict(model.state_dict(), V)
    found, expected = (m.log_probabilities([np.array([2, 1, 5])])[0] for m in (again, model))
    assert (found == expected).all()
    assert again.order == 3 and again.size == model.size


def test_an_empty_text_is_its_end():
    (found,) = KneserNeyLM.of([np.array([0])], V, 2).log_probabilities([np.zeros(0, np.int64)])
    assert len(found) == 1 and math.isfinite(found[0])


def test_nothing_to_learn_is_an_error():
    with pytest.raises(DataError, match="one text"):
        KneserNeyLM.of([], V)
    with pytest.raises(ParameterError, match="order=0"):
        KneserNeyLM.of([np.array([0])], V, 0)
