"""Checks that several kinds of data share: columns of a table, and lists of texts with labels."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import DataError, WholeScriptError

MAX_PRIOR_SHIFT = 0.05  # largest accepted difference of a class's share between samples
FLOAT_TOLERANCE = 1e-9  # 0.20 - 0.15 is a little more than 0.05
P_VALUE_THRESHOLD = 1e-3
MAX_LISTED = 5  # items that an error message names


def list_some(items: Sequence[object]) -> str:
    """Return the first five items, separated by commas, and how many more there are."""
    more = len(items) - MAX_LISTED
    return ", ".join(map(str, items[:MAX_LISTED])) + (f" and {more} more" if more > 0 else "")


def require_columns(
    present: Sequence[str],
    required: Iterable[str],
    where: str,
    error: type[WholeScriptError] = DataError,
    *,
    options: Mapping[str, str] | None = None,
    otherwise: str = "",
) -> None:
    """Raise `error` when a required column is missing; the message suggests the nearest name.

    `options` are those that give the name of a required column: the remedy is another value.
    `otherwise` is the remedy if there are none and no name is similar.
    """
    missing = [name for name in required if name not in present]
    if not missing:
        return
    near, option = get_close_matches(missing[0], present, n=1), (options or {}).get(missing[0])
    if option:
        question = f" Did you mean {near[0]!r}?" if near else ""
        hint = f"{question} Name the column: {option} {shlex.quote(near[0]) if near else 'COLUMN'}."
    else:
        rename = f"Did you mean {near[0]!r}? Rename it to {missing[0]!r}." if near else ""
        hint = f" {rename or otherwise}".rstrip()
    raise error(
        f"{where} has no column {', '.join(map(repr, missing))}; it has {', '.join(present)}.{hint}"
    )


def check_texts(texts: Sequence[str], name: str = "texts") -> None:
    """Raise DataError unless `texts` is a list of at least one text, none empty or undecodable."""
    if isinstance(texts, str) or not len(texts):
        what = "a single string" if isinstance(texts, str) else "empty"
        raise DataError(f"{name} is {what}: give a list with at least one text.")
    bad = [row for row, text in enumerate(texts) if not isinstance(text, str) or not text.strip()]
    if bad:
        raise DataError(
            f"{len(bad)} of the {len(texts)} {name} are empty or not strings: row "
            f"{list_some(bad)}. Leave them out, as `wholescript data prepare` does."
        )
    for row, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"row {row} of {name} contains the lone surrogate {error.object[error.start]!r}, "
                "which cannot be tokenized; `wholescript data prepare` repairs such texts."
            ) from error


def check_labelled_documents(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    val_texts: Sequence[str],
    val_labels: NDArray[np.int64],
) -> int:
    """Check training and validation texts with integer labels from 0; return the number of classes.

    Raises:
        DataError: a text is empty, texts and labels differ in number, labels are not integers
            from 0, there is one class, a class has no training text, or a validation text is of a
            class without training texts.
    """
    for name, part, values in (
        ("training", texts, labels),
        ("validation", val_texts, val_labels),
    ):
        check_texts(part, f"{name} texts")
        if len(part) != len(values):
            raise DataError(
                f"{len(part)} {name} texts have {len(values)} labels: give one label per text"
            )
        array = np.asarray(values)
        if array.ndim != 1 or array.dtype.kind not in "iu" or array.min() < 0:
            raise DataError(
                f"{name} labels are {array.dtype} of shape {array.shape} with minimum "
                f"{array.min()}: number the classes 0, 1, 2 and so on"
            )
    present = np.unique(labels)
    if len(present) < 2:
        raise DataError(
            f"all {len(labels)} training texts are of class {present[0]}: add texts of another "
            "class"
        )
    n_classes = int(present[-1]) + 1
    if missing := sorted(set(range(n_classes)) - set(present.tolist())):
        raise DataError(
            f"no training text is of class {list_some(missing)}, but the last class is "
            f"{n_classes - 1}: number the classes without gaps, or add texts"
        )
    if unknown := sorted(set(np.unique(val_labels).tolist()) - set(present.tolist())):
        raise DataError(
            f"validation texts are of class {list_some(unknown)}, training texts of classes 0 to "
            f"{n_classes - 1}: drop them, or add training texts of these classes"
        )
    return n_classes
