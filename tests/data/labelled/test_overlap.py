import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.data.labelled.overlap import NGRAM_LENGTH, NgramIndex
from wholescript.errors import ParameterError

LONG = " ".join(f"word{number}" for number in range(40))


def test_ngrams_of_thirteen_words_match_and_of_twelve_do_not() -> None:
    index = NgramIndex.from_texts([LONG])
    words = LONG.split()
    thirteen = "before it " + " ".join(words[20 : 20 + NGRAM_LENGTH]) + " and after"
    twelve = "before it " + " ".join(words[20 : 19 + NGRAM_LENGTH]) + " and after"
    assert index.contains_ngram_of([thirteen, twelve, LONG]).tolist() == [True, False, True]


def test_case_and_white_space_are_ignored() -> None:
    assert NgramIndex.from_texts([LONG]).contains_ngram_of([LONG.upper().replace(" ", "\n ")]).all()


def test_word_order_matters() -> None:
    assert (
        not NgramIndex.from_texts([LONG])
        .contains_ngram_of([" ".join(reversed(LONG.split()))])
        .any()
    )


def test_short_text_matches_only_an_equal_text() -> None:
    index = NgramIndex.from_texts(["a fine film"])
    assert index.contains_ngram_of(["A fine  film", "a fine film indeed", "a film"]).tolist() == [
        True,
        False,
        False,
    ]


def test_punctuation_is_ignored() -> None:
    words = LONG.split()[:20]
    words[11] += ","
    assert NgramIndex.from_texts([LONG]).contains_ngram_of(["So: " + " ".join(words)]).all()
    assert NgramIndex.from_texts(["it's -- as fine"]).contains_ngram_of(["It's, as fine!"]).all()


def test_text_of_eight_to_twelve_words_matches_inside_a_longer_text() -> None:
    words = LONG.split()
    index = NgramIndex.from_texts([" ".join(words[:10]), " ".join(words[20:27])])
    within = [f"before {' '.join(words[:10])} after", f"before {' '.join(words[20:27])} after"]
    assert index.contains_ngram_of([*within, " ".join(words[20:27])]).tolist() == [
        True,
        False,
        True,
    ]


def test_empty_index_and_empty_text_do_not_match() -> None:
    assert NgramIndex.from_texts([]).contains_ngram_of(["a", ""]).tolist() == [False, False]
    assert NgramIndex.from_texts(["a"]).contains_ngram_of([""]).tolist() == [False]
    with pytest.raises(ParameterError, match="n=0"):
        NgramIndex.from_texts(["a"], 0)


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=8), min_size=1), st.integers(1, 4))
def test_index_equals_a_search_with_sets(texts: list[list[str]], n: int) -> None:
    def ngrams(words: list[str]) -> set[tuple[str, ...]]:
        size = min(n, len(words))
        return (
            {tuple(words[i : i + size]) for i in range(len(words) - size + 1)} if words else set()
        )

    first, *others = texts
    found = NgramIndex.from_texts([" ".join(first)], n).contains_ngram_of(
        [" ".join(other) for other in others]
    )
    assert found.tolist() == [bool(ngrams(first) & ngrams(other)) for other in others]
