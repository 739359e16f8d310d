"""Ticks of axes as plain numbers, and the names of rows in lines that fit beside an axis."""

from textwrap import fill

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

from wholescript.plots.text import literal

ROW_NAME_WIDTH = 28  # characters of a line: half of the width of a figure
DURATIONS = {
    0.1: "0.1 s", 1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3_600: "1 h", 36_000: "10 h",
    360_000: "100 h",
}  # fmt: skip
"""The ticks of an axis of seconds."""


def plain(value: float, _position: float | None = None) -> str:
    """Return a number without an exponent, with commas from 1,000 on.

    >>> plain(0.0003), plain(10_000.0)
    ('0.0003', '10,000')
    """
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    shown: str = np.format_float_positional(value, precision=8, trim="-")
    return shown.replace("-", "\N{MINUS SIGN}")


def percent(value: float, _position: float | None = None) -> str:
    """Return a share as a percentage.

    >>> percent(0.05), percent(0.125)
    ('5%', '12.5%')
    """
    return f"{plain(round(100 * value, 6))}%"


def plain_log_ticks(axis: Axis, *, as_percent: bool = False, narrow: bool = False) -> None:
    """Label a logarithmic axis with plain numbers, more of them where it spans less.

    A `narrow` axis has powers of ten only, of many decades every second one.
    """
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    few = decades > (1 if narrow else 3)
    multiples = (1.0,) if few else (1.0, 3.0) if decades > 1.5 else (1.0, 2.0, 5.0)
    base = 100 if narrow and decades > 3 else 10
    axis.set_major_locator(LogLocator(base, subs=multiples))
    axis.set_major_formatter(percent if as_percent else plain)
    axis.set_minor_locator(NullLocator())


def duration_ticks(axis: Axis) -> None:
    """Label a logarithmic axis of seconds with seconds, minutes and hours."""
    axis.set_major_locator(FixedLocator(list(DURATIONS)))
    axis.set_major_formatter(lambda value, _: DURATIONS[value])
    axis.set_minor_locator(NullLocator())


def row_name(name: str, width: int = ROW_NAME_WIDTH) -> str:
    """Return a name of the data in lines of at most `width` characters, drawn as it is."""
    lines = literal(name).split("\n")
    return "\n".join(fill(line, width, break_on_hyphens=False) for line in lines)
