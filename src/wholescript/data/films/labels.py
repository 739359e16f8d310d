"""The labels of films, and how they are computed from the table of Academy Awards."""

import csv
from pathlib import Path

import pandas as pd

from wholescript.data.checks import require_columns
from wholescript.errors import DataError, ParameterError, did_you_mean

TARGETS = {
    "nominated_for_writing": "Nominated for a writing Oscar",
    "won_writing": "Won a writing Oscar",
    "nominated": "Nominated for any Oscar",
    "won": "Won any Oscar",
}
NOMINATION_OF = {"won_writing": "nominated_for_writing", "won": "nominated"}
"""The nomination that each award requires."""
AWARDS_SOURCE = "https://github.com/DLu/oscar_data/raw/c5e9716b/oscars.csv"


def check_target(target: str) -> None:
    """Raise ParameterError, suggesting the nearest name, when `target` is not one of TARGETS."""
    if target not in TARGETS:
        raise ParameterError(f"no target {target!r}{did_you_mean(target, TARGETS)}")


def to_bool_labels(column: pd.Series, name: str) -> "pd.Series[bool]":
    """Return `column` as bool; raise DataError unless all values are true/false or 0/1."""
    invalid = column[~column.isin([0, 1])]  # True == 1; a missing value is invalid
    if len(invalid):
        raise DataError(
            f"the column {name!r} has {invalid.iloc[0]!r} in {len(invalid)} row(s): "
            "a label is true or false (or 1 or 0); leave unlabelled films out."
        )
    return column.astype(bool)


def read_awards(location: Path | str) -> pd.DataFrame:
    """Read a table of Academy Awards: one row per nomination of a film, competitive awards only.

    `location` is a file or a URL with the format of `DLu/oscar_data`: tab separated, with the
    columns Class, FilmId (IMDb ids, several joined by "|") and Winner. The result has the columns
    imdb_id (str), writing (bool) and winner (bool). Honorary and special awards are left out,
    since they have no nominations. Raises DataError when the table cannot be read.
    """
    try:
        # Fields are not quoted, and some contain quotation marks.
        table = pd.read_csv(location, sep="\t", dtype=str, quoting=csv.QUOTE_NONE)
    except (OSError, ValueError) as error:
        raise DataError(
            f"the awards table cannot be read ({error}). Take it from {AWARDS_SOURCE}."
        ) from error
    require_columns(list(table), ["Class", "FilmId", "Winner"], "the awards table")
    table = table[table["FilmId"].notna() & (table["Class"] != "Special")]
    table = table.assign(imdb_id=table["FilmId"].str.split("|")).explode("imdb_id")
    return pd.DataFrame(
        {
            "imdb_id": table["imdb_id"],
            "writing": table["Class"] == "Writing",
            "winner": table["Winner"] == "True",
        }
    ).reset_index(drop=True)


def award_labels(imdb_ids: "pd.Series[str]", awards: pd.DataFrame) -> pd.DataFrame:
    """Return the four label columns (n, 4), bool, of films by their IMDb ids.

    `awards` is what `read_awards` returns. A film that is not in the table, or has no id, counts
    as not nominated. The index is that of `imdb_ids`.
    """
    writing, winner = awards["writing"], awards["winner"]
    rows = {
        "nominated_for_writing": awards[writing],
        "won_writing": awards[writing & winner],
        "nominated": awards,
        "won": awards[winner],
    }
    return pd.DataFrame({name: imdb_ids.isin(row["imdb_id"]) for name, row in rows.items()})
