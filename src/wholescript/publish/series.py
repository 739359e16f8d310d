"""The plotted data of a figure as a long table (CSV), for the download on its page.

Standard library only, so that the theme of the site can import it.
"""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

Row = dict[str, Any]


def series_csv(plotted: dict[str, Any]) -> str:
    """Return the result of `plot_data.plotted_data` as CSV with one row per point.

    Columns: `panel` (from 1), `kind`, `series` (its label or number), and those of x, y, width,
    height and value that these kinds have. Arrays stored as a summary are left out.
    """
    rows: list[Row] = []
    for panel, axes in enumerate(plotted["axes"], 1):
        for kind, reader in _ROW_READERS.items():
            for number, series in enumerate(axes.get(kind, []), 1):
                head = {"panel": panel, "kind": kind, "series": series.get("label", number)}
                rows += [head | point for point in reader(series)]
    columns = dict.fromkeys(name for row in rows for name in row)
    names = list(columns) or ["panel", "kind", "series", "x", "y"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _line_points(line: Row) -> Iterator[Row]:
    if isinstance(line["x"], list):
        yield from ({"x": x, "y": y} for x, y in zip(line["x"], line["y"], strict=True))


def _bar_boxes(bars: Row) -> Iterator[Row]:
    names = ("x", "y", "width", "height")
    yield from (dict(zip(names, box, strict=True)) for box in bars["x_y_width_height"])


def _scatter_points(points: Row) -> Iterator[Row]:
    if isinstance(points["x_y"], list):
        values = points.get("values") or [None] * len(points["x_y"])
        for (x, y), value in zip(points["x_y"], values, strict=True):
            yield {"x": x, "y": y} | ({} if value is None else {"value": value})


def _outlines(area: Row) -> Iterator[Row]:
    yield from ({"x": x, "y": y} for outline in area["outlines"] for x, y in outline)


def _pixels(image: Row) -> Iterator[Row]:
    if isinstance(image["values"], list):
        for y, row in enumerate(image["values"]):
            yield from ({"x": x, "y": y, "value": value} for x, value in enumerate(row))


_ROW_READERS: dict[str, Callable[[Row], Iterator[Row]]] = {
    "lines": _line_points,
    "bars": _bar_boxes,
    "points": _scatter_points,
    "areas": _outlines,
    "images": _pixels,
}
