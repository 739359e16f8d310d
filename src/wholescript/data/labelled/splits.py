"""Which files of a folder belong to which split."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from wholescript.data.checks import list_some
from wholescript.data.tables import HINT, SUFFIXES, Table, TextFormat, read_table, split_name
from wholescript.errors import DataError
from wholescript.files import describe_missing

SPLITS = ("train", "validation", "test", "unsupervised")
# Other names of the splits; the library `datasets` knows the same.
SPLIT_ALIASES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "unsupervised": "unsupervised",
    "unlabelled": "unsupervised",
    "unlabeled": "unsupervised",
}
# Shards of a split on the hub: train-00000-of-00002, or train/0000 in its exports.
SHARD_SUFFIX = re.compile(r"-\d+-of-\d+$|^\d+$")


def split_from_name(name: str) -> str | None:
    """Return the split of a file called `name`, such as `train-00000-of-00002`, or None."""
    found = re.match(r"[a-z]+", name.lower())
    return SPLIT_ALIASES.get(found.group()) if found else None


def split_files(path: Path) -> dict[str, list[Path]]:
    """Find the files of each split at `path`, a file or a folder; a single file is `train`.

    In a folder the split is the start of the file's name, or the name of its subfolder. Numbered
    shards of one split are read together, as on the hub. Raises DataError for a path that does not
    exist, a folder without a train file, and a split with several files that are not shards.
    """
    if not path.exists():
        raise DataError(f"{describe_missing(path)} {HINT}")
    if path.is_file():
        return {"train": [path]}
    files = [file for file in _visible_files(path) if split_name(file)[1] in SUFFIXES]
    found: dict[str, list[Path]] = {}
    for file in files:
        folder = file.parent.relative_to(path).name
        if split := split_from_name(file.stem) or split_from_name(folder):
            found.setdefault(split, []).append(file)
    if not found and len(files) == 1:
        return {"train": files}
    if "train" not in found:
        contents = list_some([file.name for file in files]) or "no table"
        raise DataError(f"the folder {path} has no train file; it has {contents}. {HINT}")
    for split, shards in found.items():
        stems = [split_name(file)[0] for file in shards]
        names = {
            (file.parent, SHARD_SUFFIX.sub("", stem), file.suffix)
            for file, stem in zip(shards, stems, strict=True)
        }
        if len(names) > 1 or (len(shards) > 1 and not SHARD_SUFFIX.search(stems[0])):
            shown = list_some([file.relative_to(path) for file in shards])
            raise DataError(
                f"the folder {path} has more than one {split} file: {shown}. Keep only the one to "
                "use."
            )
    return {split: found[split] for split in SPLITS if split in found}


def unused_files(path: Path, used: Iterable[Path]) -> list[str]:
    """Return the files of a folder that belong to no split, relative to it; of a file none."""
    rest = set(_visible_files(path)) - set(used) if path.is_dir() else ()
    return sorted(file.relative_to(path).as_posix() for file in rest)


def _visible_files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def read_split(files: Sequence[Path], text_format: TextFormat | None = None) -> Table:
    """Read the files of a split and concatenate them; raise DataError for an unusable one."""
    tables = [read_table(file, text_format) for file in files]
    frame = pd.concat([table.frame for table in tables], ignore_index=True)
    return Table(frame, tables[0].class_names)
