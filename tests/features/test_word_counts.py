from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wholescript.features.word_counts import (
    OPENING_CHARS,
    count_words,
    stack_word_counts,
    tokenize_words,
)

TEXTS = st.text(st.sampled_from("abcÉß'\u2019 .\n1_"), max_size=200)


def test_words_are_lower_case_letters_and_inner_apostrophes():
    text = "DON\u2019T! 'Stop' it2now, snow_man -- caf\u00e9 12 rock'n'roll'"
    assert tokenize_words(text) == [
        *("don't", "stop", "it", "now", "snow", "man", "caf\u00e9", "rock'n'roll")
    ]


@given(TEXTS)
def test_quarters_sum_to_the_total(text):
    found = count_words(text)
    total = dict(zip(found.vocabulary, found.counts[:, :4].sum(1).tolist(), strict=True))
    assert {word: n for word, n in total.items() if n} == Counter(tokenize_words(text))


@given(TEXTS)
def test_quarters_have_the_same_size(text):
    sizes = count_words(text).counts[:, :4].sum(0)
    assert np.ptp(sizes) <= 1


def test_quarters_are_in_script_order():
    found = count_words("one two three four")
    assert found.vocabulary == ["four", "one", "three", "two"]
    np.testing.assert_array_equal(found.counts[:, :4].argmax(1), [3, 0, 2, 1])


def test_opening_is_the_first_4000_characters():
    found = count_words("early " * (OPENING_CHARS // 6) + "....late " + "late " * 900)
    opening = dict(zip(found.vocabulary, found.counts[:, 4].tolist(), strict=True))
    assert opening == {"early": OPENING_CHARS // 6, "late": 0}


def test_counts_are_clipped_at_the_uint16_limit():
    assert count_words("a " * 300_000).counts[:, :4].tolist() == [[65_535] * 4]


def test_empty_text_has_no_words():
    found = count_words("")
    assert found.vocabulary == []
    assert found.counts.shape == (0, 5)


@given(st.lists(TEXTS, min_size=1, max_size=6), st.integers(1, 3))
def test_stacked_counts_are_those_of_the_films(texts, min_df):
    films = [count_words(text) for text in texts]
    stacked = stack_word_counts(films, min_df)
    used = Counter(word for film in films for word in film.vocabulary)
    assert stacked.vocabulary == sorted(word for word, n in used.items() if n >= min_df)
    for row, text in enumerate(texts):
        expected = Counter(tokenize_words(text))
        assert stacked.total[[row]].toarray().ravel().tolist() == [
            expected[word] for word in stacked.vocabulary
        ]


def test_selected_films_keep_their_counts():
    stacked = stack_word_counts([count_words("a b"), count_words("b b"), count_words("c")], 1)
    chosen = stacked.select(np.array([2, 0]))
    assert chosen.total.toarray().tolist() == [[0, 0, 1], [1, 1, 0]]
    assert chosen.opening.toarray().tolist() == [[0, 0, 1], [1, 1, 0]]
