"""Where labelled documents come from: the Hugging Face Hub or local files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wholescript.data.checks import list_some
from wholescript.data.datasets import DATASETS, RegisteredDataset
from wholescript.data.delimited import Quoting
from wholescript.data.hub import load_hub_dataset
from wholescript.data.labelled.splits import (
    SPLIT_ALIASES,
    SPLITS,
    read_split,
    split_files,
    unused_files,
)
from wholescript.data.tables import (
    SUFFIXES,
    Table,
    TextFormat,
    class_names_from_features,
    split_name,
)
from wholescript.errors import DataError, ParameterError, did_you_mean
from wholescript.files import find_matches, looked_in, sha256_of, similar_name

HUB_HINT = (
    "Without a network give a local copy: --path FOLDER with files named train and test "
    f"({', '.join(SUFFIXES)})."
)

HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")


@dataclass(frozen=True)
class LabelledSource:
    """The tables of a data set as published, and where they are from.

    `splits` has train and, where published, validation, test and unsupervised. `revision` is the
    commit on the hub, `files` the SHA-256 of each local file. `origins` are the files or the splits
    of the hub that each split is from, and `left_out` those that belong to no split.
    """

    name: str
    location: str
    splits: Mapping[str, Table]
    revision: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    registered: RegisteredDataset | None = None
    origins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    left_out: Sequence[str] = ()


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
    if registered is None:
        _check_hub_name(dataset)
    name = _check_name(name or dataset.split("/")[-1])
    hub_name = registered.hub_name if registered else dataset
    revision = revision or (registered.revision if registered else "main")
    return _load_from_hub(name, hub_name, registered, subset, revision)


def _load_local(
    name: str, path: Path, registered: RegisteredDataset | None, text_format: TextFormat
) -> LabelledSource:
    found = split_files(path)
    splits = {split: read_split(files, text_format) for split, files in found.items()}
    folder = path if path.is_dir() else path.parent
    origins = {
        split: [file.relative_to(folder).as_posix() for file in files]
        for split, files in found.items()
    }
    used = [file for files in found.values() for file in files]
    return LabelledSource(
        name,
        path.name,
        splits,
        files={file.relative_to(folder).as_posix(): sha256_of(file) for file in used},
        registered=registered,
        origins=origins,
        left_out=unused_files(path, used),
    )


def _load_from_hub(
    name: str,
    hub_name: str,
    registered: RegisteredDataset | None,
    subset: str | None,
    revision: str,
) -> LabelledSource:
    absent = "" if registered else f"There is no file or folder {hub_name} in {Path.cwd()} either. "
    loaded, commit = load_hub_dataset(
        hub_name, subset=subset, revision=revision, hint=absent + HUB_HINT
    )
    origins: dict[str, list[str]] = {}
    for published in loaded:
        if published in SPLIT_ALIASES:
            origins.setdefault(SPLIT_ALIASES[published], []).append(published)
    if "train" not in origins:
        raise DataError(f"{hub_name} has no split train; it has {list_some(list(loaded))}.")
    for split, names in origins.items():
        if len(names) > 1:
            raise DataError(
                f"{hub_name} has more than one {split} split: {list_some(names)}. Save those to "
                "use as files named train, validation and test, and give their folder."
            )
    splits = {}
    for split in SPLITS:
        if split in origins:
            part = loaded[origins[split][0]]
            splits[split] = Table(part.to_pandas(), class_names_from_features(part.features))
    return LabelledSource(
        name,
        hub_name,
        splits,
        revision=commit,
        registered=registered,
        origins=origins,
        left_out=[published for published in loaded if published not in SPLIT_ALIASES],
    )


def _check_hub_name(dataset: str) -> None:
    """Raise DataError unless `dataset`, which is no path here, can be a name on the hub."""
    path = Path(dataset)
    if dataset == "-":
        raise DataError("standard input is not read: give a file or a folder instead of -")
    if matches := sorted(str(match) for match in find_matches(path)):
        raise DataError(
            f"{dataset} is a pattern, which stands for {list_some(matches)}: give one file, or a "
            "folder with files named train, test, ..."
        )
    is_file_name = split_name(path)[1] in SUFFIXES
    if HUB_NAME.fullmatch(dataset) and not is_file_name and not path.parent.is_dir():
        return
    if is_file_name or "/" in dataset or "\\" in dataset:
        raise DataError(f"{dataset} is not a file or a folder{looked_in(path)}")
    raise DataError(
        f"{dataset} is not a file, a folder, owner/name of the hub or a registered data set"
        f"{similar_name(path, DATASETS) or did_you_mean(dataset, DATASETS)}"
    )


def _check_name(name: str) -> str:
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise ParameterError(
            f"{name!r} is not valid as a folder name: --name with letters, digits, . _ + -"
        )
    return name
