"""Headlines: loading, cleaning, and the split into training and validation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from wholescript.data.checks import require_columns
from wholescript.data.tables import check_is_file, read_table
from wholescript.errors import DataError, ParameterError
from wholescript.files import sha256_of

BUNDLED_FILE = Path("data/headlines/headlines.parquet")  # in the repository
BUNDLED_SHA256 = "dc6a7229ed42942b7181e7f968775a3a585742ce4e7e1b30cd212eedee970bb0"
HUB_DATASET = "julien040/hacker-news-posts"
HUB_REVISION = "9e21b0f3c36bd7ce50b741ce966297a7f73cae38"
SHUFFLE_SEED = 1337
N_HEADLINES = 100_000
VAL_ONE_IN = 10  # one headline in ten is for validation
TEXT_COLUMN = "title"  # of the bundled file and of the hub data set


@dataclass(frozen=True)
class Headlines:
    """Training and validation headlines, in order, stripped, none empty.

    `source` is `bundled`, `local` or `hub`: numbers on different headlines are not comparable.
    `fingerprint` is the SHA-256 of the bundled file, that of another file and its shuffle, or the
    commit of the hub data set.
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

    def first(self, n_headlines: int) -> "Headlines":
        """Return the first `n_headlines`, or all if there are fewer, in two splits of their own."""
        kept = [*self.train, *self.validation][:n_headlines]
        n_train = len(kept) - len(kept) // VAL_ONE_IN
        return replace(self, train=kept[:n_train], validation=kept[n_train:])


def load_headlines(
    path: Path | None = None,
    *,
    n_headlines: int | None = N_HEADLINES,
    text_column: str = TEXT_COLUMN,
    source: str = "local",
    dataset: str = HUB_DATASET,
    revision: str = "main",
) -> Headlines:
    """Return the first `n_headlines`; the last tenth of them is for validation.

    A local file is a table with the column `text_column`, or a `.txt` file with a headline a line;
    `source` names it. Without a path the headlines come from a hub data set. Both are shuffled with
    seed 1337, as in the original task: the first and the last of a file that is sorted, by date or
    alphabetically, differ from the others. Only the bundled file is in random order already, which
    is kept. `n_headlines=None` means all of a file.

    Raises:
        DataError: the file or the hub cannot be read, or has fewer than `n_headlines`.
        ParameterError: `n_headlines` is below ten.
    """
    if n_headlines is not None and n_headlines < VAL_ONE_IN:
        raise ParameterError(
            f"n_headlines={n_headlines} must be at least {VAL_ONE_IN}: one in {VAL_ONE_IN} is for "
            "validation"
        )
    if path is not None:
        is_text = path.suffix.lower() == ".txt"
        column = _read_lines(path) if is_text else _read_column(path, text_column)
        sha256 = sha256_of(path)
        if sha256 == BUNDLED_SHA256:
            return split_headlines(column, n_headlines, source, sha256)
        shuffled = column.sample(frac=1, random_state=SHUFFLE_SEED)
        return split_headlines(shuffled, n_headlines, source, f"{sha256}-shuffled-{SHUFFLE_SEED}")
    column, commit = _load_hub_column(dataset, revision, text_column, n_headlines or N_HEADLINES)
    return split_headlines(column, n_headlines, "hub", commit)


def split_headlines(
    column: pd.Series, n_headlines: int | None, source: str, fingerprint: str
) -> Headlines:
    """Strip headlines, drop empty ones, and return the first `n_headlines` in two splits.

    Raises:
        DataError: there are fewer.
    """
    stripped = [headline.strip() for headline in column.dropna().astype(str)]
    kept = [headline for headline in stripped if headline]
    n_wanted = len(kept) if n_headlines is None else n_headlines
    if len(kept) < n_wanted:
        raise DataError(
            f"n_headlines={n_wanted}, but there are only {len(kept)} headlines that are not "
            "empty: lower n_headlines or give a larger file"
        )
    return Headlines(kept, [], source, fingerprint).first(n_wanted)


def _read_column(path: Path, text_column: str) -> pd.Series:
    table = read_table(path).frame
    require_columns(list(table), (text_column,), path.name, options={text_column: "--text-column"})
    return table[text_column]


def _read_lines(path: Path) -> pd.Series:
    check_is_file(path)
    try:
        return pd.Series(path.read_text(encoding="utf-8-sig").split("\n"), dtype=str)
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 ({error}): save it as UTF-8") from None


def _load_hub_column(
    dataset: str, revision: str, text_column: str, n_headlines: int
) -> tuple[pd.Series, str]:
    """Return the first headlines of a hub data set, some more than asked for, and its commit."""
    from datasets import load_dataset
    from huggingface_hub import HfApi

    try:
        commit = HfApi().dataset_info(dataset, revision=revision).sha or revision
        rows = load_dataset(dataset, split="train", revision=commit).shuffle(seed=SHUFFLE_SEED)
        n_rows = min(n_headlines + n_headlines // 100, len(rows))  # some may be empty
        return pd.Series(rows.select(range(n_rows))[text_column]), commit
    except Exception as problem:  # any network error
        raise DataError(
            f"{dataset} cannot be loaded from the hub ({type(problem).__name__}: {problem}); "
            f"give a local table with a column {text_column!r} instead, whose numbers are not "
            "comparable with those of the hub data set"
        ) from None
