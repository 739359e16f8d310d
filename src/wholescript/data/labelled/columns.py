"""The text and label columns of a table, and their values as strings or integers."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wholescript.data.checks import list_some
from wholescript.data.tables import Table
from wholescript.errors import DataError

TEXT_COLUMN_NAMES = (
    "text",
    "sentence",
    "utterance",
    "question",
    "review",
    "content",
    "query",
    "title",
)
CLASS_NAME_COLUMN_NAMES = ("label_text", "label_name", "class_name")
LABEL_COLUMN_NAMES = (
    *("label", "labels", "class", "category", "intent", "target", "sentiment", "topic"),
    *CLASS_NAME_COLUMN_NAMES,
)
MULTI_LABEL = (
    "Texts with several labels (multi-label classification) are out of scope: give one label per "
    "text, or make a yes/no data set for each label."
)
SEPARATORS = re.compile(r"[;|,]")
# A cell that holds a list: `['a', 'b']`, `[1 2]`, `[a, b]`, but not mark-up such as `[red]`.
LIST = re.compile(r"\[\s*(?:['\"\d-].*|[^\[\]]*[;|,][^\[\]]*)?\]", re.DOTALL)
INTEGER = re.compile(r"-?(0|[1-9]\d*)")

LabelValue = int | str


def guess_column(present: Sequence[str], candidates: Iterable[str], what: str) -> str:
    """Return the column named by the first matching candidate, ignoring case.

    `what` is text or label. Raises DataError listing the columns when no candidate matches.
    """
    by_lower = {name.lower(): name for name in reversed(present)}
    for name in candidates:
        if name in by_lower:
            return by_lower[name]
    raise DataError(
        f"the {what} column cannot be guessed; there are {', '.join(present)}. "
        f"Name it: --{what}-column COLUMN."
    )


def read_text_column(column: "pd.Series[Any]", split: str) -> list[str]:
    """Return the texts of a column, "" where one is missing; raise DataError for a number."""
    texts = [None if _is_missing(value) else value for value in column]
    for row, text in enumerate(texts):
        if text is not None and not isinstance(text, str):
            raise DataError(
                f"the column {str(column.name)!r} of {split} is not text: row {row} is {text!r}. "
                "Name the text column: --text-column COLUMN."
            )
    return [text or "" for text in texts]


def read_label_column(tables: Mapping[str, Table], column: str) -> dict[str, list[LabelValue]]:
    """Return the labels of each split; raise DataError for texts without a label."""
    found = read_category_column(tables, column)
    _check_one_label(column, (v for values in found.values() for v in values if v is not None))
    for split, values in found.items():
        # On the hub -1 marks test labels that are not published.
        unpublished = -1 if column in tables[split].class_names else None
        missing = [row for row, value in enumerate(values) if value is None or value == unpublished]
        if missing:
            raise DataError(
                f"{len(missing)} of the {len(values)} texts of {split} have no label in the column "
                f"{column!r}: row {list_some(missing)}. Label them, remove them, or move them to a "
                "file named unsupervised."
            )
    return {split: [v for v in values if v is not None] for split, values in found.items()}


def read_category_column(
    tables: Mapping[str, Table], column: str
) -> dict[str, list[LabelValue | None]]:
    """Return a column of each split that has it: all integers or all strings, None if missing.

    Strings become integers if all values in all splits are integers. Raises DataError for
    fractions, lists and other values.
    """
    values = {
        split: [_parse(value, column, split, row) for row, value in enumerate(table.frame[column])]
        for split, table in tables.items()
        if column in table.frame
    }
    distinct = {value for part in values.values() for value in part if value is not None}
    kind = int if all(INTEGER.fullmatch(str(value)) for value in distinct) else str
    return {
        split: [None if value is None else kind(value) for value in part]
        for split, part in values.items()
    }


def _parse(value: Any, column: str, split: str, row: int) -> LabelValue | None:
    if _is_missing(value):
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return int(value)
    if isinstance(value, list | tuple | set | dict | np.ndarray):
        raise DataError(f"row {row} of {split}: the label {value!r} in {column!r}. {MULTI_LABEL}")
    raise DataError(
        f"the column {column!r} of {split} has the value {value!r} in row {row}: a class is a "
        "string or an integer, one per text."
    )


def _check_one_label(column: str, values: Iterable[LabelValue]) -> None:
    """Raise DataError if labels look like lists: `['a', 'b']`, or `a;b` beside other lists of a.

    A class may have a comma or a semicolon in its name: a list is one of parts that all occur in
    other labels too.
    """
    labels = sorted({value for value in values if isinstance(value, str)})
    parts = {label: [part.strip() for part in SEPARATORS.split(label)] for label in labels}
    uses = Counter(part for of_label in parts.values() for part in set(of_label))
    lists = [
        label
        for label, of_label in parts.items()
        if (len(of_label) > 1 and all(part and uses[part] > 1 for part in of_label))
        or LIST.fullmatch(label)
    ]
    if lists:
        raise DataError(
            f"{len(lists)} labels of the column {column!r} look like several labels in one cell: "
            f"{list_some([repr(label) for label in lists])}. {MULTI_LABEL}"
        )


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))
