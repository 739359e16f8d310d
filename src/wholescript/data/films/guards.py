"""Checks that stop an unusable corpus before anything is computed from it."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import hypergeom

from wholescript.errors import DataError, WholeScriptError

MAX_PRIOR_SHIFT = 0.05  # shift of the share of positives
FLOAT_TOLERANCE = 1e-9  # 0.20 - 0.15 is a little more than 0.05
MAX_REPLACEMENT_CHAR_SHARE = 1e-3  # of a text's characters
P_VALUE_THRESHOLD = 1e-3  # two-sided p-value
MAX_LISTED = 5  # offenders named in a message


def list_some(offenders: Sequence[object]) -> str:
    """Name the first five offenders and how many more there are."""
    more = len(offenders) - MAX_LISTED
    return ", ".join(str(o) for o in offenders[:MAX_LISTED]) + (
        f" and {more} more" if more > 0 else ""
    )


def require_columns(
    present: Sequence[str],
    required: Iterable[str],
    where: str,
    error: type[WholeScriptError] = DataError,
) -> None:
    """Raise `error` when a required column is missing, naming those present and the nearest."""
    missing = [name for name in required if name not in present]
    if not missing:
        return
    near = get_close_matches(missing[0], present, n=1)
    hint = f" Did you mean {near[0]!r}? Rename it to {missing[0]!r}." if near else ""
    raise error(
        f"{where} has no column {', '.join(map(repr, missing))}; it has {', '.join(present)}.{hint}"
    )


def check_ids(film_ids: "pd.Series[str]") -> None:
    """Raise DataError when a film id is missing or stands twice."""
    if film_ids.isna().any():
        rows = np.flatnonzero(film_ids.isna()).tolist()
        raise DataError(f"film_id is empty in row {list_some(rows)}: give each film an id.")
    twice = film_ids[film_ids.duplicated()].unique().tolist()
    if twice:
        raise DataError(
            f"{len(twice)} film_id(s) stand more than once: {list_some(twice)}. "
            "Keep one text a film, or give drafts ids of their own and one `group`."
        )


def check_present(film_ids: "pd.Series[str]", present: "pd.Series[bool]", name: str) -> None:
    """Raise DataError for the films whose value in the column `name` is not `present`."""
    lacking = film_ids[~present].tolist()
    if lacking:
        raise DataError(
            f"{len(lacking)} film(s) have no {name}: {list_some(lacking)}. Add it or leave them out."
        )


def find_text_error(raw: bytes) -> str | None:
    """Say what keeps the bytes `raw` from being a script, or None if they are fine."""
    if not raw.strip():
        return "empty"
    if b"\0" in raw:
        return "binary (it holds NUL bytes)"
    try:
        text = raw.decode()
    except UnicodeDecodeError as problem:
        return f"not UTF-8 (byte {problem.start})"
    # A few lost characters are mojibake that a film survives; more is a text decoded wrongly.
    if text.count("\ufffd") > MAX_REPLACEMENT_CHAR_SHARE * len(text):
        return "decoded with a wrong encoding (it is full of U+FFFD)"
    return None


def raise_for_unreadable(faults: Mapping[str, str]) -> None:
    """Raise DataError for the films in `faults`, which maps a film id to what is wrong."""
    if faults:
        named = [f"{film_id}: {fault}" for film_id, fault in faults.items()]
        raise DataError(
            f"{len(named)} text(s) cannot be read: {list_some(named)}. "
            "Leave these films out, or save their texts as UTF-8 again."
        )


def check_two_classes(labels: ArrayLike, name: str) -> None:
    """Raise DataError when the 0/1 `labels` (n,) of `name` hold one class or no film at all."""
    values = np.asarray(labels).astype(int)
    if len(np.unique(values)) < 2:
        what = f"only the class {values[0]}" if len(values) else "none at all"
        raise DataError(
            f"{name} has {len(values)} film(s) and {what}: nothing can be learnt or measured. "
            "Add films of the other class, or choose another target or split."
        )


def check_class_prior(
    part: ArrayLike, whole: ArrayLike, name: str, tolerance: float = MAX_PRIOR_SHIFT
) -> None:
    """Raise DataError when the share of positives in `part` is not that of its source `whole`.

    Both are 0/1 labels. A shift of at most `tolerance`, or of one film, is allowed.
    """
    part, whole = np.asarray(part).astype(int), np.asarray(whole).astype(int)
    shift = abs(part.mean() - whole.mean())
    if shift > max(tolerance, 1 / len(part)) + FLOAT_TOLERANCE:
        raise DataError(
            f"{name} has {part.mean():.1%} positives, its source {whole.mean():.1%}: "
            f"a shift of {100 * shift:.1f} points, where {100 * tolerance:g} are allowed. "
            "Draw the split again, stratified by label."
        )


def check_not_label_sorted(labels: ArrayLike, n: int) -> None:
    """Raise DataError when the first `n` of the 0/1 `labels` are no fair sample of all of them.

    A file sorted by label, or by something that goes with it, shows in its head: the share of
    positives shifts by more than 5 points and by more than chance explains (hypergeometric
    tails, p < 0.001).
    """
    values = np.asarray(labels).astype(int)
    total, positives, found = len(values), int(values.sum()), int(values[:n].sum())
    n = min(n, total)
    if n < 1:
        raise DataError(f"limit is {n}: ask for at least one film.")
    drawn = hypergeom(total, positives, n)
    by_chance = 2 * min(drawn.cdf(found), drawn.sf(found - 1))
    if abs(found / n - positives / total) > MAX_PRIOR_SHIFT and by_chance < P_VALUE_THRESHOLD:
        raise DataError(
            f"the first {n} of {total} films hold {found / n:.1%} positives, all of them "
            f"{positives / total:.1%}: the file is sorted. Load it whole and draw films at "
            f"random: corpus.sample({n}, seed=0)."
        )


def check_no_text_leakage(text_sha1: "pd.Series[str]", sides: "pd.Series[str]", what: str) -> None:
    """Raise DataError when one text stands on two `sides` (splits, groups), row by row."""
    crossing = sides.groupby(text_sha1.to_numpy()).nunique()
    crossing = crossing.index[crossing > 1]
    if len(crossing):
        first = sides[text_sha1 == crossing[0]].unique().tolist()
        raise DataError(
            f"{len(crossing)} text(s) stand in more than one {what}, the first (SHA-1 "
            f"{crossing[0][:8]}) in {list_some(first)}. Keep one copy, or give them one {what}."
        )


def check_splits(labels: "pd.Series[bool]", text_sha1: "pd.Series[str]", split: pd.Series) -> None:
    """Raise DataError when a split has one class or a shifted prior, or two share a text."""
    for name, part in labels.groupby(split):
        check_two_classes(part, f"the split {name!r}")
        check_class_prior(part, labels, f"the split {name!r}")
    check_no_text_leakage(text_sha1, split, "split")
