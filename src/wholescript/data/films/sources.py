"""The three sources of films: the bundled table, a local file, and the Hugging Face Hub."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from wholescript.data.checks import require_columns
from wholescript.data.films.checks import check_ids, check_present
from wholescript.data.films.fields import ReadRow, fields_of, read_joined
from wholescript.data.films.labels import (
    AWARDS_SOURCE,
    TARGETS,
    award_labels,
    read_awards,
    to_bool_labels,
)
from wholescript.data.films.scripts import ParquetColumn, ScreenplayTexts
from wholescript.data.hub import load_hub_dataset
from wholescript.data.tables import open_parquet, read_columns
from wholescript.errors import BundleError, DataError, WholeScriptError

if TYPE_CHECKING:
    from datasets import Dataset

HUB_NAME = "Francis2003/Movie-O-Label"
HUB_REVISION = "edc41f9"
HUB_COLUMNS = ("movie_name", "imdb_id", "title", "year", "nominated")
HUB_TEXTS = ("script_clean", "script_plain", "script")
SUMMARY = "summary"

FILM_COLUMNS = ("film_id", "title", "year")
BUNDLED_COLUMNS = (*FILM_COLUMNS, "source", *TARGETS, "core", "n_words", "group", "text_sha1")
LOCAL_DEFAULTS = {"source": "local", "core": True}
LOCAL_OPTIONAL = (*LOCAL_DEFAULTS, *TARGETS, "group", "split")

BUNDLED_HINT = (
    "Restore it from the repository or write it with `wholescript data features`; "
    "or use a local file (source='local', path=...) or the hub (source='hub')."
)
LOCAL_HINT = (
    "Give the path of a complete Parquet file; or use the bundled films (source='bundled') or the "
    "hub (source='hub')."
)
HUB_HINT = (
    "Without a network use the bundled films (source='bundled') or a local file "
    "(source='local', path=...)."
)


@dataclass(frozen=True)
class FilmSource:
    """The films of a source: a table with uniform dtypes, how to read their texts, the location.

    `films` has film_id, title (str), year (int64), source (str), core (bool), the labels that the
    source has (bool), and group, split and measures where it has them. `readers` has a function
    for each of `FIELDS` that the source has, none where it has no texts. `read_column` returns any
    of `columns`, row by row as `films`.
    """

    films: pd.DataFrame
    location: str
    readers: Mapping[str, ReadRow] = field(default_factory=dict)
    columns: Sequence[str] = ()
    read_column: Callable[[str], pa.ChunkedArray] | None = None

    def texts(self, fields: Sequence[str]) -> ScreenplayTexts | None:
        """Return the texts of all films, of several fields joined; None without one of them."""
        if not set(fields) <= set(self.readers):
            return None
        rows = {film_id: row for row, film_id in enumerate(self.films["film_id"])}
        return ScreenplayTexts(rows, read_joined({name: self.readers[name] for name in fields}))


def read_bundled(folder: Path) -> FilmSource:
    """Read the table of the bundle in `folder`; raise BundleError if it is unusable."""
    path = folder / "films.parquet"
    file = open_parquet(path, BUNDLED_HINT, BundleError)
    films = read_columns(file, file.schema_arrow.names, BUNDLED_HINT, BundleError)
    require_columns(list(films), BUNDLED_COLUMNS, path.name, BundleError)
    return FilmSource(_check_and_cast(films, BundleError), f"{folder.name}/{path.name}")


def read_local(path: Path, target: str, fields: str = "script") -> FilmSource:
    """Read a local Parquet file of films.

    It needs film_id, title, year, the column of the target, and those of the `fields`: text has the
    script, summary the summary. source, core, the other labels, group and split are optional.
    Raises DataError for a missing or invalid column.
    """
    file = open_parquet(path, LOCAL_HINT)
    present = file.schema_arrow.names
    columns = {"script": "text", SUMMARY: SUMMARY}
    needed = [columns[name] for name in reversed(fields_of(fields)) if name in columns]
    require_columns(present, (*FILM_COLUMNS, *needed, target), path.name)
    films = read_columns(
        file, [name for name in present if name in (*FILM_COLUMNS, *LOCAL_OPTIONAL)], LOCAL_HINT
    )
    for column, value in LOCAL_DEFAULTS.items():
        if column not in films:
            films[column] = value
    films = _check_and_cast(films)
    readers: dict[str, ReadRow] = {"title": _read_values(films["title"])}
    for name, column in columns.items():
        if column in needed or _is_text(file, column):
            readers[name] = _text_column(file, column, path.name)

    def read_column(name: str) -> pa.ChunkedArray:
        return file.read(columns=[name]).column(0)

    return FilmSource(films, path.name, readers, present, read_column)


def read_hub(
    target: str,
    *,
    path: Path | None = None,
    revision: str = HUB_REVISION,
    awards_table: Path | str | None = None,
    fields: str = "script",
) -> FilmSource:
    """Load Movie-O-Label from the hub, at a pinned revision, with its splits.

    `path` is a local copy, a folder of the same layout. Of its labels only nominated_for_writing
    is used, because its column `winner` is wrong; all other labels are computed from
    `awards_table` (see `labels.read_awards`). Rows with one IMDb id are films of one group, and
    have the name of the film as their id. Raises DataError when the data set cannot be loaded, a
    column is missing, or the target needs the table and none is given.
    """
    if target != "nominated_for_writing" and awards_table is None:
        raise DataError(
            f"the column `winner` of the hub's data set is wrong, so the label {target!r} is "
            "computed from the Academy Awards. Pass awards_table, their tab separated file, from "
            f"{AWARDS_SOURCE}."
        )
    dataset, splits = _load_hub(path, revision)
    present, columns = dataset.column_names, {"script": HUB_TEXTS, SUMMARY: (SUMMARY,)}
    needed = [column for name in reversed(fields_of(fields)) for column in columns.get(name, ())]
    require_columns(present, (*HUB_COLUMNS, *needed), "the hub's data set")
    raw = dataset.select_columns(list(HUB_COLUMNS)).to_pandas()
    ids = raw["imdb_id"].replace("", None).fillna(raw["movie_name"])
    films = pd.DataFrame(
        {
            "film_id": _distinct_ids(ids, raw["movie_name"]),
            "title": raw["title"],
            # movie_name is title_year: its year is used where the column year is empty.
            "year": raw["year"].fillna(pd.to_numeric(raw["movie_name"].str[-4:], errors="coerce")),
            "source": "movie-o-label",
            "core": True,
            "nominated_for_writing": raw["nominated"],
            "split": splits,
        }
    )
    if ids.duplicated().any():
        films["group"] = ids
    if awards_table is not None:
        labels = award_labels(raw["imdb_id"], read_awards(awards_table))
        films = films.join(labels.drop(columns="nominated_for_writing"))
    films = _check_and_cast(films)
    readers: dict[str, ReadRow] = {"title": _read_values(films["title"])}
    for name, names in columns.items():
        if set(names) <= set(present):
            readers[name] = FirstText(dataset, names)

    def read_column(name: str) -> pa.ChunkedArray:
        return dataset.select_columns([name]).with_format("arrow")[:].column(0)

    location = f"{HUB_NAME}@{revision}" if path is None else path.name
    return FilmSource(films, location, readers, present, read_column)


class FirstText:
    """The text of a row of a data set: the first of several columns that is not empty."""

    def __init__(self, dataset: "Dataset", columns: Sequence[str]) -> None:
        self._dataset, self._columns = dataset.select_columns(list(columns)), columns

    def __call__(self, row: int) -> bytes:
        """Return the UTF-8 bytes of a row, empty where all columns are."""
        texts = self._dataset[row]
        text: str = next((texts[name] for name in self._columns if texts[name]), "")
        return text.encode(errors="surrogatepass")


def _distinct_ids(ids: pd.Series, names: pd.Series) -> pd.Series:
    """Return ids without repetition: a repeated one becomes a name, numbered if that is repeated.

    Of the hub's 2,200 rows, 12 have an IMDb id that another row has too.
    """
    found = ids.where(~ids.duplicated(keep=False), names)
    number = found.groupby(found).cumcount() + 1
    return found.where(number == 1, found + "-" + number.astype(str))


def _is_text(file: pq.ParquetFile, column: str) -> bool:
    schema = file.schema_arrow
    types = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    return column in schema.names and schema.field(column).type in types


def _text_column(file: pq.ParquetFile, column: str, where: str) -> ParquetColumn:
    """Return the reader of a text column; raise DataError if it has another type."""
    if not _is_text(file, column):
        dtype = file.schema_arrow.field(column).type
        raise DataError(f"the column {column!r} of {where} is {dtype}; it must be text.")
    return ParquetColumn(file, column)


def _read_values(values: "pd.Series[str]") -> ReadRow:
    """Return a function that reads a row of a column in memory."""
    texts = values.tolist()
    return lambda row: texts[row].encode(errors="surrogatepass")


def _load_hub(path: Path | None, revision: str) -> tuple["Dataset", list[str]]:
    import datasets  # slow to import, and needed for this source only

    if path is None:
        loaded, _ = load_hub_dataset(HUB_NAME, revision=revision, hint=HUB_HINT)
    else:
        loaded, _ = load_hub_dataset(str(path), hint=HUB_HINT)
    splits = [name for name, part in loaded.items() for _ in range(len(part))]
    return datasets.concatenate_datasets(list(loaded.values())), splits


def _check_and_cast(films: pd.DataFrame, error: type[WholeScriptError] = DataError) -> pd.DataFrame:
    try:
        check_ids(films["film_id"])
        names = [name for name in ("film_id", "title", "source", "split") if name in films]
        for name in names:
            check_present(films["film_id"], films[name].notna(), name)
        films = films.astype(dict.fromkeys(names, str))
        for name in (*TARGETS, "core"):
            if name in films:
                films[name] = to_bool_labels(films[name], name)
        years = pd.to_numeric(films["year"], errors="coerce")
        check_present(films["film_id"], years % 1 == 0, "year")
        films["year"] = years.astype("int64")
        if "group" in films:
            films["group"] = films["group"].fillna(films["film_id"]).astype(str)
    except DataError as cause:
        raise error(str(cause)) from cause
    return films
