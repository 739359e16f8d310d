"""Labels for the texts of a table: the same rows with a label and its probability."""

import csv
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from wholescript.data.characters import Repair, describe_repairs
from wholescript.data.checks import list_some, require_columns
from wholescript.data.delimited import Quoting
from wholescript.data.labelled.cleaning import repair_text
from wholescript.data.labelled.columns import check_is_name, guess_text_column, read_text_column
from wholescript.data.tables import SUFFIXES, TextFormat, read_table
from wholescript.errors import DataError, ParameterError
from wholescript.files import check_output_file, write_atomic
from wholescript.models.types import IntArray
from wholescript.printable import printable

TEXTS_PER_BATCH = 512
OTHER_REPAIR = Repair("HTML entities, HTML line breaks or line ends were replaced")


class TextClassifier(Protocol):
    """A trained model and the names of its classes."""

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in the order of the probabilities."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the class probabilities, (n, n_classes)."""


def most_probable(scores: NDArray[np.float32], threshold: float | None = None) -> IntArray:
    """Return the number of the most probable class of each row of probabilities (n, n_classes).

    With a `threshold`, of two classes: the second where its probability is at least that.
    """
    chosen = scores.argmax(axis=1) if threshold is None else scores[:, 1] >= threshold
    return np.asarray(chosen, np.int64)


def predict_rows(
    model: TextClassifier,
    rows: pd.DataFrame,
    text_column: str | None = None,
    *,
    threshold: float | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Return the rows with the columns `label` and `probability`, both missing for empty texts.

    The text column is guessed by its name if none is given. In a table that has a column of these
    names already, the new ones are `predicted_label` and `predicted_probability`. `threshold` is
    that of `most_probable`. With `progress`, a progress bar and what was repaired are printed.

    Raises:
        DataError: there is no such column, or it has no text.
    """
    if text_column is None:
        text_column = guess_text_column(rows.rename(columns=str))
    require_columns(list(rows), [text_column], "the table", options={text_column: "--text-column"})
    written = read_text_column(rows[text_column], "the table")
    texts = [repair_text(text)[0] for text in written]
    for line in _describe_all_repairs(written, texts) if progress else ():
        tqdm.write(line)
    filled = [position for position, text in enumerate(texts) if text.strip()]
    if not filled:
        raise DataError(f"the column {text_column!r} of the table has no text in {len(rows)} rows")
    labels = np.full(len(rows), None, dtype=object)
    probabilities = np.full(len(rows), np.nan)
    with tqdm(total=len(filled), unit="text", desc="predict", disable=not progress) as bar:
        for start in range(0, len(filled), TEXTS_PER_BATCH):
            batch = filled[start : start + TEXTS_PER_BATCH]
            scores = model.predict_proba([texts[position] for position in batch])
            best = most_probable(scores, threshold)
            labels[batch] = [model.classes[number] for number in best]
            probabilities[batch] = scores[np.arange(len(best)), best].astype(float).round(6)
            bar.update(len(batch))
    prefix = "predicted_" if {"label", "probability"} & set(rows) else ""
    new = {
        f"{prefix}label": pd.Series(labels, rows.index, dtype="str"),
        f"{prefix}probability": pd.Series(probabilities, rows.index),
    }
    if taken := sorted(set(new) & set(rows)):
        raise DataError(f"the table has the column {taken[0]!r} already: rename or remove it")
    return rows.assign(**new)


def predict_table(
    model: TextClassifier,
    path_in: Path | str,
    path_out: Path | str,
    text_column: str | None = None,
    *,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quoting: Quoting | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Write the rows of a table with `label` and `probability` to another file, and return them.

    >>> predict_table(model, "new.csv", "labelled.csv")  # doctest: +SKIP

    Both files are CSV, TSV, JSON lines or Parquet by their suffix; the output is written at once,
    at the end. Printed are the text column, if it is guessed, and the rows without a text, which
    have no label; with `progress` also which texts were repaired, for the prediction only.

    Raises:
        DataError: the table cannot be read, or has no such column or no text.
        ParameterError: the output has an unknown suffix, or is the table itself or a folder.
    """
    path_in, path_out = Path(path_in), Path(path_out)
    suffix = path_out.suffix.lower()
    if suffix not in SUFFIXES:
        raise ParameterError(
            f"{path_out} has the suffix {path_out.suffix!r}: write one of {', '.join(SUFFIXES)}"
        )
    check_output_file(path_out, path_in)
    rows = read_table(path_in, TextFormat(encoding, delimiter, quoting)).frame
    if text_column is None:
        text_column = guess_text_column(rows)
        tqdm.write(f"{path_in.name}: texts from the column {text_column!r}")
    elif text_column in rows:
        check_is_name(rows, text_column)
    threshold = getattr(model, "threshold", None)
    predicted = predict_rows(model, rows, text_column, threshold=threshold, progress=progress)
    empty = np.flatnonzero(predicted.iloc[:, -1].isna())
    if len(empty):
        tqdm.write(
            f"{len(empty)} of the {len(rows)} rows of {printable(path_in.name)} have no text and "
            f"no label: row {list_some((empty + 1).tolist())}"
        )
    write_atomic(path_out, _content(predicted, suffix))
    return predicted


def _describe_all_repairs(written: Sequence[str], repaired: Sequence[str]) -> list[str]:
    """Return a line for each kind of repair: the number of texts, and an example if it has one."""
    found: dict[str, list[Repair]] = {}
    for before, after in zip(written, repaired, strict=True):
        if before != after:
            for repair in describe_repairs(before).repairs or [OTHER_REPAIR]:
                found.setdefault(repair.what, []).append(repair)
    return [
        f"in {len(repairs):,} of {len(written):,} texts {Repair(what, example=repairs[0].example)}"
        for what, repairs in found.items()
    ]


def _content(table: pd.DataFrame, suffix: str) -> bytes:
    if suffix == ".parquet":
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        return buffer.getvalue()
    if suffix == ".jsonl":
        return table.to_json(orient="records", lines=True, force_ascii=False).encode()
    write = partial(
        table.to_csv, index=False, sep="," if suffix == ".csv" else "\t", lineterminator="\n"
    )
    written: str = write()
    if "\r" in written:  # Python 3.11 leaves it unquoted in a text, where it ends the row
        written = write(quoting=csv.QUOTE_ALL)
    return written.encode()
