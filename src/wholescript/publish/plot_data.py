"""The data of a figure, extracted from its axes, to compare plots by content."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.category import StrCategoryLocator
from matplotlib.collections import Collection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from numpy.typing import ArrayLike

from wholescript.plots.text import as_drawn

DIGITS = 6
MAX_VALUES = 20_000
_CHOSEN_TICKS = (FixedLocator, StrCategoryLocator)


def plotted_data(figure: Figure) -> dict[str, Any]:
    """Return the series, labels and limits of every axes of a figure, as JSON-able values."""
    return {
        "size_inches": _numbers(figure.get_size_inches()),
        "axes": [_axes_data(axes) for axes in figure.axes],
    }


def _axes_data(axes: Axes) -> dict[str, Any]:
    legend = axes.get_legend()
    data = {
        "title": as_drawn(axes.get_title() or axes.get_title(loc="left")),
        "x": _axis_data(axes, "x"),
        "y": _axis_data(axes, "y"),
        "lines": [_line(line) for line in axes.get_lines()],
        "bars": [_bars(c) for c in axes.containers if isinstance(c, BarContainer)],
        "points": [_points(c) for c in axes.collections if isinstance(c, PathCollection)],
        "areas": [_area(c) for c in axes.collections if not isinstance(c, PathCollection)],
        "images": [_image(image) for image in axes.get_images()],
        "texts": [as_drawn(text.get_text()) for text in axes.texts if text.get_text()],
        "legend": [as_drawn(text.get_text()) for text in legend.get_texts()] if legend else [],
    }
    return {key: value for key, value in data.items() if value}


def _axis_data(axes: Axes, which: str) -> dict[str, Any]:
    axis = axes.xaxis if which == "x" else axes.yaxis
    limits = axes.get_xlim() if which == "x" else axes.get_ylim()
    data = {
        "label": as_drawn(axis.get_label_text()),
        "scale": axis.get_scale(),
        "limits": _numbers(limits),
    }
    # Ticks that Matplotlib chooses follow from the limits: on a slower machine an axis of time has
    # other ones, although all points are within their tolerance.
    if isinstance(axis.get_major_locator(), _CHOSEN_TICKS):
        low, high = sorted(limits)
        axis.get_ticklabels()  # updates the ticks
        # Axes with shared ticks have locations without labels: use the ticks themselves.
        ticks = [(tick.get_loc(), tick.label1) for tick in axis.get_major_ticks()]
        data["ticks"] = [as_drawn(label.get_text()) for at, label in ticks if low <= at <= high]
    return data


def _line(line: Any) -> dict[str, Any]:
    x, y = line.get_xdata(orig=False), line.get_ydata(orig=False)
    return _series(line, x=_numbers(x), y=_numbers(y), color=to_hex(line.get_color()))


def _bars(container: BarContainer) -> dict[str, Any]:
    boxes = [
        [bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height()] for bar in container.patches
    ]
    colors = [to_hex(bar.get_facecolor()) for bar in container.patches]
    return _series(container, x_y_width_height=_numbers(boxes), colors=_collapse_equal(colors))


def _points(points: PathCollection) -> dict[str, Any]:
    return _series(
        points,
        x_y=_numbers(np.asarray(points.get_offsets())),
        sizes=_collapse_equal(_numbers(points.get_sizes())),
        **_colors(points),
    )


def _area(area: Collection) -> dict[str, Any]:
    paths = [_numbers(path.vertices) for path in area.get_paths()]
    return _series(area, outlines=paths, **_colors(area))


def _image(image: Any) -> dict[str, Any]:
    values, extent = _numbers(image.get_array()), _numbers(image.get_extent())
    return _series(image, values=values, extent=extent, **_colormap(image))


def _series(artist: Any, **values: Any) -> dict[str, Any]:
    label = as_drawn(str(artist.get_label() or ""))
    named = {} if label.startswith("_") or not label else {"label": label}
    return named | {key: value for key, value in values.items() if value is not None}


def _colors(collection: Collection) -> dict[str, Any]:
    values = collection.get_array()
    if values is not None:
        return {"values": _numbers(values), **_colormap(collection)}
    faces = np.asarray(collection.get_facecolor()).reshape(-1, 4)
    return {"colors": _collapse_equal([to_hex(tuple(face)) for face in faces])}


def _colormap(mappable: Any) -> dict[str, Any]:
    return {"colormap": mappable.get_cmap().name, "color_limits": _numbers(mappable.get_clim())}


def _collapse_equal(values: list[Any]) -> list[Any]:
    return values[:1] if values and all(value == values[0] for value in values) else values


def _numbers(values: ArrayLike) -> Any:
    """Return nested lists rounded to `DIGITS` significant digits; a summary of large arrays."""
    array = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    if array.size > MAX_VALUES:
        finite = array[np.isfinite(array)]
        return {
            "shape": list(array.shape),
            "min_mean_max": _numbers([finite.min(), finite.mean(), finite.max()]),
        }
    return _rounded(array.tolist())


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    # JSON has no NaN: a gap in a line is null.
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
