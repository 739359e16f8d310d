"""Labels of any kind as classes 0..k-1 with a name each, beside their texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from wholescript.data.films.guards import listed, require_columns
from wholescript.data.labelled.columns import (
    LABEL_WORDS,
    NAME_WORDS,
    TEXT_WORDS,
    Value,
    guess_column,
    labels_of,
    texts_of,
    values_of,
)
from wholescript.data.labelled.sources import Source
from wholescript.data.labelled.tables import Table
from wholescript.errors import DataError


@dataclass(frozen=True)
class Labelled:
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


def label_texts(
    source: Source,
    text_column: str | None = None,
    label_column: str | None = None,
    keep: Sequence[str] = (),
) -> Labelled:
    """Take texts, labels and the columns `keep` out of a source's tables.

    Columns that are not given are those of a known set, or guessed by their names. Whole numbers
    are classes in their order, words in the order of the alphabet; only classes that occur count.
    Names come from the known set, the hub's ClassLabel, or a column such as label_text.

    Raises:
        DataError: a column is missing or cannot be guessed, a text is no text, a label is missing
            or is no class, or a kept column holds neither classes nor whole numbers.
    """
    present, known = list(source.splits["train"].rows), source.known
    if text_column is None:
        text_column = known.text_column if known else guess_column(present, TEXT_WORDS, "text")
    if label_column is None:
        label_column = known.label_column if known else guess_column(present, LABEL_WORDS, "label")
    for split, table in source.splits.items():
        wanted = (text_column,) if split == "unsupervised" else (text_column, label_column)
        require_columns(list(table.rows), wanted, f"{split} of {source.name}")
    tables = {split: t for split, t in source.splits.items() if split != "unsupervised"}
    labels = labels_of(tables, label_column)
    order = sorted({value for part in labels.values() for value in part})  # of one type
    classes = _named(order, _names(tables, label_column, source))
    numbers = {value: number for number, value in enumerate(order)}
    splits = {}
    for split, table in source.splits.items():
        ids = [f"{split}-{row}" for row in range(len(table.rows))]
        splits[split] = pd.DataFrame(
            {"id": ids, "text": texts_of(table.rows[text_column], split)}, dtype=object
        )
        if split in labels:
            splits[split]["label"] = _int64(labels[split], numbers)
    kept = {column: _keep(column, tables, splits, numbers, classes) for column in keep}
    return Labelled(classes, splits, text_column, label_column, kept)


def _named(order: Sequence[Value], names: Mapping[int, str]) -> list[str]:
    """Return the name of each label: a word is its own, a number has one or is written out."""
    classes = [value if isinstance(value, str) else names.get(value, str(value)) for value in order]
    twice = sorted({name for name in classes if classes.count(name) > 1})
    if twice:
        raise DataError(f"more than one label is called {listed(twice)}: give each a name.")
    return classes


def _names(tables: Mapping[str, Table], label: str, source: Source) -> dict[int, str]:
    """Return the names of numbers: of a known set, of the hub, or of a column beside the label."""
    stored = next((table.names[label] for table in tables.values() if label in table.names), None)
    if source.known and source.known.classes and source.known.label_column == label:
        return dict(enumerate(source.known.classes))
    if stored:
        return dict(enumerate(stored))
    beside = [c for c in NAME_WORDS if any(c in table.rows for table in tables.values())]
    if not beside or beside[0] == label:
        return {}
    labels, words = values_of(tables, label), values_of(tables, beside[0])
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
    numbers: Mapping[Value, int],
    classes: Sequence[str],
) -> str:
    """Add a column to the splits that have it; return whether it holds classes or numbers."""
    values = values_of(tables, column)
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
        f"the column {column!r} cannot be kept: it holds {listed(strange)}, neither a class nor a "
        "whole number."
    )


def _int64(values: Sequence[Value | None], mapping: Mapping[Any, int]) -> "pd.Series[int]":
    return pd.Series([mapping[value] for value in values], dtype="int64")
