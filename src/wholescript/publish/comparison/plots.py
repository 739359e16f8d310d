"""Comparison of plotted data: texts, colours and structure exactly, numbers with a tolerance.

The inputs have the form of `plot_data.plotted_data`. The tolerance of a number is a fraction of a
span: the limits of its axis (in decades for a logarithmic one) or of its colour map. An axis of
measured time or memory is compared by its ratios (`measured.py`), without its limits and ticks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wholescript.publish.comparison.measured import Ratios, is_measured_axis

TOLERANCE = 0.02  # for figures that were stored without a tolerance
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
    """The differences as messages, and the largest shift of a number.

    `tolerance` and `max_shift` are fractions of the span; `max_shift` is inf if a value became NaN
    or stopped being NaN.
    """

    tolerance: float
    differences: list[str] = field(default_factory=list)
    max_shift: float = 0.0


@dataclass(frozen=True)
class _Span:
    """The limits of an axis or of a colour map.

    `ratios` collects the numbers of a measured axis.
    """

    low: float
    high: float
    log: bool = False
    ratios: Ratios | None = None

    @property
    def width(self) -> float:
        ends = self.scaled([self.low, self.high])
        return float(abs(ends[1] - ends[0])) or 1.0

    def scaled(self, values: ArrayLike) -> NDArray[np.float64]:
        with np.errstate(divide="ignore", invalid="ignore"):
            array = np.asarray(values, dtype=np.float64)
            return np.log10(array) if self.log else array

    def shifts(self, stored: ArrayLike, new: ArrayLike) -> NDArray[np.float64]:
        """Return the absolute change of each number as a fraction of the width."""
        a, b = self.scaled(stored), self.scaled(new)
        with np.errstate(invalid="ignore"):
            shifts = np.where(a == b, 0.0, np.abs(b - a) / self.width)
        gaps = np.isnan(a) & np.isnan(b)
        return np.where(gaps, 0.0, np.where(np.isnan(shifts), np.inf, shifts))

    def allowed(self, tolerance: float) -> str:
        """Return the tolerance in the unit of the numbers, as text."""
        reach = tolerance * self.width
        return f"a factor of {10**reach:.3g}" if self.log else f"{reach:.3g}"


def compare_plots(stored: dict[str, Any], new: dict[str, Any]) -> PlotComparison:
    """Compare the plotted data of two figures, with the tolerance stored with the first."""
    comparison = PlotComparison(stored.get("tolerance", TOLERANCE))
    default = {"tolerance": TOLERANCE}
    comparison.differences += _exact("figure", default | stored, default | new, without={"axes"})
    for number, (a, b) in enumerate(_pairs("figure", "axes", stored, new, comparison), 1):
        _compare_axes(f"axes {number}", a, b, comparison)
    return comparison


def _compare_axes(
    place: str, stored: dict[str, Any], new: dict[str, Any], comparison: PlotComparison
) -> None:
    comparison.differences += _exact(place, stored, new, without={"x", "y", *_SERIES})
    spans = []
    for which in ("x", "y"):
        a, b = stored[which], new[which]
        low, high = a["limits"]
        ratios = Ratios() if is_measured_axis(a["label"]) else None
        spans.append(_Span(low, high, log=a["scale"] == "log", ratios=ratios))
        if ratios is not None:  # limits and ticks follow the numbers
            comparison.differences += _exact(f"{place}, {which}", a, b, {"limits", "ticks"})
            continue
        comparison.differences += _exact(f"{place}, {which}", a, b, {"limits"})
        _compare_numbers(
            f"{place}, {which} limits", a["limits"], b["limits"], spans[-1], comparison
        )
    for kind, noun in _SERIES.items():
        for number, (a, b) in enumerate(_pairs(place, kind, stored, new, comparison), 1):
            name = f"{place}, {noun} {a.get('label', number)!r}"
            comparison.differences += _exact(name, _without_numbers(a), _without_numbers(b))
            numbers = dict(_numbers(b, *spans))
            for what, (values, span) in _numbers(a, *spans):
                if what in numbers:
                    _compare_numbers(f"{name}, {what}", values, numbers[what][0], span, comparison)
    for span in spans:
        if span.ratios is not None:
            comparison.differences += span.ratios.differences()


def _pairs(
    place: str, key: str, stored: dict[str, Any], new: dict[str, Any], comparison: PlotComparison
) -> Iterator[tuple[Any, Any]]:
    a, b = stored.get(key, []), new.get(key, [])
    if len(a) != len(b):
        comparison.differences.append(f"{place}: {len(b)} {key}, were {len(a)}")
    return zip(a, b, strict=False)


def _exact(
    place: str, stored: dict[str, Any], new: dict[str, Any], without: set[str] | None = None
) -> Iterator[str]:
    """Yield the differences of texts and other values without a tolerance."""
    for key in sorted({*stored, *new} - (without or set())):
        a, b, word = stored.get(key), new.get(key), _DISPLAY_NAMES.get(key, key)
        if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            for number, (before, after) in enumerate(zip(a, b, strict=True), 1):
                if before != after:
                    yield f"{place}, {word} {number}: {after!r} was {before!r}"
        elif a != b:
            yield f"{place}, {word}: {_shown_value(b)} was {_shown_value(a)}"


def _shown_value(value: Any) -> str:
    return "none" if value is None else repr(value)


def _without_numbers(series: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a series that must be equal: texts, colours and shapes of arrays."""
    texts = {key: value for key, value in series.items() if key not in _NUMERIC}
    arrays = {key: value for key, value in series.items() if key in _NUMERIC}
    shapes = {k: v["shape"] if isinstance(v, dict) else "listed" for k, v in arrays.items()}
    return texts | {f"numbers of {_DISPLAY_NAMES.get(k, k)}": shape for k, shape in shapes.items()}


def _numbers(
    series: dict[str, Any], x: _Span, y: _Span
) -> Iterator[tuple[str, tuple[NDArray[np.float64], _Span]]]:
    """Yield the arrays of a series by name, each with its span."""
    for key in sorted(_NUMERIC & set(series)):
        if isinstance(series[key], dict):  # a summary of an array that was too large
            span = x if key == "x" else _colour_span(series) if key == "values" else y
            yield f"{key} (min, mean, max)", (_array(series[key]["min_mean_max"]), span)
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
    place: str, stored: ArrayLike, new: ArrayLike, span: _Span, comparison: PlotComparison
) -> None:
    """Record the largest shift, and how many numbers are out of tolerance."""
    a, b = _array(stored), _array(new)
    if a.shape != b.shape:
        shapes = (" x ".join(map(str, array.shape)) for array in (b, a))
        comparison.differences.append(f"{place}: {next(shapes)} numbers, were {next(shapes)}")
        return
    shifts = span.shifts(a, b)
    comparison.max_shift = max(comparison.max_shift, float(shifts.max(initial=0.0)))
    if span.ratios is not None:
        span.ratios.add(place, a, b)
        return
    # Numbers are stored with six digits: ignore half a unit of the last one.
    outside = int((shifts > comparison.tolerance + 1e-6).sum())
    if outside:
        worst = np.unravel_index(int(shifts.argmax()), shifts.shape)
        point = " x ".join(str(index + 1) for index in worst)
        more = f" (and {outside - 1} more)" if outside > 1 else ""
        comparison.differences.append(
            f"{place} at point {point}: {b[worst]:.6g} was {a[worst]:.6g}, "
            f"tolerance {span.allowed(comparison.tolerance)}{more}"
        )
