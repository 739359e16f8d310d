import numpy as np
import pytest

from wholescript.data.labelled.checks import (
    check_all_classes,
    check_classes,
    check_head_not_label_sorted,
    check_limit,
    check_split_share,
    class_counts,
)
from wholescript.errors import DataError, ParameterError

NAMES = ["a", "b", "c"]


def test_empty_split_or_one_class_is_an_error() -> None:
    check_classes(np.array([0, 2]), NAMES, "train")
    with pytest.raises(DataError, match=r"test has no texts"):
        check_classes(np.array([], dtype=np.int64), NAMES, "test")
    with pytest.raises(DataError, match=r"all 3 texts of train are of the class 'b'"):
        check_classes(np.array([1, 1, 1]), NAMES, "train")


def test_every_split_needs_every_class() -> None:
    whole = np.array([0, 1, 2])
    check_all_classes({"train": whole, "test": whole}, NAMES)
    for name in ("train", "test"):
        splits = {"train": whole, "test": whole, name: np.array([0, 1, 1])}
        with pytest.raises(DataError, match=rf"{name} has 3 texts and none of 1 of the 3.*: c\."):
            check_all_classes(splits, NAMES)


def test_share_needs_a_text_of_each_class_on_both_sides() -> None:
    labels = np.arange(60) % 3
    check_split_share(labels, NAMES, 0.1, "validation")
    with pytest.raises(DataError, match=r"1 class.* fewer than 2 texts: c\. To draw test"):
        check_split_share(np.array([0, 0, 1, 1, 2]), NAMES, 0.5, "test")
    for share in (0.02, 0.98):
        with pytest.raises(DataError, match=r"too few or too many for a text of each of 3"):
            check_split_share(labels, NAMES, share, "validation")
    for share in (0, 1, -0.1, 2):
        with pytest.raises(
            ParameterError, match=r"validation_share=.* must be a number, above 0 and below 1"
        ):
            check_split_share(labels, NAMES, share, "validation")


def test_limit_must_be_at_least_one_text_per_class() -> None:
    check_limit(3, np.arange(60) % 3, NAMES)
    with pytest.raises(ParameterError, match=r"limit is 2 for 3 classes"):
        check_limit(2, np.arange(60) % 3, NAMES)


@pytest.mark.parametrize(("k", "n"), [(2, 5000), (2, 12_000), (77, 100), (77, 5000), (77, 9000)])
def test_head_of_a_label_sorted_file_is_an_error(k: int, n: int) -> None:
    classes = [str(number) for number in range(k)]
    labels = np.sort(np.arange(10_000 if k > 2 else 25_000) % k)
    for ordered in (labels, labels[::-1]):
        with pytest.raises(DataError, match=rf"first {n} of.*sorted by label.*--limit {n}"):
            check_head_not_label_sorted(ordered, n, classes)
    check_head_not_label_sorted(labels, len(labels), classes)
    check_head_not_label_sorted(labels, len(labels) + 1, classes)


def test_head_error_gives_the_class_shares() -> None:
    labels = np.repeat([0, 1], 12_500)
    message = r"5000 of 25000.* 100% of the class 'neg', which has 50% of all; 1 of 2 .*missing"
    with pytest.raises(DataError, match=message):
        check_head_not_label_sorted(labels, 5000, ["neg", "pos"])


@pytest.mark.parametrize("k", [2, 6, 77])
def test_head_of_a_shuffled_file_is_accepted(k: int) -> None:
    labels = np.random.default_rng(0).permutation(np.arange(5000) % k)
    for n in (1, 5, 20, 100, 1000, 4000):
        check_head_not_label_sorted(labels, n, [str(number) for number in range(k)])
    with pytest.raises(ParameterError, match=r"head=0 must be"):
        check_head_not_label_sorted(labels, 0, NAMES)


def test_class_counts_are_in_class_order() -> None:
    assert class_counts(np.array([2, 0, 2]), NAMES) == {"a": 1, "b": 0, "c": 2}
