"""Titles of Hacker News posts: where they come from, and which are held out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wholescript.data.films.guards import require_columns
from wholescript.data.labelled.tables import read_table
from wholescript.errors import DataError, ParameterError
from wholescript.files import sha256_of

HUB = "julien040/hacker-news-posts"
SHUFFLE = 1337
TITLES = 100_000
HELD_OUT = 10  # one title of so many
COLUMN = "title"


@dataclass(frozen=True)
class Headlines:
    """Titles to learn from and to be judged by, in order; none is empty or ends with a space.

    `source` is `hub` or `local`: numbers of one are never set beside those of the other.
    `fingerprint` is the SHA-256 of the file, or the commit of the hub.
    """

    train: Sequence[str]
    validation: Sequence[str]
    source: str
    fingerprint: str

    @property
    def counts(self) -> dict[str, int]:
        """How many titles there are on either side."""
        return {"train": len(self.train), "validation": len(self.validation)}

    @property
    def shared(self) -> float:
        """The share of validation titles that also stand in training."""
        known = set(self.train)
        return sum(title in known for title in self.validation) / len(self.validation)


def load_headlines(
    path: Path | None = None, *, titles: int = TITLES, revision: str = "main"
) -> Headlines:
    """Return the first `titles`, the last tenth of which is for validation.

    From a local table with a column `title` they are taken in its order. Without a path they come
    from the hub, shuffled with 1337, as in the task that this study is of.

    Raises:
        DataError: the file cannot be read, or there are fewer titles than asked for.
        ParameterError: fewer than ten titles are asked for.
    """
    if titles < HELD_OUT:
        raise ParameterError(f"titles={titles}: one of {HELD_OUT} is held out, so take as many")
    if path is not None:
        rows = read_table(path).rows
        require_columns(list(rows), (COLUMN,), path.name)
        return divided(rows[COLUMN], titles, "local", sha256_of(path))
    from datasets import load_dataset
    from huggingface_hub import HfApi

    try:
        commit = HfApi().dataset_info(HUB, revision=revision).sha or revision
        found = load_dataset(HUB, split="train", revision=commit).shuffle(seed=SHUFFLE)
        rows = min(titles + titles // 100, len(found))  # some may be empty
        column = pd.Series(found.select(range(rows))[COLUMN])
    except Exception as problem:  # whatever a network may raise
        raise DataError(
            f"{HUB} cannot be had from the hub ({type(problem).__name__}: {problem}). Give a local "
            f"table with a column {COLUMN!r} in its place; its numbers are not those of the hub"
        ) from None
    return divided(column, titles, "hub", commit)


def divided(column: pd.Series, titles: int, source: str, fingerprint: str) -> Headlines:
    """Return the first `titles` of a column, cleaned, with the last tenth held out.

    Raises:
        DataError: there are fewer.
    """
    cleaned = [title.strip() for title in column.dropna().astype(str)]
    kept = [title for title in cleaned if title][:titles]
    if len(kept) < titles:
        raise DataError(
            f"there are {len(kept)} titles that are not empty, {titles} are asked for: ask for "
            "fewer, or give a larger file"
        )
    train = titles - titles // HELD_OUT
    return Headlines(kept[:train], kept[train:], source, fingerprint)
