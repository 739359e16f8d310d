"""The text and label columns of a table, and their values as strings or integers."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wholescript.data.characters import repair_characters
from wholescript.data.checks import list_some
from wholescript.data.tables import Table
from wholescript.errors import DataError

# Names of one group are equally likely; those of an earlier group come first.
TEXT_COLUMN_NAMES = (
    ("text",),
    (
        *("sentence", "utterance", "question", "review", "content", "query", "body", "message"),
        *("comment", "tweet", "post", "article", "description", "document", "abstract"),
    ),
    ("title", "headline", "subject"),
)
CLASS_NAME_COLUMN_NAMES = ("label_text", "label_name", "class_name")
LABEL_COLUMN_NAMES = (
    ("label", "labels"),
    ("class", "category", "intent", "target", "sentiment", "topic"),
    CLASS_NAME_COLUMN_NAMES,
)
MAX_LENGTH_RATIO = 2  # of the words of another column to those of the text column
N_ROWS_COMPARED = 1_000
MIN_WORDS_OF_SENTENCE = 6  # names of columns are shorter
NAMES_LINE = "a line of column names, such as text,label,"
MULTI_LABEL = (
    "Texts with several labels (multi-label classification) are out of scope: give one label per "
    "text, or make a yes/no data set for each label."
)
SEPARATORS = re.compile(r"[;|,]")
# A cell that holds a list: `['a', 'b']`, `[1 2]`, `[a, b]`, but not mark-up such as `[red]`.
LIST = re.compile(r"\[\s*(?:['\"\d-].*|[^\[\]]*[;|,][^\[\]]*)?\]", re.DOTALL)
INTEGER = re.compile(r"-?(0|[1-9]\d*)")
WHOLE_NUMBER = re.compile(INTEGER.pattern + r"(\.0*)?")  # 1 and 1.0
REPEATED_NAME = re.compile(r"(.+)\.\d+")  # pandas calls a second column `text` `text.1`

LabelValue = int | str
Spellings = Mapping[str, Mapping[str, int]]
"""How often each spelling of a class occurs, by the name of the class."""


def guess_text_column(table: pd.DataFrame) -> str:
    """Return the column named like a text.

    Raises:
        DataError: there is none; or two are equally likely, by their names or because another
            column than `text` has texts that are twice as long.
    """
    chosen = guess_column(table, TEXT_COLUMN_NAMES, "text")
    if chosen.strip().lower() == TEXT_COLUMN_NAMES[0][0]:
        return chosen
    head = table.head(N_ROWS_COMPARED)
    lengths = {column: _median_words(head.iloc[:, i]) for i, column in enumerate(table)}
    longer = [
        column
        for column in table
        if lengths[column] >= MAX_LENGTH_RATIO * max(lengths[chosen], 1) and column != chosen
    ]
    if longer:
        words = [f"{column!r} ({lengths[column]:g} words)" for column in (chosen, *longer)]
        raise DataError(
            f"the text may be in {' or '.join(words)}, median of the first {len(head):,} rows. "
            f"{_name_column('text', [chosen, *longer])}"
        )
    return chosen


def guess_column(table: pd.DataFrame, candidates: Iterable[Sequence[str]], what: str) -> str:
    """Return the column named by the first group of candidates, ignoring case.

    `what` is text or label.

    Raises:
        DataError: no candidate matches, or two of a group do.
    """
    present, by_name = list(table), dict[str, list[str]]()
    for name in present:
        repeated = REPEATED_NAME.fullmatch(name)
        first = repeated.group(1) if repeated and repeated.group(1) in present else name
        by_name.setdefault(first.strip().lower(), []).append(name)
    for names in candidates:
        found = [column for name in names for column in by_name.get(name, [])]
        if len(found) > 1:
            raise DataError(
                f"the {what} may be in the columns {', '.join(map(repr, found))}. "
                f"{_name_column(what, found)}"
            )
        if found:
            return found[0]
    problem = f"the {what} column cannot be guessed"
    if values := [name for n, name in enumerate(present) if _is_value(name, table.iloc[:, n])]:
        raise DataError(f"{problem}: {_first_row(values)} If not: --{what}-column COLUMN.")
    raise DataError(
        f"{problem}; there are {', '.join(present)}. Name it: --{what}-column COLUMN. If these are "
        f"the values of the first row, add {NAMES_LINE} above it."
    )


def check_is_name(table: pd.DataFrame, column: str) -> None:
    """Raise DataError when a column's name seems to be a value, of a table without column names.

    The first row would be lost. If another column has a known name, the first line has names.
    """
    known = {name for group in (*TEXT_COLUMN_NAMES, *LABEL_COLUMN_NAMES) for name in group}
    if not _is_value(column, table.iloc[:, list(table).index(column)]) or any(
        name.strip().lower() in known and not _is_value(name, table.iloc[:, n])
        for n, name in enumerate(table)
    ):
        return
    raise DataError(f"{_first_row([column])} If it is a name, write another one.")


def _is_value(name: str, column: "pd.Series[Any]") -> bool:
    """Return whether the name of a column is a sentence, or one of the column's values."""
    if len(name.split()) >= MIN_WORDS_OF_SENTENCE:
        return True
    key = name.strip().casefold()
    return any(isinstance(value, str) and value.strip().casefold() == key for value in column)


