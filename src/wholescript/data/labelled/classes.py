"""Labels of any kind as classes 0..k-1 with a name each, beside their texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from wholescript.data.films.guards import list_some, require_columns
from wholescript.data.labelled.columns import (
    CLASS_NAME_COLUMN_NAMES,
    LABEL_COLUMN_NAMES,
    TEXT_COLUMN_NAMES,
    LabelValue,
    guess_column,
    read_category_column,
    read_label_column,
    read_text_column,
)
from wholescript.data.labelled.sources import LabelledSource
from wholescript.data.labelled.tables import Table
from wholescript.errors import DataError


@dataclass(frozen=True)
class LabelledTables:
    """Texts with numbered labels, one table a split, rows in the order of publication.

    Each table has id (str), text (str, empty where there is none), label (int64, not in
    `unsupervised`) and the kept columns that the split has (int64). `kept` says of each kept
    column whether its numbers are classes ("class") or numbers of its own ("number").
    """

    classes: list[str]
    splits: dict[str, pd.DataFrame]
    text_column: str
    label_column: str
    kept: dict[str, str]


def encode_labels(
    source: LabelledSource,
    text_column: str | None = None,
    label_column: str | None = None,
    keep_columns: Sequence[str] = (),
) -> LabelledTables:
    """Take texts, labels and the columns `keep_columns` out of a source's tables.

    Columns that are not given are those of a known set, or guessed by their names. Whole numbers
    are classes in their order, words in the order of the alphabet; only classes that occur count.
    Names come from the known set, the hub's ClassLabel, or a column such as label_text.

    Raises:
        DataError: a column is missing or cannot be guessed, a text is no text, a label is missing
            or is no class, or a kept column holds neither classes nor whole numbers.
    """
    present, registered = list(source.splits["train"].rows), source.registered
    if text_column is None:
        text_column = (
            registered.text_column
            if registered
            else guess_column(present, TEXT_COLUMN_NAMES, "text")
        )
    if label_column is None:
        label_column = (
            registered.label_column
            if registered
            else guess_column(present, LABEL_COLUMN_NAMES, "label")
        )
    for split, table in source.splits.items():
        wanted = (text_column,) if split == "unsupervised" else (text_column, label_column)
        require_columns(list(table.rows), wanted, f"{split} of {source.name}")
    tables = {split: t for split, t in source.splits.items() if split != "unsupervised"}
    labels = read_label_column(tables, label_column)
    order = sorted({value for part in labels.values() for value in part})  # of one type
    classes = _named(order, _names(tables, label_column, source))
    numbers = {value: number for number, value in enumerate(order)}
    splits = {}
    for split, table in source.splits.items():
        ids = [f"{split}-{row}" for row in range(len(table.rows))]
        splits[split] = pd.DataFrame(
            {"id": ids, "text": read_text_column(table.rows[text_column], split)}, dtype=object
        )
        if split in labels:
            splits[split]["label"] = _int64(labels[split], numbers)
    kept = {column: _keep(column, tables, splits, numbers, classes) for column in keep_columns}
    return LabelledTables(classes, splits, text_column, label_column, kept)


def _named(order: Sequence[LabelValue], names: Mapping[int, str]) -> list[str]:
    """Return the name of each label: a word is its own, a number has one or is written out."""
    classes = [value if isinstance(value, str) else names.get(value, str(value)) for value in order]
    twice = sorted({name for name in classes if classes.count(name) > 1})
    if twice:
        raise DataError(f"more than one label is called {list_some(twice)}: give each a name.")
    return classes


def _names(tables: Mapping[str, Table], label: str, source: LabelledSource) -> dict[int, str]:
    """Return the names of numbers: of a known set, of the hub, or of a column beside the label."""
    stored = next((table.names[label] for table in tables.values() if label in table.names), None)
    if source.registered and source.registered.classes and source.registered.label_column == label:
        return dict(enumerate(source.registered.classes))
    if stored:
        return dict(enumerate(stored))
    beside = [
        c for c in CLASS_NAME_COLUMN_NAMES if any(c in table.rows for table in tables.values())
    ]
    if not beside or beside[0] == label:
        return {}
    labels, words = read_category_column(tables, label), read_category_column(tables, beside[0])
    names: dict[int, str] = {}
    for split in words:
        for value, word in zip(labels[split], words[split], strict=True):
            if not isinstance(value, int) or word is None:
                continue
            if names.setdefault(value, str(word)) != str(word):
                raise DataError(
                    f"the label {value} is called {names[value]!r} and {str(word)!r} in the column "
                    f"{beside[0]!r}: give each class one name, or name another label column."
                )
    return names


def _keep(
    column: str,
    tables: Mapping[str, Table],
    splits: Mapping[str, pd.DataFrame],
    numbers: Mapping[LabelValue, int],
    classes: Sequence[str],
) -> str:
    """Add a column to the splits that have it; return whether it holds classes or numbers."""
    values = read_category_column(tables, column)
    if not values:
        require_columns(list(tables["train"].rows), [column], "train")
    distinct = {value for part in values.values() for value in part}
    as_names: dict[Any, int] = {name: number for number, name in enumerate(classes)}
    as_numbers = {value: value for value in distinct if isinstance(value, int)}
    for mapping, kind in ((numbers, "class"), (as_names, "class"), (as_numbers, "number")):
        if distinct <= set(mapping):
            for split, part in values.items():
                splits[split][column] = _int64(part, mapping)
            return kind
    strange = sorted(repr(value) for value in distinct - set(numbers) - set(as_names))
    raise DataError(
        f"the column {column!r} cannot be kept: it holds {list_some(strange)}, neither a class nor a "
        "whole number."
    )


def _int64(values: Sequence[LabelValue | None], mapping: Mapping[Any, int]) -> "pd.Series[int]":
    return pd.Series([mapping[value] for value in values], dtype="int64")
