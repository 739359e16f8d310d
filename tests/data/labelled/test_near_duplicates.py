import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wholescript.data.labelled.near_duplicates import group_near_duplicates

WORDS = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("alo", "eri", "ino", "una", "ode", "iver")]
SIGNATURE = "Sent from my telephone, please excuse any brevity."


def texts(n: int, n_words: int = 20, seed: int = 0) -> list[str]:
    """Make different texts of random words."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=n_words)) for _ in range(n)]


def same_group(one: str, other: str) -> bool:
    """Group two texts among others."""
    first, second, *rest = group_near_duplicates([one, other, *texts(30, seed=5)])
    assert len(set(rest)) == 30
    return bool(first == second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How long does a refund take?", "how long does a refund take"),
        ("It's  fine.\n\nReally", "it s fine - really!!!"),
        ("Yes", "yes."),
        (texts(1)[0], texts(1)[0].title() + " ;)"),
        (texts(1)[0], f"{texts(1)[0]}\n-- \n{SIGNATURE}"),
        (texts(1)[0], f"Dear team, {texts(1)[0]}"),
        (texts(1, 60)[0], texts(1, 60)[0].replace(" ", " new ", 1)),
        ("今日は天気がいいので、公園に行きました。", "今日は天気がいいので公園に行きました"),
        ("昨日の会議の資料を部長に送りました。", "昨日の会議の資料を部長に送りました。以上です"),
    ],
)
def test_texts_that_differ_in_marks_or_boilerplate_are_near_duplicates(one, other) -> None:
    assert same_group(one, other)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=30), st.data())
def test_case_marks_and_white_space_never_matter(words: list[str], data: st.DataObject) -> None:
    between = st.text('\n\t\u00a0 .,;:!?"()\u2026\u2013*#', max_size=3)
    other = data.draw(between)
    for word in words:
        other += data.draw(st.sampled_from([word, word.upper(), word.title()]))
        other += data.draw(between) + " "
    assert same_group(" ".join(words), other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How long does a refund take?", "How long does a transfer take?"),
        ("Turn on the light", "Turn off the light"),
        (":)", ":("),
        ("", "..."),
        (texts(1, 12)[0], texts(1, 12, seed=1)[0]),
        (texts(1, 10)[0], " ".join(texts(1, 10)[0].split()[:5] + texts(1, 5, seed=2))),
        ("今日は天気がいい", "今日は天気がわるい"),
    ],
)
def test_other_texts_are_not(one, other) -> None:
    assert not same_group(one, other)


def test_texts_that_share_only_boilerplate_are_not_near_duplicates() -> None:
    letters = [f"{SIGNATURE} {text} {SIGNATURE}" for text in texts(60, 8)]
    assert len(set(group_near_duplicates(letters))) == 60
    copies = [f"{text} {SIGNATURE}" for text in texts(60, 15)]
    found = group_near_duplicates([*texts(60, 15), *copies])
    np.testing.assert_array_equal(found[:60], found[60:])
    assert len(set(found)) == 60


def test_templates_are_not_near_duplicates() -> None:
    orders = [f"Please tell me where my order with the number {n} is today" for n in range(100)]
    assert len(set(group_near_duplicates(orders))) == 100


def test_texts_without_words_are_compared_as_they_are() -> None:
    assert len(set(group_near_duplicates([":)", " :)", ":(", "?!"]))) == 3


def test_nothing_has_no_groups() -> None:
    assert group_near_duplicates([]).shape == (0,)
