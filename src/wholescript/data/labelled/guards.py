"""Checks that stop a set of labelled texts from which nothing can be learnt or measured."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from wholescript.data.films.guards import (
    FLOAT_TOLERANCE,
    MAX_PRIOR_SHIFT,
    P_VALUE_THRESHOLD,
    list_some,
)
from wholescript.errors import DataError, ParameterError

N_RANDOM_DRAWS = 1999  # of a fair head; no draw as far off gives p = 0.0005


def check_texts(texts: Sequence[str], name: str = "texts") -> None:
    """Raise DataError where there is no text, one in place of many, or one that none can read."""
    if isinstance(texts, str) or not len(texts):
        what = "one text" if isinstance(texts, str) else "empty"
        raise DataError(f"{name} is {what}: give a list with one text at least.")
    bad = [row for row, text in enumerate(texts) if not isinstance(text, str) or not text.strip()]
    if bad:
        raise DataError(
            f"{len(bad)} of the {len(texts)} {name} hold no text: row {list_some(bad)}. "
            "Leave them out, as `wholescript prepare` does."
        )
    for row, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"row {row} of {name} holds half a character ({error.object[error.start]!r}), "
                "which no tokenizer can read; `wholescript prepare` repairs such texts."
            ) from error


def class_counts(labels: NDArray[np.int64], classes: Sequence[str]) -> dict[str, int]:
    """Return how many of the `labels` (n,) are of each class, in the order of the classes."""
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))


def check_classes(labels: NDArray[np.int64], classes: Sequence[str], name: str) -> None:
    """Raise DataError when a split `name` with `labels` (n,) is empty or has one class only."""
    if not len(labels):
        raise DataError(f"{name} holds no text: nothing can be learnt or measured.")
    if len(np.unique(labels)) < 2:
        raise DataError(
            f"all {len(labels)} texts of {name} are of the class {classes[labels[0]]!r}: nothing "
            "can be learnt or measured. Add texts of another class, or choose another label column."
        )


def check_all_classes(labels: Mapping[str, NDArray[np.int64]], classes: Sequence[str]) -> None:
    """Raise DataError when a labelled split lacks a class that another one has.

    What is never trained cannot be predicted, and what is never tested is not measured.
    """
    for name, values in labels.items():
        check_classes(values, classes, name)
        missing = [label for label, n in class_counts(values, classes).items() if not n]
        if missing:
            raise DataError(
                f"{name} has {len(values)} texts and none of {len(missing)} of the {len(classes)} "
                f"classes: {list_some(missing)}. Take more texts (a larger share or limit), merge "
                "these classes with others, or leave them out of all splits."
            )


def check_split_share(
    labels: NDArray[np.int64], classes: Sequence[str], share: float, name: str
) -> None:
    """Raise when a `share` of train cannot be drawn as the split `name`, stratified by class.

    DataError when a class has fewer than two texts, one for each side, or when the share is
    fewer texts than there are classes; ParameterError when it is no share.
    """
    if not 0 < share < 1:
        raise ParameterError(f"the share of {name} is {share}: choose one between 0 and 1.")
    few = [label for label, n in class_counts(labels, classes).items() if n < 2]
    if few:
        raise DataError(
            f"{len(few)} class(es) of train have fewer than 2 texts: {list_some(few)}. To draw "
            f"{name} from train each needs 2 at least: add texts, merge classes or leave them out."
        )
    drawn = round(share * len(labels))
    if min(drawn, len(labels) - drawn) < len(classes):
        raise DataError(
            f"{share:.0%} of the {len(labels)} texts of train are {drawn}: too few or too many for "
            f"a text of each of {len(classes)} classes in {name} and in train. Choose another "
            "share, or add texts."
        )


def check_block_split(
    place: NDArray[np.int64], holdout_block_size: int, share: float, name: str
) -> None:
    """Raise when `share` of train cannot be drawn as `name` in runs of `holdout_block_size` rows.

    `place` (n,) are the rows as published. ParameterError when a run has no row or the share is
    above a half; DataError when there are fewer runs than parts to choose one of.
    """
    if holdout_block_size < 1 or share > 0.5:
        raise ParameterError(
            f"holdout_block_size={holdout_block_size} must be at least 1, and the share of {name}, {share}, at most 0.5"
        )
    runs, parts = len(np.unique(place // holdout_block_size)), round(1 / share)
    if runs < parts:
        raise DataError(
            f"train has {runs} runs of {holdout_block_size} rows: too few to draw {share:.0%} of them as "
            f"{name}. Choose a smaller --together or a larger share."
        )


def check_limit(n: int, labels: NDArray[np.int64], classes: Sequence[str]) -> None:
    """Raise ParameterError when `n` texts are too few to have one of each class."""
    present = len(np.unique(labels))
    if n < present:
        raise ParameterError(
            f"limit is {n} for {present} classes: ask for one text a class at least."
        )


def check_head_not_label_sorted(labels: NDArray[np.int64], n: int, classes: Sequence[str]) -> None:
    """Raise DataError when the first `n` of the `labels` (N,) are no fair sample of all of them.

    What `data.guards.check_head_cut` does for two classes, for any number: the shares of the
    classes are compared by their total variation distance (half the sum of differences). The head
    of a sorted file is refused when it is more than 5 points off and further than all of 1,999
    random draws of as many texts (p < 0.001).

    Raises:
        DataError: the file is sorted by label, or by something that goes with it.
        ParameterError: n is below 1.
    """
    if n < 1:
        raise ParameterError(f"head is {n}: ask for at least one text.")
    n = min(n, len(labels))
    whole = np.bincount(labels, minlength=len(classes))
    head = np.bincount(labels[:n], minlength=len(classes))
    share = whole / len(labels)
    distance = np.abs(head / n - share).sum() / 2
    drawn = np.random.default_rng(0).multivariate_hypergeometric(whole, n, size=N_RANDOM_DRAWS)
    by_chance = np.abs(drawn / n - share).sum(axis=1) / 2
    p = (1 + (by_chance >= distance - FLOAT_TOLERANCE).sum()) / (1 + N_RANDOM_DRAWS)
    if distance > MAX_PRIOR_SHIFT and p < P_VALUE_THRESHOLD:
        most = int(np.argmax(head))
        raise DataError(
            f"the first {n} of {len(labels)} texts of train are {head[most] / n:.0%} of the class "
            f"{classes[most]!r}, which has {share[most]:.0%} of all; "
            f"{np.count_nonzero(head == 0)} of {len(classes)} classes are missing. The file is "
            f"sorted by label, so that its head is no sample: draw at random with --limit {n}."
        )
