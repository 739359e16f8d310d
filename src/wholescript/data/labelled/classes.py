"""Encoding labels of any kind as integers 0..k-1 with a class name each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from wholescript.data.characters import repair_characters
from wholescript.data.checks import list_some, require_columns
from wholescript.data.labelled.columns import (
    CLASS_NAME_COLUMN_NAMES,
    LABEL_COLUMN_NAMES,
    LabelValue,
    Spellings,
    check_is_name,
    check_single_column,
    guess_column,
    guess_text_column,
    read_category_column,
    read_label_column,
    read_text_column,
    spelling_key,
)
from wholescript.data.labelled.sources import LabelledSource
from wholescript.data.tables import Table
from wholescript.errors import DataError, did_you_mean

INCOMPLETE_SPLIT = (
    "Add it, or move the file to another folder. A file of texts without labels is named "
    "unsupervised."
)


@dataclass(frozen=True)
class LabelledTables:
    """Texts with integer labels, one table per split, rows in the published order.

    Each table has id (str), text (str, empty where it is missing), label (int64, not in
    `unsupervised`) and those of the kept columns that the split has (int64). `kept_columns` maps
    each kept column to "class", if its values are labels, or "number"; `merged_labels` are labels
    that were spelled in several ways.
    """

    classes: list[str]
    splits: dict[str, pd.DataFrame]
    text_column: str
    label_column: str
    kept_columns: dict[str, str]
    merged_labels: Spellings = field(default_factory=dict)


def encode_labels(
    source: LabelledSource,
    text_column: str | None = None,
    label_column: str | None = None,
    keep_columns: Sequence[str] = (),
) -> LabelledTables:
    """Extract texts, labels and the columns `keep_columns` from the tables of a source.

    Text and label column default to those of a registered data set, or are guessed by name.
    Integer labels are ordered by value, strings alphabetically; only labels that occur are
    classes. Class names are those of the registered data set, of the hub's ClassLabel, or of a
    column such as label_text. Their characters are repaired as those of texts, except in
    registered data sets.

    Raises:
        DataError: a column is missing or cannot be guessed, a text is not a string, a label is
            missing or invalid, or a kept column has neither labels nor integers.
    """
    train, registered = source.splits["train"].frame, source.registered
    named = [column for column in (text_column, label_column) if column is not None]
    if text_column is None:
        text_column = registered.text_column if registered else guess_text_column(train)
    if label_column is None:
        label_column = (
            registered.label_column
            if registered
            else guess_column(train, LABEL_COLUMN_NAMES, "label")
        )
    options = {text_column: "--text-column", label_column: "--label-column"}
    for split, table in source.splits.items():
        required = (text_column,) if split == "unsupervised" else (text_column, label_column)
        present, where = list(table.frame), f"{split} of {source.name}"
        if split == "train":
            require_columns(present, required, where, options=options)
        else:
            require_columns(present, required, where, otherwise=INCOMPLETE_SPLIT)
        for column in required:
            check_single_column(table.frame, column, where)
    for column in named:
        check_is_name(train, column)
    tables = {split: t for split, t in source.splits.items() if split != "unsupervised"}
    labels, merged = read_label_column(tables, label_column, repair=registered is None)
    values = sorted({value for part in labels.values() for value in part})  # of one type
    classes = _name_classes(values, _find_class_names(tables, label_column, source))
    label_ids = {value: label_id for label_id, value in enumerate(values)}
    splits = {}
    for split, table in source.splits.items():
        ids = [f"{split}-{row}" for row in range(len(table.frame))]
        splits[split] = pd.DataFrame(
            {"id": ids, "text": read_text_column(table.frame[text_column], split)}, dtype=object
        )
        if split in labels:
            splits[split]["label"] = _to_int64(labels[split], label_ids)
    kept_columns = {
        column: _keep_column(column, tables, splits, label_ids, classes, repair=registered is None)
        for column in keep_columns
    }
    return LabelledTables(classes, splits, text_column, label_column, kept_columns, merged)


def select_classes(labelled: LabelledTables, classes: Sequence[str]) -> LabelledTables:
    """Return the texts of some classes, numbered in the order of the data set.

    A class may be named as in the data set, or as it was before its characters were repaired.

    Raises:
        DataError: a class is unknown, there are fewer than two, or kept columns have labels too.
    """
    classes = [name if name in labelled.classes else repair_characters(name) for name in classes]
    if unknown := sorted(set(classes) - set(labelled.classes)):
        raise DataError(
            f"the data set has no class {list_some(unknown)}"
            f"{did_you_mean(unknown[0], labelled.classes)}"
        )
    chosen = [name for name in labelled.classes if name in classes]
    if len(chosen) < 2:
        raise DataError(f"classes={list(classes)} must name at least two classes")
    if "class" in labelled.kept_columns.values():
        raise DataError("a choice of classes excludes a second column of labels")
    numbers = {labelled.classes.index(name): number for number, name in enumerate(chosen)}
    splits = {
        split: table[table["label"].isin(numbers)]
        .assign(label=lambda kept: kept["label"].map(numbers))
        .reset_index(drop=True)
        if "label" in table
        else table
        for split, table in labelled.splits.items()
    }
    return replace(labelled, classes=chosen, splits=splits)


def _name_classes(values: Sequence[LabelValue], names: Mapping[int, str]) -> list[str]:
    """Return the class name of each label: the string itself, or the integer's name or digits."""
    classes = [
        value if isinstance(value, str) else names.get(value, str(value)) for value in values
    ]
    duplicates = sorted({name for name in classes if classes.count(name) > 1})
    if duplicates:
        raise DataError(
            f"more than one label is named {list_some(duplicates)}: give each class its own name."
        )
    return classes