def _first_row(values: Sequence[str]) -> str:
    shown = list_some([repr(value if len(value) <= 40 else f"{value[:40]}...") for value in values])
    return (
        f"the first line seems to be a row instead of column names ({shown}). Add {NAMES_LINE} "
        "above it."
    )


def check_single_column(table: pd.DataFrame, column: str, where: str) -> None:
    """Raise DataError when a table has several columns of one name."""
    if (n := list(table).count(column)) > 1:
        raise DataError(f"{where} has {n} columns {column!r}: rename or remove all but one.")


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


def read_label_column(
    tables: Mapping[str, Table], column: str, *, repair: bool = True
) -> tuple[dict[str, list[LabelValue]], Spellings]:
    """Return the labels of each split, and the spellings that were merged.

    `repair` is that of `read_category_column`.

    Raises:
        DataError: a text has no label, or a label is not valid.
    """
    found, merged = read_category_column(tables, column, repair=repair)
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
    return {split: [v for v in values if v is not None] for split, values in found.items()}, merged


def read_category_column(
    tables: Mapping[str, Table], column: str, *, repair: bool = True
) -> tuple[dict[str, list[LabelValue | None]], Spellings]:
    """Return a column of each split that has it: all integers or all strings, None if missing.

    Values that differ only in case, white space or the spelling of a whole number (1, 1.0) are
    one; they are returned too. So are, with `repair`, values whose characters are repaired, as in
    texts (`data.characters`). Strings become integers if all values in all splits are integers.
    Raises DataError for fractions, lists and other values.
    """
    values = {
        split: [_parse(value, column, split, row) for row, value in enumerate(table.frame[column])]
        for split, table in tables.items()
        if column in table.frame
    }
    counts = Counter(value for part in values.values() for value in part if value is not None)
    names, merged = _merge_spellings(counts, repair)
    kind = int if all(map(INTEGER.fullmatch, names.values())) else str
    read: dict[str, list[LabelValue | None]] = {
        split: [kind(names[value]) if value in names else None for value in part]
        for split, part in values.items()
    }
    return read, merged


def spelling_key(value: str) -> str:
    """Return what the spellings of one class have in common."""
    key = " ".join(value.split()).casefold()
    return key.partition(".")[0] if WHOLE_NUMBER.fullmatch(key) else key


def _merge_spellings(counts: Mapping[str, int], repair: bool) -> tuple[dict[str, str], Spellings]:
    """Return the name of each value that is not blank, and those spelled in several ways.

    The name is the most frequent spelling with single spaces; of numbers that without a point.
    """
    repaired = {value: repair_characters(value) if repair else value for value in sorted(counts)}
    spellings: dict[str, list[str]] = {}
    for value, text in repaired.items():
        if text.strip():
            spellings.setdefault(spelling_key(text), []).append(value)
    names, merged = dict[str, str](), dict[str, dict[str, int]]()
    for values in spellings.values():
        stripped = Counter[str]()
        for value in values:
            text = repaired[value]
            stripped[" ".join(text.split()) if len(values) > 1 else text.strip()] += counts[value]
        name = max(stripped, key=lambda s: (INTEGER.fullmatch(s) is not None, stripped[s]))
        names.update(dict.fromkeys(values, name))
        if len(values) > 1 or repaired[values[0]] != values[0]:
            merged[name] = {value: counts[value] for value in values}
    return names, merged


def _parse(value: Any, column: str, split: str, row: int) -> str | None:
    """Return the label as it is written, None where it is missing."""
    if _is_missing(value):
        return None
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
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


def _median_words(column: "pd.Series[Any]") -> float:
    words = [len(value.split()) for value in column if isinstance(value, str)]
    return float(np.median(words)) if words else 0.0


def _name_column(what: str, columns: Iterable[str]) -> str:
    options = dict.fromkeys(f"--{what}-column {shlex.quote(column)}" for column in columns)
    return f"Name it: {' or '.join(options)}."
