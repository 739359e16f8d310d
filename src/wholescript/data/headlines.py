"""Titles of Hacker News posts: where they come from, and which are held out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wholescript.data.films.guards import require_columns
from wholescript.data.labelled.tables import read_table
from wholescript.errors import DataError, ParameterError
from wholescript.files import sha256_of

HUB_DATASET = "julien040/hacker-news-posts"
SHUFFLE_SEED = 1337
N_HEADLINES = 100_000
VAL_ONE_IN = 10  # one title of so many
TEXT_COLUMN = "title"


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
    path: Path | None = None, *, n_headlines: int = N_HEADLINES, revision: str = "main"
) -> Headlines:
    """Return the first `n_headlines`, the last tenth of which is for validation.

    From a local table with a column `title` they are taken in its order. Without a path they come
    from the hub, shuffled with 1337, as in the task that this study is of.

    Raises:
        DataError: the file cannot be read, or there are fewer titles than asked for.
        ParameterError: fewer than ten titles are asked for.
    """
    if n_headlines < VAL_ONE_IN:
        raise ParameterError(
            f"n_headlines={n_headlines}: one of {VAL_ONE_IN} is held out, so take as many"
        )
    if path is not None:
        rows = read_table(path).rows
        require_columns(list(rows), (TEXT_COLUMN,), path.name)
        return split_headlines(rows[TEXT_COLUMN], n_headlines, "local", sha256_of(path))
    from datasets import load_dataset
    from huggingface_hub import HfApi

    try:
        commit = HfApi().dataset_info(HUB_DATASET, revision=revision).sha or revision
        found = load_dataset(HUB_DATASET, split="train", revision=commit).shuffle(seed=SHUFFLE_SEED)
        rows = min(n_headlines + n_headlines // 100, len(found))  # some may be empty
        column = pd.Series(found.select(range(rows))[TEXT_COLUMN])
    except Exception as problem:  # whatever a network may raise
        raise DataError(
            f"{HUB_DATASET} cannot be had from the hub ({type(problem).__name__}: {problem}). Give a local "
            f"table with a column {TEXT_COLUMN!r} in its place; its numbers are not those of the hub"
        ) from None
    return split_headlines(column, n_headlines, "hub", commit)


def split_headlines(
    column: pd.Series, n_headlines: int, source: str, fingerprint: str
) -> Headlines:
    """Return the first `n_headlines` of a column, cleaned, with the last tenth held out.

    Raises:
        DataError: there are fewer.
    """
    cleaned = [title.strip() for title in column.dropna().astype(str)]
    kept = [title for title in cleaned if title][:n_headlines]
    if len(kept) < n_headlines:
        raise DataError(
            f"there are {len(kept)} titles that are not empty, {n_headlines} are asked for: ask for "
            "fewer, or give a larger file"
        )
    train = n_headlines - n_headlines // VAL_ONE_IN
    return Headlines(kept[:train], kept[train:], source, fingerprint)
