import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.data.labelled.overlap import NGRAM_LENGTH, NgramIndex
from wholescript.errors import ParameterError

LONG = " ".join(f"word{number}" for number in range(40))


def test_a_run_of_thirteen_words_is_shared_and_one_of_twelve_is_not() -> None:
    runs = NgramIndex.of([LONG])
    words = LONG.split()
    thirteen = "before it " + " ".join(words[20 : 20 + NGRAM_LENGTH]) + " and after"
    twelve = "before it " + " ".join(words[20 : 19 + NGRAM_LENGTH]) + " and after"
    assert runs.shared([thirteen, twelve, LONG]).tolist() == [True, False, True]


def test_case_and_white_space_do_not_hide_a_run() -> None:
    assert NgramIndex.of([LONG]).shared([LONG.upper().replace(" ", "\n ")]).all()


def test_order_matters() -> None:
    assert not NgramIndex.of([LONG]).shared([" ".join(reversed(LONG.split()))]).any()


def test_a_short_text_is_found_whole() -> None:
    runs = NgramIndex.of(["a fine film"])
    assert runs.shared(["A fine  film", "a fine film indeed", "a film"]).tolist() == [
        True,
        False,
        False,
    ]


def test_a_mark_does_not_hide_a_run() -> None:
    words = LONG.split()[:20]
    words[11] += ","
    assert NgramIndex.of([LONG]).shared(["So: " + " ".join(words)]).all()
    assert NgramIndex.of(["it's -- as fine"]).shared(["It's, as fine!"]).all()


def test_a_short_text_is_found_within_another_if_it_has_some_words() -> None:
    words = LONG.split()
    runs = NgramIndex.of([" ".join(words[:10]), " ".join(words[20:27])])
    within = [f"before {' '.join(words[:10])} after", f"before {' '.join(words[20:27])} after"]
    assert runs.shared([*within, " ".join(words[20:27])]).tolist() == [True, False, True]


def test_nothing_shares_with_nothing() -> None:
    assert NgramIndex.of([]).shared(["a", ""]).tolist() == [False, False]
    assert NgramIndex.of(["a"]).shared([""]).tolist() == [False]
    with pytest.raises(ParameterError, match="length=0"):
        NgramIndex.of(["a"], 0)


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=8), min_size=1), st.integers(1, 4))
def test_it_is_what_sets_of_runs_say(texts: list[list[str]], length: int) -> None:
    def runs(words: list[str]) -> set[tuple[str, ...]]:
        size = min(length, len(words))
        return (
            {tuple(words[i : i + size]) for i in range(len(words) - size + 1)} if words else set()
        )

    first, *others = texts
    found = NgramIndex.of([" ".join(first)], length).shared([" ".join(other) for other in others])
    assert found.tolist() == [bool(runs(first) & runs(other)) for other in others]
