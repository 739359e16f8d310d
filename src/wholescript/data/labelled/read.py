"""Prepared texts read back, with their files checked against what was written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wholescript.data.labelled.tables import read_jsonl
from wholescript.data.labelled.write import METADATA, fingerprint_of
from wholescript.errors import DataError
from wholescript.files import sha256_of

REMEDY = "Run `wholescript prepare` again with this output folder."
UNLABELLED = -1


@dataclass(frozen=True)
class Split:
    """The n texts of a split: `labels` int64 (n,), each of `extra_columns` int64 (n,).

    In `unsupervised` all labels are -1 and there is nothing extra.
    """

    ids: list[str]
    texts: list[str]
    labels: NDArray[np.int64]
    extra_columns: dict[str, NDArray[np.int64]]

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.texts)


@dataclass(frozen=True)
class LabelledDataset:
    """A prepared set: label c is `classes[c]`; train, validation, test, maybe unsupervised.

    `fingerprint` (SHA-256, hex) identifies texts, labels and how they were prepared.
    """

    name: str
    classes: list[str]
    splits: dict[str, Split]
    fingerprint: str
    metadata: dict[str, Any]


def read_labelled_dataset(folder: Path) -> LabelledDataset:
    """Read what `wholescript prepare` wrote into `folder`.

    Raises DataError when the folder holds no finished set, or when its metadata or the file of a
    split is missing, truncated or altered.
    """
    metadata = read_metadata(folder)
    splits = {
        split: _read_split(folder / facts["file"], facts)
        for split, facts in metadata["splits"].items()
    }
    return LabelledDataset(
        metadata["name"], metadata["classes"], splits, metadata["fingerprint"], metadata
    )


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read metadata.json of a prepared set; raise DataError unless it is as it was written."""
    path = folder / METADATA
    try:
        metadata: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{folder} holds no prepared texts ({METADATA} is missing). {REMEDY}"
        ) from None
    except ValueError as problem:
        raise DataError(f"{path} is truncated or damaged ({problem}). {REMEDY}") from None
    if not isinstance(metadata, dict) or metadata.get("fingerprint") != fingerprint_of(metadata):
        raise DataError(f"{path} was altered: its fingerprint does not fit. {REMEDY}")
    return metadata


def _read_split(path: Path, facts: Mapping[str, Any]) -> Split:
    if not path.exists():
        raise DataError(f"{path} is missing. {REMEDY}")
    size = path.stat().st_size
    if size < facts["bytes"]:
        raise DataError(f"{path} is truncated: {size} of {facts['bytes']} bytes. {REMEDY}")
    if sha256_of(path) != facts["sha256"]:
        raise DataError(f"{path} was altered: its SHA-256 does not fit the metadata. {REMEDY}")
    rows = read_jsonl(path.read_text(encoding="utf-8"), path.name)
    numbers = {
        column: np.array([row[column] for row in rows], dtype=np.int64)
        for column in rows[0]
        if column not in ("id", "text")
    }
    labels = numbers.pop("label", np.full(len(rows), UNLABELLED, dtype=np.int64))
    return Split([row["id"] for row in rows], [row["text"] for row in rows], labels, numbers)
