"""Texts repaired and repeated ones found; what is done to them is counted.

Encoding is repaired with ftfy (Speer 2019, doi:10.5281/zenodo.2591652): mojibake, control
characters, HTML entities and line ends. Curled quotes, ligatures and wide characters are what
their authors wrote and stay.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from ftfy import TextFixerConfig, fix_text
from tqdm.auto import tqdm

REPAIRS = TextFixerConfig(uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False)
LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
REPLACEMENT_CHARACTER = "\ufffd"


@dataclass(frozen=True)
class CleanedSplits:
    """Splits without empty and repeated texts, and per split how many texts each step met."""

    splits: dict[str, pd.DataFrame]
    counts: dict[str, dict[str, int]]


def clean_splits(
    splits: Mapping[str, pd.DataFrame], *, drop_conflicts: bool = False, progress: bool = True
) -> CleanedSplits:
    """Repair texts, drop empty ones, and find those that stand twice, within splits and across.

    Texts are the same when their words are, whatever the case and the white space. A text that is
    in two splits is kept in the one that is measured last: test, then validation. Nothing but
    empty texts is dropped from test. Within train a text is kept once a label; texts with several
    labels are counted, and dropped if `drop_conflicts`.

    Args:
        splits: tables with text (str) and, but in `unsupervised`, label (int64).

    Returns:
        The tables with an index of their own, and counts: read, encoding and line_breaks
        (texts repaired), lost_characters (texts with U+FFFD, which nothing repairs), empty
        (dropped), repeated, conflicting (texts), and in_test, in_validation (dropped).
    """
    total = sum(len(table) for table in splits.values())
    with tqdm(total=total, unit="text", desc="cleaning", disable=not progress) as bar:
        cleaned = {split: _repaired(table, bar) for split, table in splits.items()}
    counts = {split: numbers for split, (_, numbers) in cleaned.items()}
    tables = {split: _without_empty(table, counts[split]) for split, (table, _) in cleaned.items()}
    for split, table in tables.items():
        tables[split] = _drop_repeated(table, counts[split], split, drop_conflicts)
    for split in ("validation", "train", "unsupervised"):
        for later in ("test", "validation"):
            if split in tables and later in tables and split != later:
                tables[split] = drop_overlap(
                    tables[split], tables[later], counts[split], f"in_{later}"
                )
    return CleanedSplits(tables, counts)


def repair_text(text: str) -> tuple[str, bool, bool]:
    """Return the text repaired, whether its encoding was, and whether it had HTML line breaks."""
    broken = LINE_BREAK.sub("\n", text)
    repaired = fix_text(broken, REPAIRS)
    whole = LINE_BREAK.sub("\n", repaired)  # of a tag that was written as entities
    return whole, repaired != broken, broken != text or whole != repaired


def normalize_for_comparison(texts: "pd.Series[str]") -> "pd.Series[str]":
    """Return what is equal for texts that differ only in case and white space."""
    return texts.map(lambda text: " ".join(text.casefold().split()))


def drop_overlap(
    table: pd.DataFrame, other: pd.DataFrame, counts: dict[str, int], name: str
) -> pd.DataFrame:
    """Drop the rows of `table` whose text stands in `other` too, and add them to `counts`."""
    shared = normalize_for_comparison(table["text"]).isin(normalize_for_comparison(other["text"]))
    counts[name] = counts.get(name, 0) + int(shared.sum())
    return table[~shared].reset_index(drop=True)


def _repaired(table: pd.DataFrame, bar: "tqdm[None]") -> tuple[pd.DataFrame, dict[str, int]]:
    texts, encoding, breaks = [], 0, 0
    for text in table["text"]:
        text, was_broken, had_breaks = repair_text(text)
        texts.append(text)
        encoding += was_broken
        breaks += had_breaks
        bar.update()
    lost = sum(REPLACEMENT_CHARACTER in text for text in texts)
    counts = {"read": len(texts), "encoding": encoding, "line_breaks": breaks}
    text = pd.Series(texts, index=table.index, dtype=object)
    return table.assign(text=text), {**counts, "lost_characters": lost}


def _without_empty(table: pd.DataFrame, counts: dict[str, int]) -> pd.DataFrame:
    empty = table["text"].map(lambda text: not text.strip()).astype(bool)
    counts["empty"] = int(empty.sum())
    return table[~empty].reset_index(drop=True)


def _drop_repeated(
    table: pd.DataFrame, counts: dict[str, int], split: str, drop_conflicts: bool
) -> pd.DataFrame:
    """Count the repeated texts of a split, and keep one of each in what is learnt from."""
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
