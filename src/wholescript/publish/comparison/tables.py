"""Comparison of two CSV tables: numbers with a tolerance, everything else exactly."""

from pathlib import Path

import numpy as np
import pandas as pd

from wholescript.experiments.metrics import is_measured
from wholescript.publish.comparison.measured import Ratios

TOLERANCE = 0.02  # fraction of the range of a column


def compare_tables(stored: Path, new: Path) -> list[str]:
    """Return one message per difference of two CSV files, with row and column.

    The tolerance of a number is `TOLERANCE` times the range of its column in the stored file, or
    times its magnitude if the column is constant. A column of a measured metric is compared by its
    ratios.
    """
    a, b = (pd.read_csv(path, dtype=str, keep_default_na=False) for path in (stored, new))
    if list(a.columns) != list(b.columns):
        return [f"columns {', '.join(b.columns)}; were {', '.join(a.columns)}"]
    if len(a) != len(b):
        return [f"{len(b)} rows, were {len(a)}"]
    return [message for column in a.columns for message in _compare_column(a, b, column)]


def _compare_column(a: pd.DataFrame, b: pd.DataFrame, column: str) -> list[str]:
    old, new = (pd.to_numeric(table[column], errors="coerce").to_numpy() for table in (a, b))
    if is_measured(column):
        (ratios := Ratios()).add(column, old, new)
        return list(ratios.differences())
    finite = old[np.isfinite(old)]
    width = np.ptp(finite) if finite.size else 0.0
    allowed = TOLERANCE * (np.full(old.shape, width) if width else np.abs(old))
    numbers = np.isfinite(old) & np.isfinite(new)
    texts = (a[column] != b[column]).to_numpy()
    outside = np.where(numbers, np.abs(new - old) > allowed, texts)
    return [
        f"row {row + 1} ({a.iloc[row, 0]}), {column}: {b[column][row]} was {a[column][row]}"
        + (f", tolerance {allowed[row]:.3g}" if numbers[row] else "")
        for row in np.flatnonzero(outside)
    ]
