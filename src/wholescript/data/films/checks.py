"""Checks of a corpus of films that run before anything is computed from it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from ftfy.badness import badness
from numpy.typing import ArrayLike

from wholescript.data.checks import (
    FLOAT_TOLERANCE,
    MAX_PRIOR_SHIFT,
    list_some,
)
from wholescript.errors import DataError

MAX_REPLACEMENT_CHAR_SHARE = 1e-3  # of a text's characters
MAX_MOJIBAKE_SHARE = 2e-3  # of a text's characters; noise of OCR in published scripts has 1.5e-3


def check_ids(film_ids: "pd.Series[str]") -> None:
    """Raise DataError when a film id is missing or occurs more than once."""
    if film_ids.isna().any():
        rows = np.flatnonzero(film_ids.isna()).tolist()
        raise DataError(f"film_id is empty in row {list_some(rows)}: give each film an id.")
    duplicates = film_ids[film_ids.duplicated()].unique().tolist()
    if duplicates:
        raise DataError(
            f"{len(duplicates)} film_id(s) occur more than once: {list_some(duplicates)}. "
            "Keep one text per film, or give drafts different ids and the same `group`."
        )


def check_present(film_ids: "pd.Series[str]", present: "pd.Series[bool]", name: str) -> None:
    """Raise DataError that lists the films whose value in the column `name` is not `present`."""
    missing = film_ids[~present].tolist()
    if missing:
        raise DataError(
            f"{len(missing)} film(s) have no {name}: {list_some(missing)}. "
            "Add it or leave them out."
        )


def find_text_error(raw: bytes) -> str | None:
    """Return why the bytes `raw` cannot be used as a script, or None if they can."""
    if not raw.strip():
        return "empty"
    if b"\0" in raw:
        return "binary (it contains NUL bytes)"
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 (byte {error.start})"
    # A few replacement characters are harmless; many mean that the text was decoded wrongly.
    if text.count("\ufffd") > MAX_REPLACEMENT_CHAR_SHARE * len(text):
        return "decoded with a wrong encoding (it contains many U+FFFD)"
    if not raw.isascii() and badness(text) > MAX_MOJIBAKE_SHARE * len(text):
        return "mojibake, UTF-8 that was decoded as another encoding (`ftfy.fix_text` repairs it)"
    return None


def raise_for_unreadable(errors: Mapping[str, str]) -> None:
    """Raise DataError if there are `errors`, a map from film id to the reason."""
    if errors:
        named = [f"{film_id}: {reason}" for film_id, reason in errors.items()]
        raise DataError(
            f"{len(named)} text(s) cannot be read: {list_some(named)}. "
            "Leave these films out, or save their texts as UTF-8."
        )


def check_two_classes(labels: ArrayLike, name: str) -> None:
    """Raise DataError when the 0/1 `labels` (n,) of `name` are empty or of one class only."""
    values = np.asarray(labels).astype(int)
    if len(np.unique(values)) < 2:
        what = f"only the class {values[0]}" if len(values) else "no class"
        raise DataError(
            f"{name} has {len(values)} film(s) and {what}, so no model can be trained or "
            "evaluated. Add films of the other class, or choose another target or split."
        )


def check_class_prior(part: ArrayLike, whole: ArrayLike, name: str) -> None:
    """Raise DataError when the share of positives in `part` differs from that in `whole`.

    Both are 0/1 labels. A difference of at most `MAX_PRIOR_SHIFT`, or of one film, is accepted.
    """
    part, whole = np.asarray(part).astype(int), np.asarray(whole).astype(int)
    shift = abs(part.mean() - whole.mean())
    if shift > max(MAX_PRIOR_SHIFT, 1 / len(part)) + FLOAT_TOLERANCE:
        raise DataError(
            f"{name} has {part.mean():.1%} positives, the whole corpus {whole.mean():.1%}: "
            f"a difference of {100 * shift:.1f} points, where {100 * MAX_PRIOR_SHIFT:g} are "
            "accepted. "
            "Draw the split again, stratified by label."
        )


def check_no_text_leakage(text_sha1: "pd.Series[str]", sides: "pd.Series[str]", what: str) -> None:
    """Raise DataError when a text is in more than one of `sides` (splits or groups, row by row)."""
    n_sides = sides.groupby(text_sha1.to_numpy()).nunique()
    leaked = n_sides.index[n_sides > 1]
    if len(leaked):
        first = sides[text_sha1 == leaked[0]].unique().tolist()
        raise DataError(
            f"{len(leaked)} text(s) are in more than one {what}, the first (SHA-1 "
            f"{leaked[0][:8]}) in {list_some(first)}. Keep one copy, or assign one {what}."
        )


def check_splits(
    labels: "pd.Series[bool]", text_sha1: "pd.Series[str] | None", split: pd.Series
) -> None:
    """Raise DataError when a split has one class or a shifted prior, or two share a text.

    Without `text_sha1` texts are not compared.
    """
    for name, part in labels.groupby(split):
        check_two_classes(part, f"the split {name!r}")
        check_class_prior(part, labels, f"the split {name!r}")
    if text_sha1 is not None:
        check_no_text_leakage(text_sha1, split, "split")
