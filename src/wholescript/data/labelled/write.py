"""Prepared splits as files: JSON lines a split, and metadata.json that describes and seals them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wholescript.data.labelled.guards import class_counts
from wholescript.data.labelled.tables import SPLITS
from wholescript.files import write_atomic

METADATA = "metadata.json"


def write_labelled_dataset(
    folder: Path, splits: Mapping[str, pd.DataFrame], classes: Sequence[str], facts: dict[str, Any]
) -> dict[str, Any]:
    """Write a file of JSON lines for each split and metadata.json; return the metadata.

    A row is {"id", "text", "label"} and the kept columns; in `unsupervised` {"id", "text"}. The
    same input gives the same bytes. The metadata hold `facts`, the classes in label order, for
    each split counts, lengths and the SHA-256 of its file, and the fingerprint of it all. Files
    of splits that were there before and no longer are get removed.
    """
    # While the files are exchanged the folder has none, and so cannot be read by mistake.
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
    metadata["fingerprint"] = fingerprint_of(metadata)
    write_atomic(folder / METADATA, json.dumps(metadata, indent=1, ensure_ascii=False) + "\n")
    return metadata


def fingerprint_of(metadata: Mapping[str, Any]) -> str:
    """Return the SHA-256 over all metadata but the fingerprint itself, in hex.

    They hold the hashes of the files, so that it identifies the texts too.
    """
    rest = {name: value for name, value in metadata.items() if name != "fingerprint"}
    canonical = json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def describe_split(table: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    """Return how many texts a split has, of each class, and how long they are.

    Lengths are in characters and in words (what stands between white space): mean, median, 95th
    percentile and maximum, to one decimal.
    """
    facts: dict[str, Any] = {"count": len(table)}
    if "label" in table:
        facts["classes"] = class_counts(table["label"].to_numpy(), classes)
    facts["characters"] = _lengths([len(text) for text in table["text"]])
    facts["words"] = _lengths([len(text.split()) for text in table["text"]])
    return facts


def _lengths(lengths: Sequence[int]) -> dict[str, float]:
    median, high = np.percentile(lengths, [50, 95]).round(1).tolist()
    mean = round(float(np.mean(lengths)), 1)
    return {"mean": mean, "median": median, "p95": high, "max": max(lengths)}
