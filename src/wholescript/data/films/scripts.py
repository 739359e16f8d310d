"""The scripts of a corpus, read one at a time and never all held in memory."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from wholescript.data.characters import normalize_unicode
from wholescript.data.films.checks import find_text_error, raise_for_unreadable
from wholescript.errors import DataError

ROWS_PER_BATCH = 8


class ScreenplayTexts(Mapping[str, str]):
    """The scripts of a corpus by film id, in the order of the corpus, read on access.

    `read` returns the UTF-8 bytes of a row of the source; `rows` maps film ids to rows. Iterating
    over the films in the order of the source reads it once.
    """

    def __init__(self, rows: Mapping[str, int], read: Callable[[int], bytes]) -> None:
        self._rows = dict(rows)
        self._read = read

    def __getitem__(self, film_id: str) -> str:
        """Return a script; raise KeyError for an unknown id, DataError for an unusable text."""
        raw = self.raw(film_id)
        if error := find_text_error(raw):
            raise_for_unreadable({film_id: error})
        return raw.decode()

    def __iter__(self) -> Iterator[str]:
        """Iterate over the film ids in order."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self._rows)

    def raw(self, film_id: str) -> bytes:
        """Return the bytes of a script, unchecked.

        If they are UTF-8 they are composed (NFC) and without invisible characters.
        """
        raw = self._read(self._rows[film_id])
        try:
            return raw if raw.isascii() else normalize_unicode(raw.decode()).encode()
        except UnicodeDecodeError:  # which `find_text_error` tells
            return raw

    def select(self, film_ids: Iterable[str]) -> "ScreenplayTexts":
        """Return the scripts of these films only."""
        return ScreenplayTexts({film_id: self._rows[film_id] for film_id in film_ids}, self._read)


def measure_texts(texts: ScreenplayTexts) -> pd.DataFrame:
    """Read every script once and return n_chars, n_words (int64) and text_sha1 (str) per film.

    Words are separated by white space. Raises DataError with the number of films whose text is
    empty, binary or not UTF-8, and up to five of them.
    """
    found: dict[str, tuple[int, int, str]] = {}
    errors: dict[str, str] = {}
    for film_id in texts:
        raw = texts.raw(film_id)
        if error := find_text_error(raw):
            errors[film_id] = error
        else:
            text = raw.decode()
            found[film_id] = len(text), len(text.split()), hashlib.sha1(raw).hexdigest()
    raise_for_unreadable(errors)
    return pd.DataFrame.from_dict(
        found, orient="index", columns=["n_chars", "n_words", "text_sha1"]
    )


class ParquetColumn:
    """A text column of a Parquet file by row number, with a few rows and one page in memory.

    Reading forward streams the pages of a row group; reading backward starts the group again. The
    writer of the file chose the page size: at most a row group, twice that if dictionary coded.
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
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"the text of row {row} cannot be read ({error}): "
                "the Parquet file is damaged. Copy or write it again."
            ) from error
        self._first += len(self._values)
        # As bytes: an error of Arrow's own decoding would not name the film.
        raw = batch.column(0).cast(pa.large_binary()).to_pylist()
        self._values = [value or b"" for value in raw]
