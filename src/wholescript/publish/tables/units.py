"""Seconds and large numbers as a reader wants them: 27 min, 2.1 h; 137 M."""

_MINUTE, _HOUR = 60, 3_600
_UNITS = ((1e9, "B"), (1e6, "M"), (1e4, "k"))
_SPACE = "\N{NO-BREAK SPACE}"


def duration(seconds: float) -> str:
    """Return a time in seconds, minutes or hours, with two digits or more."""
    if seconds < 9.95:
        return f"{seconds:.1f}{_SPACE}s"
    for limit, size, unit in ((_MINUTE, 1, "s"), (_HOUR, _MINUTE, "min")):
        if round(seconds / size) * size < limit:
            return _digits(seconds / size) + _SPACE + unit
    return _digits(seconds / _HOUR) + _SPACE + "h"


def compact(value: float) -> str:
    """Return a count with three digits and a unit where it is large: 137 M, 29.6 k, 4,096."""
    for size, unit in _UNITS:
        if abs(value) >= size:
            scaled = value / (1e3 if unit == "k" else size)
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}{_SPACE}{unit}"
    return f"{value:,.0f}"


def _digits(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"
