"""What the preparation of a data set chose and found: stored in its metadata, and as sentences."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unicodedata import is_normalized

import pandas as pd

from wholescript.data.checks import MAX_LISTED, list_some
from wholescript.data.labelled.classes import LabelledTables
from wholescript.data.labelled.dataset import REPORT
from wholescript.data.labelled.sources import LabelledSource
from wholescript.data.labelled.splits import SPLITS, split_from_name
from wholescript.data.tables import SUFFIXES, split_name


def describe_preparation(
    source: LabelledSource,
    labelled: LabelledTables,
    splits: Mapping[str, pd.DataFrame],
    drawn: Mapping[str, float],
    groups: "pd.Series[int] | None",
    near_duplicates: str,
) -> dict[str, Any]:
    """Return what was chosen and found, for `metadata.json`.

    Args:
        source: the tables.
        labelled: their texts and labels.
        splits: the prepared splits.
        drawn: the share of train of each split that was drawn from it.
        groups: the group of near duplicates of each labelled text, by its id; None: not looked for.
        near_duplicates: `together`, `report` or `ignore` (`prepare.prepare`).
    """
    used = {labelled.text_column, labelled.label_column, *labelled.kept_columns}
    report: dict[str, Any] = {
        "text_column": labelled.text_column,
        "label_column": labelled.label_column,
        "unused_columns": [name for name in source.splits["train"].frame if name not in used],
        "origins": {split: list(names) for split, names in source.origins.items()},
        "drawn": dict(drawn),
        "left_out": list(source.left_out),
        "merged_labels": {name: dict(found) for name, found in labelled.merged_labels.items()},
    }
    if groups is not None:
        report["near_duplicates"] = {
            "kept_together": near_duplicates == "together",
            **_count_near_duplicates(splits, groups),
        }
    return report


def tell_preparation(metadata: Mapping[str, Any]) -> list[str]:
    """Return in sentences what the metadata of a prepared data set report."""
    report = metadata[REPORT]
    unused = report["unused_columns"]
    lines = [
        f"texts from the column {report['text_column']!r}, labels from {report['label_column']!r}"
        + (f"; not used: {list_some(unused)}" if unused else "")
    ]
    parts = [f"{split} from {list_some(names)}" for split, names in report["origins"].items()]
    parts += [f"{split} drawn, {share:.0%} of train" for split, share in report["drawn"].items()]
    lines.append("; ".join(parts))
    if report["left_out"]:
        useful = any(
            split_name(Path(name))[1] in SUFFIXES or split_from_name(Path(name).stem)
            for name in report["left_out"]
        )
        hint = f"; to use one, save it as {', '.join(SPLITS)} ({', '.join(SUFFIXES)})"
        lines.append(f"left out: {list_some(report['left_out'])}{hint * useful}")
    for name, found in report["merged_labels"].items():
        spellings = ", ".join(f"{_quoted(value)} ({n:,})" for value, n in found.items())
        lines.append(
            f"one class {name!r} is spelled in several ways: {spellings}; if these are different "
            "classes, rename one"
            if len(found) > 1
            else f"the class {name!r} is written {spellings}: its characters were repaired"
        )
    return lines + _tell_near_duplicates(metadata)


def _quoted(value: str) -> str:
    """Return a value in quotes; separate accents, which look like composed ones, are escaped."""
    return repr(value) if is_normalized("NFC", value) else ascii(value)


def _count_near_duplicates(
    splits: Mapping[str, pd.DataFrame], groups: "pd.Series[int]"
) -> dict[str, Any]:
    of_split = {name: groups[table["id"]] for name, table in splits.items() if "label" in table}
    sizes = pd.concat(of_split.values()).value_counts()
    shared = {}
    for split, others in (("test", ["train", "validation"]), ("validation", ["train"])):
        elsewhere = {other: of_split[split].isin(of_split[other]) for other in others}
        in_any = pd.concat(elsewhere, axis=1).any(axis=1)
        if in_any.any():
            shared[split] = {
                "texts": int(in_any.sum()),
                "in": {other: int(found.sum()) for other, found in elsewhere.items()},
                "ids": splits[split]["id"][in_any.to_numpy()].head(MAX_LISTED).tolist(),
            }
    return {
        "groups": int((sizes > 1).sum()),
        "texts": int(sizes[sizes > 1].sum()),
        "shared": shared,
    }


def _tell_near_duplicates(metadata: Mapping[str, Any]) -> list[str]:
    report = metadata[REPORT]
    found = report.get("near_duplicates")
    if not found:
        return []
    lines = []
    if found["groups"] and found["kept_together"] and report["drawn"]:
        lines.append(
            f"{found['texts']:,} texts are near duplicates of others ({found['groups']:,} groups); "
            f"splits that were drawn ({', '.join(report['drawn'])}) have all or none of a group"
        )
    for split, shared in found["shared"].items():
        where = " and ".join(other for other, n in shared["in"].items() if n)
        if split in report["drawn"] and not found["kept_together"]:
            remedy = "draw whole groups with --near-duplicates together"
        else:
            rows = list_some(shared["ids"]) + (", ..." if shared["texts"] > MAX_LISTED else "")
            remedy = f"remove them from one of the two ({rows}: split and row, from 0)"
        lines.append(
            f"leakage: {shared['texts']:,} of the {metadata['splits'][split]['count']:,} texts of "
            f"{split} are near duplicates of texts of {where}, so metrics on {split} are "
            f"optimistically biased; {remedy}"
        )
    return lines
