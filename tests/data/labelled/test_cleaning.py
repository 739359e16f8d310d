import pandas as pd
import pytest

from wholescript.data.labelled.cleaning import clean_splits, normalize_for_comparison, repair_text


def split(name: str, *rows: tuple[str, int]) -> pd.DataFrame:
    ids = [f"{name}-{number}" for number in range(len(rows))]
    return pd.DataFrame({"id": ids, "text": [t for t, _ in rows], "label": [c for _, c in rows]})


@pytest.mark.parametrize(
    ("text", "repaired", "encoding", "breaks"),
    [
        ("plain, “curled” and fine", "plain, “curled” and fine", False, False),
        ("a cafÃ© in Paris", "a café in Paris", True, False),
        ("wait\x85", "wait…", True, False),
        ("this &amp; that", "this & that", True, False),
        ("one<br /><br>two<BR/>three", "one\n\ntwo\nthree", False, True),
        ("one&lt;br /&gt;two", "one\ntwo", True, True),
        ("lost \ufffd letter", "lost \ufffd letter", False, False),
        ("half of a pair \ud83d", "half of a pair \ufffd", True, False),
        ("a hid\u00adden\u200b hyphen", "a hidden hyphen", True, False),
        ("cafe\u0301 &shy;&lt;br&gt;", "café \n", True, True),
    ],
)
def test_repair_text_fixes_encoding_and_line_breaks(
    text: str, repaired: str, encoding: bool, breaks: bool
) -> None:
    assert repair_text(text) == (repaired, encoding, breaks)
    assert repair_text(repaired) == (repaired, False, False)


def test_case_and_white_space_are_ignored_in_comparison() -> None:
    key = normalize_for_comparison(pd.Series(["Where  is\nit? ", "where is it?", "Where is it"]))
    assert key[0] == key[1] != key[2]


def test_each_step_is_counted() -> None:
    rows = [("cafÃ©", 0), ("a<br>b", 1), (" \n", 0), ("", 1), ("lost \ufffd", 1)]
    cleaned = clean_splits({"train": split("train", *rows)}, progress=False)
    assert cleaned.splits["train"]["text"].tolist() == ["café", "a\nb", "lost \ufffd"]
    assert cleaned.splits["train"]["id"].tolist() == ["train-0", "train-1", "train-4"]
    assert cleaned.counts["train"] == {
        "read": 5,
        "encoding": 1,
        "line_breaks": 1,
        "lost_characters": 1,
        "empty": 2,
        "repeated": 0,
        "conflicting": 0,
    }


def test_train_keeps_a_repeated_text_once_per_label() -> None:
    rows = [("One text", 0), ("one  text", 0), ("two", 1), ("ONE TEXT", 1), ("one text", 1)]
    train = {"train": split("train", *rows)}
    cleaned = clean_splits(train, progress=False)
    assert cleaned.splits["train"]["id"].tolist() == ["train-0", "train-2", "train-3"]
    assert cleaned.counts["train"]["repeated"] == 2
    assert cleaned.counts["train"]["conflicting"] == 1
    dropped = clean_splits(train, drop_conflicts=True, progress=False)
    assert dropped.splits["train"]["id"].tolist() == ["train-2"]


def test_text_in_two_splits_is_kept_in_the_evaluation_split() -> None:
    splits = {
        "train": split("train", ("a", 0), ("b", 0), ("c", 1), ("d", 1)),
        "validation": split("validation", ("B", 0), ("c ", 1), ("e", 1)),
        "test": split("test", ("A", 0), ("c", 0), ("f", 1), ("f", 1)),
        "unsupervised": split(
            "unsupervised", ("a", 0), ("e", 0), ("d", 0), ("g", 0), ("G", 0)
        ).drop(columns="label"),
    }
    cleaned = clean_splits(splits, progress=False)
    kept = {name: table["text"].tolist() for name, table in cleaned.splits.items()}
    assert kept == {
        "train": ["d"],
        "validation": ["B", "e"],
        "test": ["A", "c", "f", "f"],
        "unsupervised": ["d", "g"],
    }
    counts = cleaned.counts
    assert (counts["train"]["in_test"], counts["train"]["in_validation"]) == (2, 1)
    assert counts["validation"]["in_test"] == 1
    assert (counts["test"]["repeated"], counts["test"]["empty"]) == (1, 0)
    assert counts["unsupervised"]["repeated"] == 1
    assert counts["unsupervised"]["in_test"] == counts["unsupervised"]["in_validation"] == 1


def test_texts_that_are_equal_after_repair_are_duplicates() -> None:
    splits = {"train": split("train", ("cafÃ©", 0), ("b", 1)), "test": split("test", ("Café", 0))}
    assert clean_splits(splits, progress=False).splits["train"]["text"].tolist() == ["b"]


def test_split_of_empty_texts_becomes_empty() -> None:
    cleaned = clean_splits({"train": split("train", ("", 0), (" ", 1))}, progress=False)
    assert cleaned.splits["train"].empty and cleaned.counts["train"]["empty"] == 2
