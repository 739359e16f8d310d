"""Hacker News headlines: loading, cleaning, and the split into training and validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wholescript.data.checks import require_columns
from wholescript.data.tables import read_table
from wholescript.errors import DataError, ParameterError
from wholescript.files import sha256_of

HUB_DATASET = "julien040/hacker-news-posts"
SHUFFLE_SEED = 1337
N_HEADLINES = 100_000
VAL_ONE_IN = 10  # one headline in ten is for validation
TEXT_COLUMN = "title"  # of the hub data set and of local files


@dataclass(frozen=True)
class Headlines:
    """Training and validation headlines, in order, stripped, none empty.

    `source` is `hub` or `local`: their numbers are not comparable. `fingerprint` is the SHA-256 of
    the local file, or the commit of the hub data set.
    """

    train: Sequence[str]
    validation: Sequence[str]
    source: str
    fingerprint: str

    @property
    def counts(self) -> dict[str, int]:
        """The number of headlines of each split: `train`, `validation`."""
        return {"train": len(self.train), "validation": len(self.validation)}

    @property
    def val_overlap(self) -> float:
        """The share of validation headlines that are also in the training split."""
        known = set(self.train)
        return sum(headline in known for headline in self.validation) / len(self.validation)


def load_headlines(
    path: Path | None = None, *, n_headlines: int = N_HEADLINES, revision: str = "main"
) -> Headlines:
    """Return the first `n_headlines`; the last tenth of them is for validation.

    A local table needs a column `title`; its order is kept. Without a path the headlines come from
    the hub data set, shuffled with seed 1337 as in the original task.

    Raises:
        DataError: the file or the hub cannot be read, or has fewer than `n_headlines`.
        ParameterError: `n_headlines` is below ten.
    """
    if n_headlines < VAL_ONE_IN:
        raise ParameterError(
            f"n_headlines={n_headlines} must be at least {VAL_ONE_IN}: one in {VAL_ONE_IN} is for "
            "validation"
        )
    if path is not None:
        table = read_table(path).frame
        require_columns(list(table), (TEXT_COLUMN,), path.name)
        return split_headlines(table[TEXT_COLUMN], n_headlines, "local", sha256_of(path))
    from datasets import load_dataset
    from huggingface_hub import HfApi

    try:
        commit = HfApi().dataset_info(HUB_DATASET, revision=revision).sha or revision
        dataset = load_dataset(HUB_DATASET, split="train", revision=commit)
        dataset = dataset.shuffle(seed=SHUFFLE_SEED)
        n_rows = min(n_headlines + n_headlines // 100, len(dataset))  # some may be empty
        column = pd.Series(dataset.select(range(n_rows))[TEXT_COLUMN])
    except Exception as problem:  # any network error
        raise DataError(
            f"{HUB_DATASET} cannot be loaded from the hub ({type(problem).__name__}: {problem}); "
            f"give a local table with a column {TEXT_COLUMN!r} instead, whose numbers are not "
            "comparable with those of the hub data set"
        ) from None
    return split_headlines(column, n_headlines, "hub", commit)


def split_headlines(
    column: pd.Series, n_headlines: int, source: str, fingerprint: str
) -> Headlines:
    """Strip headlines, drop empty ones, and return the first `n_headlines` in two splits.

    Raises:
        DataError: there are fewer.
    """
    stripped = [headline.strip() for headline in column.dropna().astype(str)]
    kept = [headline for headline in stripped if headline][:n_headlines]
    if len(kept) < n_headlines:
        raise DataError(
            f"n_headlines={n_headlines}, but there are only {len(kept)} headlines that are not "
            "empty: lower n_headlines or give a larger file"
        )
    n_train = n_headlines - n_headlines // VAL_ONE_IN
    return Headlines(kept[:n_train], kept[n_train:], source, fingerprint)
