"""Where labelled documents come from: the Hugging Face Hub or local files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wholescript.data.checks import list_some
from wholescript.data.datasets import DATASETS, RegisteredDataset
from wholescript.data.delimited import Quoting
from wholescript.data.hub import load_hub_dataset
from wholescript.data.labelled.splits import SPLIT_ALIASES, SPLITS, read_split, split_files
from wholescript.data.tables import (
    SUFFIXES,
    Table,
    TextFormat,
    class_names_from_features,
    split_name,
)
from wholescript.errors import DataError, ParameterError, did_you_mean
from wholescript.files import sha256_of

HUB_HINT = (
    "Without a network give a local copy: --path FOLDER with files named train and test "
    f"({', '.join(SUFFIXES)})."
)


@dataclass(frozen=True)
class LabelledSource:
    """The tables of a data set as published, and where they are from.

    `splits` has train and, where published, validation, test and unsupervised. `revision` is the
    commit on the hub, `files` the SHA-256 of each local file.
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
    delimiter: str | None = None,
    quoting: Quoting | None = None,
) -> LabelledSource:
    """Load the tables of `dataset`: a registered name, a file or folder, or a name on the hub.

    With `path` the documents are read from there, and a registered `dataset` gives the columns and
    classes. A registered name has precedence over a folder of that name: write ./imdb for the
    folder.

    Args:
        dataset: one of DATASETS, a path, or owner/name on the hub.
        path: a Parquet, CSV, TSV or JSON lines file, or a folder of them (`splits.split_files`).
        name: name of the prepared data set; default from the data set or the file.
        subset: configuration name, for a hub data set with several.
        revision: commit or branch on the hub; default the registered one, else `main`.
        encoding: of local text files.
        delimiter: between the fields of local CSV and TSV files; default: detected.
        quoting: of quotation marks in the fields of local CSV and TSV files; default: detected.

    Raises:
        DataError: there is no such data set, or it cannot be read.
        ParameterError: the name is not valid for a folder, the encoding is unknown, or `subset` or
            `revision` is given with local files.
    """
    registered = DATASETS.get(dataset)
    if path is None and registered is None and Path(dataset).exists():
        path = Path(dataset)
    if path is not None:
        for option, value in (("subset", subset), ("revision", revision)):
            if value is not None:
                raise ParameterError(
                    f"--{option} {value} is for data sets of the hub; {path} is on this computer"
                )
        default = split_name(path)[0] if Path(dataset) == path else dataset
        text_format = TextFormat(encoding, delimiter, quoting)
        return _load_local(_check_name(name or default), path, registered, text_format)
    if registered is None and ("/" not in dataset or split_name(Path(dataset))[1] in SUFFIXES):
        raise DataError(
            f"{dataset} is not a file, a folder, owner/name of the hub or a registered data set"
            f"{did_you_mean(dataset, DATASETS)}"
        )
    name = _check_name(name or dataset.split("/")[-1])
    hub_name = registered.hub_name if registered else dataset
    revision = revision or (registered.revision if registered else "main")
    return _load_from_hub(name, hub_name, registered, subset, revision)


def _load_local(
    name: str, path: Path, registered: RegisteredDataset | None, text_format: TextFormat
) -> LabelledSource:
    found = split_files(path)
    splits = {split: read_split(files, text_format) for split, files in found.items()}
    hashes = {
        file.relative_to(path).as_posix() if path.is_dir() else file.name: sha256_of(file)
        for files in found.values()
        for file in files
    }
    return LabelledSource(name, path.name, splits, files=hashes, registered=registered)


def _load_from_hub(
    name: str,
    hub_name: str,
    registered: RegisteredDataset | None,
    subset: str | None,
    revision: str,
) -> LabelledSource:
    loaded, commit = load_hub_dataset(hub_name, subset=subset, revision=revision, hint=HUB_HINT)
    parts = {SPLIT_ALIASES[split]: part for split, part in loaded.items() if split in SPLIT_ALIASES}
    if "train" not in parts:
        raise DataError(f"{hub_name} has no split train; it has {list_some(list(loaded))}.")
    splits = {
        split: Table(parts[split].to_pandas(), class_names_from_features(parts[split].features))
        for split in SPLITS
        if split in parts
    }
    return LabelledSource(name, hub_name, splits, revision=commit, registered=registered)


def _check_name(name: str) -> str:
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise ParameterError(
            f"{name!r} is not valid as a folder name: --name with letters, digits, . _ + -"
        )
    return name
