"""Scripts read one at a time: a corpus never stands in memory as a whole."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from wholescript.data.films.guards import find_text_error, raise_for_unreadable
from wholescript.errors import DataError, WholeScriptError

ROWS_PER_BATCH = 8


class ScreenplayTexts(Mapping[str, str]):
    """The scripts of a corpus by film id, in the order of the corpus, read when asked for.

    `read` returns the UTF-8 bytes of a row of the source; `rows` says which row a film is.
    Going through the films in the order of the source is one pass over it.
    """

    def __init__(self, rows: Mapping[str, int], read: Callable[[int], bytes]) -> None:
        self._rows = dict(rows)
        self._read = read

    def __getitem__(self, film_id: str) -> str:
        """Return the script of a film; raise KeyError for an unknown id, DataError for no text."""
        raw = self.raw(film_id)
        if fault := find_text_error(raw):
            raise_for_unreadable({film_id: fault})
        return raw.decode()

    def __iter__(self) -> Iterator[str]:
        """Go through the film ids in order."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self._rows)

    def raw(self, film_id: str) -> bytes:
        """Return the bytes of a script, unchecked."""
        return self._read(self._rows[film_id])

    def select(self, film_ids: Iterable[str]) -> "Texts":
        """Return the scripts of these films only."""
        return ScreenplayTexts({film_id: self._rows[film_id] for film_id in film_ids}, self._read)


def measure_texts(texts: ScreenplayTexts) -> pd.DataFrame:
    """Read every script once and return n_chars, n_words (int64) and text_sha1 (str) per film.

    Words are what stands between white space. Raises DataError naming up to five films whose
    text is empty, binary or not UTF-8, and how many there are.
    """
    found: dict[str, tuple[int, int, str]] = {}
    faults: dict[str, str] = {}
    for film_id in texts:
        raw = texts.raw(film_id)
        if fault := find_text_error(raw):
            faults[film_id] = fault
        else:
            text = raw.decode()
            found[film_id] = len(text), len(text.split()), hashlib.sha1(raw).hexdigest()
    raise_for_unreadable(faults)
    return pd.DataFrame.from_dict(
        found, orient="index", columns=["n_chars", "n_words", "text_sha1"]
    )


def open_parquet(
    path: Path, remedy: str, error: type[WholeScriptError] = DataError
) -> pq.ParquetFile:
    """Open a Parquet file; raise `error` with the `remedy` when it is absent or damaged."""
    try:
        return pq.ParquetFile(path, memory_map=True)
    except FileNotFoundError as problem:
        raise error(f"{path} does not exist. {remedy}") from problem
    except (OSError, pa.ArrowException) as problem:
        raise error(f"{path} is truncated or not a Parquet file ({problem}). {remedy}") from problem


def read_table(
    file: pq.ParquetFile,
    columns: list[str],
    remedy: str,
    error: type[WholeScriptError] = DataError,
) -> pd.DataFrame:
    """Read some columns of an open Parquet file; raise `error` when their pages are damaged."""
    try:
        return file.read(columns=columns).to_pandas()
    except (OSError, pa.ArrowException, UnicodeDecodeError) as problem:
        raise error(f"the Parquet file is damaged ({problem}). {remedy}") from problem


class ParquetColumn:
    """A text column of a Parquet file by row number, holding a few rows and one page in memory.

    Reading forward streams the pages of a row group; going back opens the group again. How large
    a page is was decided when the file was written: at most a row group, twice if dictionary
    coded.
    """

    def __init__(self, file: pq.ParquetFile, column: str) -> None:
        self._file = file
        self._column = column
        groups = range(file.metadata.num_row_groups)
        sizes = [file.metadata.row_group(group).num_rows for group in groups]
        self._starts = np.cumsum([0, *sizes])
        self._group = -1
        self._first = 0
        self._values: list[bytes] = []
        self._batches: Iterator[Any] = iter(())

    def __call__(self, row: int) -> bytes:
        """Return the bytes of a row, empty for null; raise DataError for a damaged page."""
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        if group != self._group or row < self._first:
            self._group, self._first, self._values = group, int(self._starts[group]), []
            self._batches = self._file.iter_batches(
                ROWS_PER_BATCH, row_groups=[group], columns=[self._column]
            )
        while row >= self._first + len(self._values):
            self._advance(row)
        return self._values[row - self._first]

    def _advance(self, row: int) -> None:
        try:
            batch = next(self._batches)
        except (OSError, pa.ArrowException) as problem:
            raise DataError(
                f"the text of row {row} cannot be read ({problem}): "
                "the Parquet file is damaged. Copy or write it again."
            ) from problem
        self._first += len(self._values)
        # As bytes, because Arrow's own decoding would not say which film is broken.
        raw = batch.column(0).cast(pa.large_binary()).to_pylist()
        self._values = [value or b"" for value in raw]
