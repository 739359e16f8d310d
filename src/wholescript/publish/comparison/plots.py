"""Two figures by what they plot: texts, colours and structure exactly, numbers with a tolerance.

Both come as `plotdata.plotted_data` gives them. A number may move by a share of the span that it is
read against: the limits of its axis, in decades where that is logarithmic, or those of its colours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TOLERANCE = 0.02  # of figures that were stored without one
_SERIES = {"lines": "line", "bars": "bars", "points": "points", "areas": "area", "images": "image"}
_NUMERIC = {
    *("x", "y", "x_y", "x_y_width_height", "outlines", "extent"),
    *("values", "color_limits", "sizes"),
}
_DISPLAY_NAMES = {
    **{"color": "colour", "colors": "colour", "colormap": "colour map"},
    **{"color_limits": "colour limits", "ticks": "tick", "texts": "text"},
    "size_inches": "size in inches",
}


@dataclass
class PlotComparison:
    """What differs, in words with its place, and the largest move of any number.

    `tolerance` and `moved` are shares of the span; `moved` is inf where a gap came or went.
    """

    tolerance: float
    differences: list[str] = field(default_factory=list)
    moved: float = 0.0


@dataclass(frozen=True)
class _Span:
    """What numbers are read against: the two ends of an axis, or of a colour map."""

    low: float
    high: float
    log: bool = False

    @property
    def width(self) -> float:
        ends = self.scaled([self.low, self.high])
        return float(abs(ends[1] - ends[0])) or 1.0

    def scaled(self, values: ArrayLike) -> NDArray[np.float64]:
        with np.errstate(divide="ignore", invalid="ignore"):
            array = np.asarray(values, dtype=np.float64)
            return np.log10(array) if self.log else array

    def shifts(self, stored: ArrayLike, again: ArrayLike) -> NDArray[np.float64]:
        """Return how far each number moved, as a share of the width."""
        a, b = self.scaled(stored), self.scaled(again)
        with np.errstate(invalid="ignore"):
            moved = np.where(a == b, 0.0, np.abs(b - a) / self.width)
        gaps = np.isnan(a) & np.isnan(b)
        return np.where(gaps, 0.0, np.where(np.isnan(moved), np.inf, moved))

    def allowed(self, tolerance: float) -> str:
        """Return a share of the width in the unit of the numbers."""
        reach = tolerance * self.width
        return f"a factor of {10**reach:.3g}" if self.log else f"{reach:.3g}"


def compare_plots(stored: dict[str, Any], again: dict[str, Any]) -> PlotComparison:
    """Compare what two figures plot, within the tolerance that is stored with the first."""
    found = PlotComparison(stored.get("tolerance", TOLERANCE))
    given = {"tolerance": TOLERANCE}
    found.differences += _exact("figure", given | stored, given | again, without={"axes"})
    for number, (a, b) in enumerate(_pairs("figure", "axes", stored, again, found), 1):
        _compare_axes(f"axes {number}", a, b, found)
    return found


def _compare_axes(
    place: str, stored: dict[str, Any], again: dict[str, Any], found: PlotComparison
) -> None:
    found.differences += _exact(place, stored, again, without={"x", "y", *_SERIES})
    spans = []
    for which in ("x", "y"):
        a, b = stored[which], again[which]
        low, high = a["limits"]
        spans.append(_Span(low, high, log=a["scale"] == "log"))
        found.differences += _exact(f"{place}, {which}", a, b, without={"limits"})
        _compare_numbers(f"{place}, {which} limits", a["limits"], b["limits"], spans[-1], found)
    for kind, noun in _SERIES.items():
        for number, (a, b) in enumerate(_pairs(place, kind, stored, again, found), 1):
            name = f"{place}, {noun} {a.get('label', number)!r}"
            found.differences += _exact(name, _without_numbers(a), _without_numbers(b))
            numbers = dict(_numbers(b, *spans))
            for what, (values, span) in _numbers(a, *spans):
                if what in numbers:
                    _compare_numbers(f"{name}, {what}", values, numbers[what][0], span, found)


def _pairs(
    place: str, key: str, stored: dict[str, Any], again: dict[str, Any], found: PlotComparison
) -> Iterator[tuple[Any, Any]]:
    a, b = stored.get(key, []), again.get(key, [])
    if len(a) != len(b):
        found.differences.append(f"{place}: {len(b)} {key}, were {len(a)}")
    return zip(a, b, strict=False)


def _exact(
    place: str, stored: dict[str, Any], again: dict[str, Any], without: set[str] | None = None
) -> Iterator[str]:
    """Yield what differs in texts and other values that have no tolerance."""
    for key in sorted({*stored, *again} - (without or set())):
        a, b, word = stored.get(key), again.get(key), _DISPLAY_NAMES.get(key, key)
        if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            for number, (old, new) in enumerate(zip(a, b, strict=True), 1):
                if old != new:
                    yield f"{place}, {word} {number}: {new!r} was {old!r}"
        elif a != b:
            yield f"{place}, {word}: {_shown_value(b)} was {_shown_value(a)}"


def _shown_value(value: Any) -> str:
    return "none" if value is None else repr(value)


def _without_numbers(series: dict[str, Any]) -> dict[str, Any]:
    """Return what of a series must be equal: texts, colours, and which arrays there are."""
    texts = {key: value for key, value in series.items() if key not in _NUMERIC}
    arrays = {key: value for key, value in series.items() if key in _NUMERIC}
    shapes = {k: v["shape"] if isinstance(v, dict) else "listed" for k, v in arrays.items()}
    return texts | {f"numbers of {_DISPLAY_NAMES.get(k, k)}": shape for k, shape in shapes.items()}


def _numbers(
    series: dict[str, Any], x: _Span, y: _Span
) -> Iterator[tuple[str, tuple[NDArray[np.float64], _Span]]]:
    """Yield the arrays of a series by name, each with the span that it is read against."""
    for key in sorted(_NUMERIC & set(series)):
        if isinstance(series[key], dict):  # too many to be listed
            span = x if key == "x" else _colour_span(series) if key == "values" else y
            yield f"{key} (least, mean, most)", (_array(series[key]["min_mean_max"]), span)
        elif key == "x_y_width_height":
            left, bottom, width, height = _array(series[key]).reshape(-1, 4).T
            yield "left", (left, x)
            yield "right", (left + width, x)
            yield "bottom", (bottom, y)
            yield "top", (bottom + height, y)
        elif key in {"x_y", "outlines"}:
            parts = series[key] if key == "outlines" else [series[key]]
            points = np.concatenate([np.empty((0, 2)), *(_array(p).reshape(-1, 2) for p in parts)])
            yield "x", (points[:, 0], x)
            yield "y", (points[:, 1], y)
        elif key == "extent":
            left, right, bottom, top = series[key]
            yield "extent in x", (_array([left, right]), x)
            yield "extent in y", (_array([bottom, top]), y)
        elif key == "sizes":
            yield key, (_array(series[key]), _Span(0.0, max(series[key], default=1.0)))
        else:
            span = {"x": x, "y": y}.get(key) or _colour_span(series)
            yield _DISPLAY_NAMES.get(key, key), (_array(series[key]), span)


def _colour_span(series: dict[str, Any]) -> _Span:
    low, high = series.get("color_limits") or (None, None)
    return _Span(0.0, 1.0) if low is None or high is None else _Span(low, high)


def _array(values: Any) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _compare_numbers(
    place: str, stored: ArrayLike, again: ArrayLike, span: _Span, found: PlotComparison
) -> None:
    """Note the number that moved furthest, if it moved too far, and how many others did."""
    a, b = _array(stored), _array(again)
    if a.shape != b.shape:
        shapes = (" x ".join(map(str, array.shape)) for array in (b, a))
        found.differences.append(f"{place}: {next(shapes)} numbers, were {next(shapes)}")
        return
    shifts = span.shifts(a, b)
    found.moved = max(found.moved, float(shifts.max(initial=0.0)))
    # The numbers are stored with six digits: half a unit of the last is no move.
    outside = int((shifts > found.tolerance + 1e-6).sum())
    if outside:
        worst = np.unravel_index(int(shifts.argmax()), shifts.shape)
        point = " x ".join(str(index + 1) for index in worst)
        more = f" (and {outside - 1} more)" if outside > 1 else ""
        found.differences.append(
            f"{place} at point {point}: {b[worst]:.6g} was {a[worst]:.6g}, "
            f"tolerance {span.allowed(found.tolerance)}{more}"
        )