def _find_class_names(
    tables: Mapping[str, Table], label_column: str, source: LabelledSource
) -> dict[int, str]:
    """Return names of integer labels: registered, from the hub, or from a class name column."""
    registered = source.registered
    if registered and registered.classes and registered.label_column == label_column:
        return dict(enumerate(registered.classes))
    for table in tables.values():
        if label_column in table.class_names:
            given = table.class_names[label_column]
            return dict(enumerate(given if registered else map(repair_characters, given)))
    columns = [
        c for c in CLASS_NAME_COLUMN_NAMES if any(c in table.frame for table in tables.values())
    ]
    if not columns or columns[0] == label_column:
        return {}
    labels, _ = read_category_column(tables, label_column, repair=registered is None)
    strings, _ = read_category_column(tables, columns[0], repair=registered is None)
    names: dict[int, str] = {}
    for split in strings:
        for value, name in zip(labels[split], strings[split], strict=True):
            if not isinstance(value, int) or name is None:
                continue
            if names.setdefault(value, str(name)) != str(name):
                raise DataError(
                    f"the label {value} is named {names[value]!r} and {str(name)!r} in the column "
                    f"{columns[0]!r}: give each class one name, or use another label column."
                )
    return names


def _keep_column(
    column: str,
    tables: Mapping[str, Table],
    splits: Mapping[str, pd.DataFrame],
    label_ids: Mapping[LabelValue, int],
    classes: Sequence[str],
    *,
    repair: bool,
) -> str:
    """Add a column to the splits that have it; return whether its values are labels or numbers."""
    values, _ = read_category_column(tables, column, repair=repair)
    if not values:
        present = list(tables["train"].frame)
        require_columns(present, [column], "train", options={column: "--keep-column"})
    distinct = {value for part in values.values() for value in part}
    by_key = {spelling_key(name): label_id for label_id, name in enumerate(classes)}
    by_name: dict[Any, int] = {  # the column may spell most of its values in another case
        value: by_key[key]
        for value in distinct
        if isinstance(value, str) and (key := spelling_key(value)) in by_key
    }
    integers = {value: value for value in distinct if isinstance(value, int)}
    for mapping, kind in ((label_ids, "class"), (by_name, "class"), (integers, "number")):
        if distinct <= set(mapping):
            for split, part in values.items():
                splits[split][column] = _to_int64(part, mapping)
            return kind
    invalid = sorted(repr(value) for value in distinct - set(label_ids) - set(by_name))
    raise DataError(
        f"the column {column!r} cannot be kept: {list_some(invalid)} is neither a class nor an "
        "integer."
    )


def _to_int64(values: Sequence[LabelValue | None], mapping: Mapping[Any, int]) -> "pd.Series[int]":
    return pd.Series([mapping[value] for value in values], dtype="int64")
