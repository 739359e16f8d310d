import numpy as np
import pandas as pd
import pytest

from wholescript.data.films.checks import (
    check_class_prior,
    check_ids,
    check_no_text_leakage,
    check_splits,
    check_two_classes,
)
from wholescript.errors import DataError


def share(positives: int, n: int) -> np.ndarray:
    return np.arange(n) < positives


def test_ids_must_be_present_and_unique() -> None:
    check_ids(pd.Series(["a", "b"]))
    with pytest.raises(DataError, match=r"2 film_id.*b, c"):
        check_ids(pd.Series(["a", "b", "c", "b", "c", "b"]))
    with pytest.raises(DataError, match=r"row 1"):
        check_ids(pd.Series(["a", None]))


@pytest.mark.parametrize("labels", [[1, 1], [0, 0, 0], []])
def test_one_class_is_an_error(labels: list[int]) -> None:
    with pytest.raises(DataError, match=r"own films has"):
        check_two_classes(labels, "own films")
    check_two_classes([*labels, 0, 1], "own films")


def test_prior_shift_of_five_points_is_accepted() -> None:
    whole = share(200, 1000)
    check_class_prior(share(50, 200), whole, "train")
    check_class_prior(share(30, 200), whole, "train")
    message = r"test has 26.0% positives, the whole corpus 20.0%.*6.0 points"
    with pytest.raises(DataError, match=message):
        check_class_prior(share(52, 200), whole, "test")


def test_prior_shift_of_one_film_is_accepted() -> None:
    check_class_prior(share(3, 10), share(200, 1000), "test")
    with pytest.raises(DataError):
        check_class_prior(share(4, 10), share(200, 1000), "test")


def test_text_in_two_splits_is_an_error() -> None:
    sides = pd.Series(["train", "train", "test"])
    check_no_text_leakage(pd.Series(["x", "x", "y"]), sides, "split")
    with pytest.raises(DataError, match=r"1 text.*train, test"):
        check_no_text_leakage(pd.Series(["x", "y", "x"]), sides, "split")


def test_each_split_needs_both_classes_and_the_same_prior() -> None:
    labels = pd.Series([True, False] * 40)
    hashes = pd.Series([str(number) for number in range(80)])
    split = pd.Series(["train"] * 60 + ["test"] * 20)
    check_splits(labels, hashes, split)
    with pytest.raises(DataError, match=r"split 'test' has 20 film\(s\) and only the class 0"):
        check_splits(labels & (split == "train"), hashes, split)
    skewed = labels.mask(split == "test", pd.Series([number % 4 > 0 for number in range(80)]))
    with pytest.raises(DataError, match=r"split 'test' has 75.0%.*stratified"):
        check_splits(skewed.astype(bool), hashes, split)
    with pytest.raises(DataError, match=r"more than one split"):
        check_splits(labels, hashes.mask(split == "test", "7"), split)
