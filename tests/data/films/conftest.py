"""Small made-up corpora in the formats of the sources."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import datasets
import pandas as pd
import pytest

WORDS = [
    "harbour",
    "lantern",
    "ferry",
    "sister",
    "letter",
    "storm",
    "kitchen",
    "quarrel",
    "piano",
    "border",
]


def script(number: int) -> str:
    """Return a made-up scene that is different for each number."""
    first, second = WORDS[number % 10], WORDS[number // 10 % 10]
    return f"INT. {first.upper()} - NIGHT\nShe looks for the {second}, take {number}. Café.\n"


@pytest.fixture
def films() -> pd.DataFrame:
    """40 films with texts: every fourth is nominated, every eighth a winner."""
    numbers = range(40)
    return pd.DataFrame(
        {
            "film_id": [f"tt{number:07d}" for number in numbers],
            "title": [f"Film {number}" for number in numbers],
            "year": [1980 + number for number in numbers],
            "nominated_for_writing": [number % 4 == 0 for number in numbers],
            "won_writing": [number % 8 == 0 for number in numbers],
            "text": [script(number) for number in numbers],
        }
    )


@pytest.fixture
def save_films(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a table as a Parquet file and returns its path."""

    def write(table: pd.DataFrame, **options: object) -> Path:
        path = tmp_path / "own.parquet"
        table.to_parquet(path, index=False, **options)
        return path

    return write


@pytest.fixture
def bundle(films: pd.DataFrame, tmp_path: Path) -> Path:
    """A folder with films.parquet of the bundle; the last five films have core=False."""
    table = films.assign(
        nominated=films["nominated_for_writing"],
        won=films["won_writing"],
        source="made-up",
        core=films.index < 35,
        n_words=9,
        group=films["film_id"],
        text_sha1=[hashlib.sha1(text.encode()).hexdigest() for text in films["text"]],
    )
    folder = tmp_path / "data"
    folder.mkdir()
    table.drop(columns="text").to_parquet(folder / "films.parquet", index=False)
    return folder


@pytest.fixture
def hub_folder(
    films: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Return a function that writes the hub's three splits; keyword arguments replace columns."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def write(**replaced: object) -> Path:
        nominated = films["nominated_for_writing"].astype(int)
        table = pd.DataFrame(
            {
                "movie_name": films["title"] + "_" + films["year"].astype(str),
                "imdb_id": films["film_id"],
                "title": films["title"],
                "year": films["year"],
                "summary": "A made-up summary of " + films["title"] + ".",
                "script": "<scene>" + films["text"] + "</scene>",
                "script_plain": films["text"],
                "script_clean": films["text"].str.strip(),
                "nominated": nominated,
                "winner": 1 - nominated,
            }
        ).assign(**replaced)
        folder = tmp_path / "movie-o-label"
        folder.mkdir()
        for name, start, stop in [("train", 0, 24), ("validation", 24, 32), ("test", 32, 40)]:
            table.iloc[start:stop].to_parquet(folder / f"{name}.parquet", index=False)
        return folder

    return write


@pytest.fixture
def awards(tmp_path: Path) -> Path:
    """An awards table with eight of the fourteen columns of the real one."""
    rows = [
        "Ceremony\tYear\tClass\tFilm\tFilmId\tName\tWinner\tNote",
        "1\t1980\tWriting\tFilm 0\ttt0000000\tAda\tTrue\t",
        '1\t1980\tWriting\tFilm 4|Film 8\ttt0000004|tt0000008\tBo "B" Bee\t\t"and so on',
        "1\t1980\tWriting\tFilm 36\ttt0000036\tCy\tTrue\t",
        "1\t1980\tMusic\tFilm 5\ttt0000005\tDi\tTrue\t",
        "1\t1980\tMusic\tFilm 8\ttt0000008\tDi\tTrue\t",
        "1\t1980\tSpecial\tFilm 6\ttt0000006\tEd\tTrue\t",
        "1\t1980\tSciTech\t\t\tA machine\tTrue\t",
    ]
    path = tmp_path / "oscars.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path
