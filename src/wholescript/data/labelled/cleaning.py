"""Repairing texts and removing duplicates; each step counts the texts it changes or drops.

Characters are repaired as everywhere (`data.characters`): mojibake, invisible and control
characters, the Unicode form, HTML entities and line ends.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from ftfy import fix_text
from tqdm import tqdm

from wholescript.data.characters import REPAIRS, REPLACEMENT_CHARACTER, repair_characters

LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


@dataclass(frozen=True)
class CleanedSplits:
    """Splits without empty and duplicate texts, and the counts of each step for each split."""

    splits: dict[str, pd.DataFrame]
    counts: dict[str, dict[str, int]]


def clean_splits(
    splits: Mapping[str, pd.DataFrame],
    *,
    drop_conflicts: bool = False,
    keep_invisible: bool = False,
    progress: bool = True,
) -> CleanedSplits:
    """Repair texts, drop empty ones, and remove duplicates within and across splits.

    Texts that differ only in case and white space are duplicates. A text that is in several
    splits is kept in test, else in validation. From test only empty texts are dropped. Within
    train a text is kept once per label; texts with several labels are counted, and dropped if
    `drop_conflicts`.

    Args:
        splits: tables with text (str) and, except in `unsupervised`, label (int64).
        drop_conflicts: see above.
        keep_invisible: see `repair_text`.
        progress: show a progress bar.

    Returns:
        The tables, re-indexed, and counts: read, encoding and line_breaks (texts repaired),
        lost_characters (texts with U+FFFD, which cannot be repaired), empty (dropped), repeated,
        conflicting (texts), and in_test, in_validation (dropped).
    """
    total = sum(len(table) for table in splits.values())
    with tqdm(total=total, unit="text", desc="cleaning", disable=not progress) as bar:
        cleaned = {
            split: _repair_table(table, bar, keep_invisible) for split, table in splits.items()
        }
    counts = {split: table_counts for split, (_, table_counts) in cleaned.items()}
    tables = {split: _drop_empty(table, counts[split]) for split, (table, _) in cleaned.items()}
    for split, table in tables.items():
        tables[split] = _drop_repeated(table, counts[split], split, drop_conflicts)
    for split in ("validation", "train", "unsupervised"):
        for other in ("test", "validation"):
            if split in tables and other in tables and split != other:
                tables[split] = drop_overlap(
                    tables[split], tables[other], counts[split], f"in_{other}"
                )
    return CleanedSplits(tables, counts)


def repair_text(text: str, *, keep_invisible: bool = False) -> tuple[str, bool, bool]:
    """Return the repaired text, and whether its characters and its HTML line breaks were changed.

    `keep_invisible` keeps soft hyphens and the like, as in texts that stored results are of.
    """
    with_breaks = LINE_BREAK.sub("\n", text)
    repaired = fix_text(with_breaks, REPAIRS) if keep_invisible else repair_characters(with_breaks)
    final = LINE_BREAK.sub("\n", repaired)  # of tags that were written as HTML entities
    return final, repaired != with_breaks, with_breaks != text or final != repaired


def normalize_for_comparison(texts: "pd.Series[str]") -> "pd.Series[str]":
    """Return the texts in lower case (casefold) with single spaces."""
    return texts.map(lambda text: " ".join(text.casefold().split()))


def drop_overlap(
    table: pd.DataFrame, other: pd.DataFrame, counts: dict[str, int], name: str
) -> pd.DataFrame:
    """Drop the rows of `table` whose text is also in `other`; add their number to counts[name]."""
    shared = normalize_for_comparison(table["text"]).isin(normalize_for_comparison(other["text"]))
    counts[name] = counts.get(name, 0) + int(shared.sum())
    return table[~shared].reset_index(drop=True)


def _repair_table(
    table: pd.DataFrame, bar: "tqdm[None]", keep_invisible: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    texts, encoding, line_breaks = [], 0, 0
    for text in table["text"]:
        text, encoding_changed, breaks_changed = repair_text(text, keep_invisible=keep_invisible)
        texts.append(text)
        encoding += encoding_changed
        line_breaks += breaks_changed
        bar.update()
    lost = sum(REPLACEMENT_CHARACTER in text for text in texts)
    counts = {"read": len(texts), "encoding": encoding, "line_breaks": line_breaks}
    text = pd.Series(texts, index=table.index, dtype=object)
    return table.assign(text=text), {**counts, "lost_characters": lost}


def _drop_empty(table: pd.DataFrame, counts: dict[str, int]) -> pd.DataFrame:
    empty = table["text"].map(lambda text: not text.strip()).astype(bool)
    counts["empty"] = int(empty.sum())
    return table[~empty].reset_index(drop=True)


def _drop_repeated(
    table: pd.DataFrame, counts: dict[str, int], split: str, drop_conflicts: bool
) -> pd.DataFrame:
    """Count the duplicates within a split, and drop them from train and unsupervised."""
    key = normalize_for_comparison(table["text"]).rename("key")
    if "label" not in table:
        repeated = key.duplicated()
        counts["repeated"] = int(repeated.sum())
        return table[~repeated].reset_index(drop=True)
    repeated = pd.concat([key, table["label"]], axis=1).duplicated()
    conflicting = table["label"].groupby(key).transform("nunique") > 1
    counts["repeated"] = int(repeated.sum())
    counts["conflicting"] = int(key[conflicting].nunique())
    if split != "train":
        return table
    dropped = repeated | conflicting if drop_conflicts else repeated
    return table[~dropped].reset_index(drop=True)
