"""The format of a prepared data set: one JSON lines file per split, and metadata.json.

The metadata describe the splits and hold the SHA-256 of each file, which is checked on reading.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.data.labelled.checks import class_counts
from wholescript.data.labelled.splits import SPLITS
from wholescript.data.tables import read_jsonl
from wholescript.errors import DataError
from wholescript.files import sha256_of, write_atomic

METADATA = "metadata.json"
HINT = "Run `wholescript data prepare` again with this output folder."
REPORT = "report"
UNLABELLED = -1


@dataclass(frozen=True)
class Split:
    """The n texts of a split: `labels` int64 (n,), each of `extra_columns` int64 (n,).

    In `unsupervised` all labels are -1 and there are no extra columns.
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
    """A prepared data set: train, validation, test and, if published, unsupervised.

    Label c is the class `classes[c]`. `fingerprint` (SHA-256, hex) identifies texts, labels and
    how they were prepared.
    """

    name: str
    classes: list[str]
    splits: dict[str, Split]
    fingerprint: str
    metadata: dict[str, Any]


def read_labelled_dataset(folder: Path) -> LabelledDataset:
    """Read what `wholescript data prepare` wrote into `folder`.

    Raises DataError when the folder has no complete data set, or when its metadata or the file of
    a split is missing, truncated or altered.
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
    """Read metadata.json of a prepared data set; raise DataError if it is missing or altered."""
    path = folder / METADATA
    try:
        metadata: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{folder} has no prepared data set ({METADATA} is missing). {HINT}"
        ) from None
    except ValueError as error:
        raise DataError(f"{path} is truncated or damaged ({error}). {HINT}") from None
    if not isinstance(metadata, dict) or metadata.get("fingerprint") != fingerprint_of(metadata):
        raise DataError(f"{path} was altered: its fingerprint does not match. {HINT}")
    return metadata


def write_labelled_dataset(
    folder: Path,
    splits: Mapping[str, pd.DataFrame],
    classes: Sequence[str],
    facts: Mapping[str, Any],
    report: Mapping[str, Any],
) -> dict[str, Any]:
    """Write one JSON lines file per split and metadata.json; return the metadata.

    A row is {"id", "text", "label"} and the kept columns; in `unsupervised` {"id", "text"}. The
    same input gives the same bytes. The metadata hold `facts`, the classes in label order, for
    each split counts, lengths and the SHA-256 of its file, and the fingerprint of all of this. The
    `report` is what was found on the way; it does not change the fingerprint. Files of splits that
    are not in `splits` are removed.
    """
    # Until all files are written the folder has no metadata, so that nobody reads half of them.
    (folder / METADATA).unlink(missing_ok=True)
    described: dict[str, Any] = {}
    for split in SPLITS:
        path = folder / f"{split}.jsonl"
        if split not in splits:
            path.unlink(missing_ok=True)
            continue
        content = "".join(
            json.dumps(row, ensure_ascii=False) + "\n" for row in splits[split].to_dict("records")
        ).encode()
        write_atomic(path, content)
        described[split] = {
            **describe_split(splits[split], classes),
            "file": path.name,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    metadata = {**facts, "classes": list(classes), "splits": described}
    metadata |= {"fingerprint": fingerprint_of(metadata), REPORT: report}
    write_atomic(folder / METADATA, json.dumps(metadata, indent=1, ensure_ascii=False) + "\n")
    return metadata


def fingerprint_of(metadata: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of all metadata but the fingerprint itself and the report.

    It identifies the texts too, since the metadata hold the hashes of their files.
    """
    rest = {name: value for name, value in metadata.items() if name not in ("fingerprint", REPORT)}
    canonical = json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def describe_split(table: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    """Return the number of texts of a split, in all and per class, and their lengths.

    Lengths are in characters and in words (separated by white space): mean, median, 95th
    percentile and maximum, rounded to one decimal.
    """
    facts: dict[str, Any] = {"count": len(table)}
    if "label" in table:
        facts["classes"] = class_counts(table["label"].to_numpy(), classes)
    facts["characters"] = summarize_lengths([len(text) for text in table["text"]])
    facts["words"] = summarize_lengths([len(text.split()) for text in table["text"]])
    return facts


def summarize_lengths(lengths: Sequence[int]) -> dict[str, float]:
    """Return mean, median, 95th percentile and maximum of lengths, rounded to one decimal."""
    median, p95 = np.percentile(lengths, [50, 95]).round(1).tolist()
    mean = round(float(np.mean(lengths)), 1)
    return {"mean": mean, "median": median, "p95": p95, "max": max(lengths)}


def _read_split(path: Path, facts: Mapping[str, Any]) -> Split:
    if not path.exists():
        raise DataError(f"{path} is missing. {HINT}")
    size = path.stat().st_size
    if size < facts["bytes"]:
        raise DataError(f"{path} is truncated: {size} of {facts['bytes']} bytes. {HINT}")
    if sha256_of(path) != facts["sha256"]:
        raise DataError(f"{path} was altered: its SHA-256 does not match the metadata. {HINT}")
    rows = read_jsonl(path.read_text(encoding="utf-8"), path.name)
    columns = {
        column: np.array([row[column] for row in rows], dtype=np.int64)
        for column in rows[0]
        if column not in ("id", "text")
    }
    labels = columns.pop("label", np.full(len(rows), UNLABELLED, dtype=np.int64))
    return Split([row["id"] for row in rows], [row["text"] for row in rows], labels, columns)
