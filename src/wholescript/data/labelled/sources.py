"""Where labelled texts come from: the hub, or files of one's own; none stands in for the other."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from wholescript.data.films.guards import list_some
from wholescript.data.labelled.tables import (
    SPLIT_ALIASES,
    SPLITS,
    SUFFIXES,
    Table,
    class_names_from_features,
    read_split,
    split_files,
)
from wholescript.errors import DataError, ParameterError
from wholescript.files import sha256_of

if TYPE_CHECKING:
    from datasets import Dataset

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class RegisteredDataset:
    """A published set: its name on the hub, a pinned revision, its columns and classes.

    `classes` are named here where the hub's own names say nothing or differ from a local copy.
    """

    hub_name: str
    revision: str
    classes: tuple[str, ...] = ()
    text_column: str = "text"
    label_column: str = "label"


SENTIMENT_CLASSES = ("negative", "positive")
DATASETS = {
    # The main branch of this one is a loading script, which `datasets` no longer runs: the pinned
    # revision holds Parquet.
    "banking77": RegisteredDataset("PolyAI/banking77", "1fb62b1bb4635df59a8e1b2f2bc5e0643b2856c8"),
    "ag_news": RegisteredDataset(
        "fancyzhx/ag_news",
        "eb185aade064a813bc0b7f42de02595523103ca4",
        ("World", "Sports", "Business", "Sci/Tech"),
    ),
    "imdb": RegisteredDataset(
        "stanfordnlp/imdb", "e6281661ce1c48d982bc483cf8a173c1bbeb5d31", SENTIMENT_CLASSES
    ),
    # No commit is pinned: the one that `main` was at is written into the metadata.
    "yelp_polarity": RegisteredDataset("fancyzhx/yelp_polarity", "main", SENTIMENT_CLASSES),
}


@dataclass(frozen=True)
class LabelledSource:
    """Tables as published, and where that was.

    `splits` has train and, where published, validation, test and unsupervised. `revision` is the
    commit of the hub, `files` the SHA-256 of each local file.
    """

    name: str
    location: str
    splits: Mapping[str, Table]
    revision: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    registered: RegisteredDataset | None = None


def load_source(
    dataset: str,
    path: Path | None = None,
    *,
    name: str | None = None,
    subset: str | None = None,
    revision: str | None = None,
    encoding: str = "utf-8",
) -> LabelledSource:
    """Read the set `dataset`: a known name, the path of a file or a folder, or a name of the hub.

    With `path` the texts come from there, and a known `dataset` says how they are laid out. A
    known name wins over a folder called the same: write ./imdb for the folder.

    Args:
        dataset: one of KNOWN, a path, or owner/name of the hub.
        path: a Parquet, CSV, TSV or JSON lines file, or a folder of them (`tables.split_files`).
        name: what the set is called from here on; default after the data set or the file.
        subset: of a hub's set that has several.
        revision: of the hub's set, a commit or a branch; default the pinned one, else `main`.
        encoding: of local text files.

    Raises:
        DataError: there is no such set, or it cannot be read.
        ParameterError: the name cannot be that of a folder, or the encoding is unknown.
    """
    registered = DATASETS.get(dataset)
    if path is None and registered is None and Path(dataset).exists():
        path = Path(dataset)
    if path is not None:
        called = name or (path.stem if Path(dataset) == path else dataset)
        return _local(_checked(called), path, registered, encoding)
    if registered is None and ("/" not in dataset or Path(dataset).suffix in SUFFIXES):
        near = get_close_matches(dataset, DATASETS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"{dataset} is no file, no folder and no known set ({', '.join(DATASETS)}).{hint} "
            "A set of the hub is called owner/name."
        )
    hub_name = registered.hub_name if registered else dataset
    revision = revision or (registered.revision if registered else "main")
    return _hub(_checked(name or dataset.split("/")[-1]), hub_name, registered, subset, revision)


def _local(
    name: str, path: Path, registered: RegisteredDataset | None, encoding: str
) -> LabelledSource:
    found = split_files(path)
    splits = {split: read_split(files, encoding) for split, files in found.items()}
    hashes = {
        file.relative_to(path).as_posix() if path.is_dir() else file.name: sha256_of(file)
        for files in found.values()
        for file in files
    }
    return LabelledSource(name, path.name, splits, files=hashes, registered=registered)


def _hub(
    name: str,
    hub_name: str,
    registered: RegisteredDataset | None,
    subset: str | None,
    revision: str,
) -> LabelledSource:
    import datasets  # slow to import, and needed for this source only

    try:
        # The steps of load_dataset, whose builder tells the commit behind a branch's name.
        builder = datasets.load_dataset_builder(hub_name, subset, revision=revision)
        builder.download_and_prepare()
        loaded = builder.as_dataset()
    # Offline, absent, gated and damaged data sets each raise another of its many errors.
    except Exception as problem:
        raise DataError(
            f"{hub_name} cannot be loaded from the hub at {revision} ({problem}). Without a network "
            f"give a copy: --path FOLDER with files named train and test ({', '.join(SUFFIXES)})."
        ) from problem
    parts = {SPLIT_ALIASES[split]: part for split, part in loaded.items() if split in SPLIT_ALIASES}
    if "train" not in parts:
        raise DataError(f"{hub_name} has no split train; it has {list_some(list(loaded))}.")
    splits = {split: _table(parts[split]) for split in SPLITS if split in parts}
    commit = builder.hash if COMMIT.fullmatch(builder.hash or "") else revision
    return LabelledSource(name, hub_name, splits, revision=commit, registered=registered)


def _table(part: "Dataset") -> Table:
    return Table(part.to_pandas(), class_names_from_features(part.features))


def _checked(name: str) -> str:
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise ParameterError(f"{name!r} cannot name a folder: --name with letters, digits, . _ + -")
    return name
