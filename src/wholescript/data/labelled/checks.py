"""Checks of labelled data sets that run before anything is trained or evaluated."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from wholescript.data.checks import (
    FLOAT_TOLERANCE,
    MAX_PRIOR_SHIFT,
    P_VALUE_THRESHOLD,
    list_some,
)
from wholescript.errors import DataError, ParameterError
from wholescript.settings import PositiveInt, SplitShare, check

N_RANDOM_DRAWS = 1999  # the smallest possible Monte Carlo p-value is then 0.0005


def class_counts(labels: NDArray[np.int64], classes: Sequence[str]) -> dict[str, int]:
    """Return how many of the `labels` (n,) are of each class, in the order of the classes."""
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))


def check_classes(labels: NDArray[np.int64], classes: Sequence[str], name: str) -> None:
    """Raise DataError when a split `name` with `labels` (n,) is empty or has one class only."""
    if not len(labels):
        raise DataError(f"{name} has no texts: no model can be trained or evaluated.")
    if len(np.unique(labels)) < 2:
        raise DataError(
            f"all {len(labels)} texts of {name} are of the class {classes[labels[0]]!r}: no model "
            "can be trained or evaluated. Add texts of another class, or choose another label "
            "column."
        )


def check_all_classes(labels: Mapping[str, NDArray[np.int64]], classes: Sequence[str]) -> None:
    """Raise DataError when a labelled split lacks a class that another split has."""
    for name, values in labels.items():
        check_classes(values, classes, name)
        missing = [label for label, n in class_counts(values, classes).items() if not n]
        if missing:
            raise DataError(
                f"{name} has {len(values)} texts and none of {len(missing)} of the {len(classes)} "
                f"classes: {list_some(missing)}. Use more texts (a larger share or limit), merge "
                "these classes with others, or remove them from all splits."
            )


def check_cleaned(
    labels: Mapping[str, NDArray[np.int64]],
    classes: Sequence[str],
    counts: Mapping[str, Mapping[str, int]],
    origins: Mapping[str, Sequence[str]],
) -> None:
    """Raise DataError, saying what was dropped, when cleaning took all texts or a class of a split.

    `counts` are those of `cleaning.clean_splits`, `origins` the files that each split came from.
    """
    for name, values in labels.items():
        try:
            check_all_classes({name: values}, classes)
        except DataError as error:
            reasons = {"empty": "are empty"} | {
                f"in_{other}": f"are also in {_with_files(other, origins)}, where they are kept"
                for other in ("test", "validation")
            }
            dropped = {key: n for key in reasons if (n := counts[name].get(key, 0))}
            if not dropped:
                raise
            told = " and ".join(f"{n:,} {reasons[key]}" for key, n in dropped.items())
            remedy = ""
            # Every split but train can be drawn from train.
            others = [key.removeprefix("in_") for key in dropped if key != "empty"]
            if drawn := others if name == "train" else [name]:
                files = " and ".join(_with_files(split, origins) for split in drawn)
                options = ", ".join(f"--{split}-share" for split in drawn)
                remedy = f", or leave out {files}, to be drawn from train ({options})"
            raise DataError(
                f"{error} Of the {counts[name]['read']:,} texts of {_with_files(name, origins)} "
                f"{told}. Give {name} other texts{remedy}."
            ) from None


def _with_files(split: str, origins: Mapping[str, Sequence[str]]) -> str:
    return f"{split} ({list_some(origins[split])})" if split in origins else split


def check_split_share(
    labels: NDArray[np.int64], classes: Sequence[str], share: float, name: str
) -> None:
    """Raise unless a `share` of train can be drawn as the split `name`, stratified by class.

    DataError when a class has fewer than two texts, one for each side, or when a side would have
    fewer texts than there are classes; ParameterError when `share` is not between 0 and 1.
    """
    check(f"{name}_share", share, SplitShare)
    few = [label for label, n in class_counts(labels, classes).items() if n < 2]
    if few:
        raise DataError(
            f"{len(few)} class(es) of train have fewer than 2 texts: {list_some(few)}. To draw "
            f"{name} from train each class needs at least 2: add texts, merge or remove classes."
        )
    drawn = round(share * len(labels))
    if min(drawn, len(labels) - drawn) < len(classes):
        raise DataError(
            f"{share:.0%} of the {len(labels)} texts of train are {drawn}: too few or too many for "
            f"a text of each of {len(classes)} classes in {name} and in train. Choose another "
            f"--{name}-share, or add texts."
        )


def check_block_split(rows: NDArray[np.int64], block_size: int, share: float, name: str) -> None:
    """Raise unless `share` of train can be drawn as the split `name` in blocks of rows.

    `rows` (n,) are row numbers as published; a block has `block_size` consecutive ones.
    ParameterError when a block has no row or the share is above one half; DataError when there
    are fewer blocks than 1 / share.
    """
    check("holdout_block_size", block_size, PositiveInt)
    check(f"{name}_share", share, Annotated[float, Interval(gt=0, le=0.5)])
    n_blocks, n_parts = len(np.unique(rows // block_size)), round(1 / share)
    if n_blocks < n_parts:
        raise DataError(
            f"train has {n_blocks} blocks of {block_size} rows: too few to draw {share:.0%} of "
            f"them as {name}. Choose a smaller --holdout-block-size or a larger "
            f"--{name}-share."
        )


def check_limit(n: int, labels: NDArray[np.int64], classes: Sequence[str]) -> None:
    """Raise ParameterError when `n` texts are too few to have one of each class."""
    present = len(np.unique(labels))
    if n < present:
        raise ParameterError(
            f"limit is {n} for {present} classes: it must be at least one text per class."
        )


def check_head_not_label_sorted(labels: NDArray[np.int64], n: int, classes: Sequence[str]) -> None:
    """Raise DataError when the first `n` of the `labels` (N,) are not a fair sample of all.

    The class shares are compared by total variation distance (half the sum of absolute
    differences). It must exceed 5 points and the distances of all of 1,999 random draws of `n`
    texts (p < 0.001).

    Raises:
        DataError: the file is sorted by label, or by something correlated with it.
        ParameterError: n is below 1.
    """
    check("head", n, PositiveInt)
    n = min(n, len(labels))
    counts = np.bincount(labels, minlength=len(classes))
    head = np.bincount(labels[:n], minlength=len(classes))
    shares = counts / len(labels)
    distance = np.abs(head / n - shares).sum() / 2
    drawn = np.random.default_rng(0).multivariate_hypergeometric(counts, n, size=N_RANDOM_DRAWS)
    null = np.abs(drawn / n - shares).sum(axis=1) / 2
    p = (1 + (null >= distance - FLOAT_TOLERANCE).sum()) / (1 + N_RANDOM_DRAWS)
    if distance > MAX_PRIOR_SHIFT and p < P_VALUE_THRESHOLD:
        most = int(np.argmax(head))
        raise DataError(
            f"the first {n} of {len(labels)} texts of train are {head[most] / n:.0%} of the class "
            f"{classes[most]!r}, which has {shares[most]:.0%} of all; "
            f"{np.count_nonzero(head == 0)} of {len(classes)} classes are missing. The file is "
            f"sorted by label: use a random sample instead, --limit {n}."
        )
