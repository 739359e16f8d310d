"""The three sources of films: the bundled table, a local file, and the Hugging Face Hub."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from wholescript.data.checks import require_columns
from wholescript.data.films.guards import check_ids, check_present
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
    """The films of a source: a table with uniform dtypes, the texts if any, and the location.

    `films` has film_id, title (str), year (int64), source (str), core (bool), the labels that the
    source has (bool), and group, split and measures where it has them.
    """

    films: pd.DataFrame
    texts: ScreenplayTexts | None
    location: str


def read_bundled(folder: Path) -> FilmSource:
    """Read the table of the bundle in `folder`; raise BundleError if it is unusable."""
    path = folder / "films.parquet"
    file = open_parquet(path, BUNDLED_HINT, BundleError)
    films = read_columns(file, file.schema_arrow.names, BUNDLED_HINT, BundleError)
    require_columns(list(films), BUNDLED_COLUMNS, path.name, BundleError)
    return FilmSource(_check_and_cast(films, BundleError), None, f"{folder.name}/{path.name}")


def read_local(path: Path, target: str) -> FilmSource:
    """Read a local Parquet file of films.

    It needs film_id, title, year, text and the column of the target; source, core, the other
    labels, group and split are optional. Raises DataError for a missing or invalid column.
    """
    file = open_parquet(path, LOCAL_HINT)
    present = file.schema_arrow.names
    require_columns(present, (*FILM_COLUMNS, "text", target), path.name)
    dtype = file.schema_arrow.field("text").type
    if dtype not in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()):
        raise DataError(f"the column 'text' of {path.name} is {dtype}; it must be text.")
    columns = [name for name in present if name in (*FILM_COLUMNS, *LOCAL_OPTIONAL)]
    films = read_columns(file, columns, LOCAL_HINT)
    for column, value in LOCAL_DEFAULTS.items():
        if column not in films:
            films[column] = value
    films = _check_and_cast(films)
    return FilmSource(
        films, ScreenplayTexts(_row_numbers(films), ParquetColumn(file, "text")), path.name
    )


def read_hub(
    target: str,
    *,
    path: Path | None = None,
    revision: str = HUB_REVISION,
    awards_table: Path | str | None = None,
) -> FilmSource:
    """Load Movie-O-Label from the hub, at a pinned revision, with its splits.

    `path` is a local copy, a folder of the same layout. Of its labels only nominated_for_writing
    is used, because its column `winner` is wrong; all other labels are computed from
    `awards_table` (see `labels.read_awards`). Raises DataError when the data set cannot be
    loaded, a column is missing, or the target needs the table and none is given.
    """
    if target != "nominated_for_writing" and awards_table is None:
        raise DataError(
            f"the hub's data set has no correct label {target!r}. Pass awards_table, the Academy "
            f"Awards as a tab separated file, from {AWARDS_SOURCE}."
        )
    dataset, splits = _load_hub(path, revision)
    require_columns(dataset.column_names, (*HUB_COLUMNS, *HUB_TEXTS), "the hub's data set")
    raw = dataset.select_columns(list(HUB_COLUMNS)).to_pandas()
    films = pd.DataFrame(
        {
            "film_id": raw["imdb_id"].replace("", None).fillna(raw["movie_name"]),
            "title": raw["title"],
            # movie_name is title_year: its year is used where the column year is empty.
            "year": raw["year"].fillna(pd.to_numeric(raw["movie_name"].str[-4:], errors="coerce")),
            "source": "movie-o-label",
            "core": True,
            "nominated_for_writing": raw["nominated"],
            "split": splits,
        }
    )
    if awards_table is not None:
        labels = award_labels(raw["imdb_id"], read_awards(awards_table))
        films = films.join(labels.drop(columns="nominated_for_writing"))
    films = _check_and_cast(films)
    location = f"{HUB_NAME}@{revision}" if path is None else path.name
    return FilmSource(
        films, ScreenplayTexts(_row_numbers(films), HubScreenplays(dataset)), location
    )


class HubScreenplays:
    """The text of a row of Movie-O-Label: script_clean, else script_plain, else script."""

    def __init__(self, dataset: "Dataset") -> None:
        self._dataset = dataset.select_columns(list(HUB_TEXTS))

    def __call__(self, row: int) -> bytes:
        """Return the UTF-8 bytes of a row, empty where all three columns are."""
        texts = self._dataset[row]
        text: str = next((texts[name] for name in HUB_TEXTS if texts[name]), "")
        return text.encode(errors="surrogatepass")


def _load_hub(path: Path | None, revision: str) -> tuple["Dataset", list[str]]:
    import datasets  # slow to import, and needed for this source only

    if path is None:
        loaded, _ = load_hub_dataset(HUB_NAME, revision=revision, hint=HUB_HINT)
    else:
        loaded, _ = load_hub_dataset(str(path), hint=HUB_HINT)
    splits = [name for name, part in loaded.items() for _ in range(len(part))]
    return datasets.concatenate_datasets(list(loaded.values())), splits


def _row_numbers(films: pd.DataFrame) -> dict[str, int]:
    return {film_id: row for row, film_id in enumerate(films["film_id"])}


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
