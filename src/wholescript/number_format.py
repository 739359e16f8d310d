"""Numbers for readers: decimals of intervals, zeros without a sign, durations, large counts.

Standard library only, since the plugin of the site imports it once per page.
"""

import re

NO_BREAK = "\N{NO-BREAK SPACE}"
EXACTLY_ZERO = "exactly 0"
MOST_DECIMALS = 6  # as results are stored
_DECIMALS = re.compile(r"\.(\d+)([f%])$")
_COUNT_UNITS = ((1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))  # from, size, unit
_FULL_NAMES = {"s": "second", "min": "minute", "h": "hour"}


def is_zero(shown: str) -> bool:
    """Return whether a number is shown as zero.

    >>> is_zero("-0.00"), is_zero("0.0e+00"), is_zero("0.01")
    (True, True, False)
    """
    return not any(digit in "123456789" for digit in shown)


def unsigned_zero(shown: str) -> str:
    """Return a number without its sign where it is shown as zero.

    >>> unsigned_zero("-0.000"), unsigned_zero("-0.001")
    ('0.000', '-0.001')
    """
    return shown.lstrip("+-") if is_zero(shown) else shown


def interval_format(spec: str, value: float, low: float, high: float) -> str:
    """Return a format with as many more decimals as an interval needs.

    - A bound that is not zero is not shown as zero: -0.00 for -0.004 would hide on which side of
      zero the interval ends. Numbers below 1e-5 are taken for zero.
    - A bound that differs from the value is not shown as the value.

    >>> interval_format(".2f", 0.018, -0.004, 0.04), interval_format(".3f", 0.0312, 0.0308, 0.04)
    ('.3f', '.4f')
    """
    while (found := _DECIMALS.search(spec)) and int(found[1]) < MOST_DECIMALS:
        hides_sign = any(abs(x) >= 1e-5 and is_zero(format(x, spec)) for x in (value, low, high))
        hides_bound = any(
            abs(bound - value) >= 1e-5 and format(bound, spec) == format(value, spec)
            for bound in (low, high)
        )
        if not (hides_sign or hides_bound):
            break
        spec = _DECIMALS.sub(lambda match: f".{int(match[1]) + 1}{match[2]}", spec)
    return spec


def duration(seconds: float, *, in_full: bool = False) -> str:
    """Return a duration in the largest unit of which there are at least one and a half.

    `in_full` writes out the unit, for prose. The space does not break.

    >>> [duration(s) for s in (0.04, 2.51, 45, 100, 1_711, 9_000)]
    ['0.04\\xa0s', '2.5\\xa0s', '45\\xa0s', '1.7\\xa0min', '29\\xa0min', '2.5\\xa0h']
    >>> duration(1_711, in_full=True)
    '29\\xa0minutes'
    """
    unit, size = next(
        ((unit, size) for unit, size in (("h", 3_600), ("min", 60)) if seconds >= 1.5 * size),
        ("s", 1),
    )
    count = seconds / size
    if count < 1:
        shown = f"{count:.2g}"
    else:
        shown = f"{count:.1f}".removesuffix(".0") if count < 9.95 else f"{count:,.0f}"
    name = _FULL_NAMES[unit] + ("" if shown == "1" else "s") if in_full else unit
    return f"{shown}{NO_BREAK}{name}"


def compact(value: float) -> str:
    """Return a count with three digits and a unit where it is large.

    >>> [compact(n) for n in (8_993, 29_645, 836_301, 9_996_000, 137_001_677, 1.3e9)]
    ['8,993', '29.6\\xa0k', '836\\xa0k', '10.0\\xa0M', '137\\xa0M', '1.30\\xa0B']
    """
    for least, size, unit in _COUNT_UNITS:
        if abs(value) >= least:
            scaled = value / size
            decimals = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{decimals}f}{NO_BREAK}{unit}"
    return f"{value:,.0f}"
