"""Names written beside lines and points in place of a legend.

Where there is room, no two names overlap and no lines to them cross.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from wholescript.plots.style import text_color
from wholescript.plots.ticks import row_name

LABEL_WIDTH = 17  # characters of a line beside the axes
LINE_HEIGHT = 0.18  # inches: of a line of text
GAP = 1.12  # distance of two labels, in heights of the upper one
DISTANCES = (7, 16, 28, 44, 62, 80)  # points from a point to its label
STEPS = (0, 1, -1, 0.5, -0.5)
DIRECTIONS = [(right, up) for right in STEPS for up in STEPS if max(abs(right), abs(up)) == 1]
N_ROUNDS = 4  # in which each label is moved to its best place among the others
GUTTER = np.array([4.0, 2.0])  # points around bars and labels
HIDDEN, OUTSIDE = 5.0, 2.0  # costs of a square pixel of a label over others, outside the axes
COVERED, CROSSED = 1e4, 1e6  # of a leader over a point or a name, and over a leader
N_STEPS = 25  # points of a leader that are looked at
LEADER_WIDTH = 0.6
Points = NDArray[np.float64]


def labels_height(names: Sequence[str]) -> float:
    """Return the height in inches that axes need for the names of lines beside them."""
    n_lines = sum(row_name(name, LABEL_WIDTH).count("\n") + 1 for name in names)
    return LINE_HEIGHT * n_lines + 0.1 * len(names)


def label_lines(axes: Axes, lines: Sequence[Line2D], *, width: int = LABEL_WIDTH) -> None:
    """Write the label of each line right of the axes, at the height of its last point.

    Labels that would overlap are moved apart. A thin line joins each to the end of its line: it is
    level inside the axes, so that no two cross. Call it when the figure is complete: it needs the
    layout.
    """
    labels, edge = [], axes.get_yaxis_transform()
    for line in lines:
        x, y = np.asarray(line.get_xydata())[-1]
        leader: dict[str, Any] = {
            "arrowstyle": "-", "color": line.get_color(), "linewidth": LEADER_WIDTH,
            "linestyle": line.get_linestyle(),
        }  # fmt: skip
        level = ConnectionPatch((x, y), (1, y), axes.transData, edge, **leader)
        axes.add_artist(level).set_in_layout(False)
        labels.append(
            axes.annotate(
                row_name(str(line.get_label()), width), (1, y), (1.04, 0.5), edge,
                "axes fraction", color=text_color(line.get_color()), ha="left", va="center",
                annotation_clip=False,
                arrowprops={**leader, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 0},
            )
        )  # fmt: skip
    if not labels:
        return
    _root_figure(axes).draw_without_rendering()
    box = axes.get_window_extent()
    ends = [edge.transform(label.xy)[1] for label in labels]
    heights = [text_box(label).height * GAP for label in labels]
    for label, centre in zip(labels, spread(ends, heights, box.y0, box.y1), strict=True):
        label.set_position((1.04, (centre - box.y0) / box.height))


def spread(
    centres: Sequence[float], heights: Sequence[float], low: float, high: float
) -> NDArray[np.float64]:
    """Return centres of intervals of these heights that do not overlap, as near as can be.

    They stay between `low` and `high` where they fit. It is a least-squares fit of ascending
    values, once the sum of the heights below each interval is subtracted.
    """
    order = np.argsort(centres, kind="stable")
    sorted_heights = np.asarray(heights, dtype=np.float64)[order]
    offsets = np.concatenate([[0], np.cumsum((sorted_heights[1:] + sorted_heights[:-1]) / 2)])
    lowest = low + sorted_heights[0] / 2
    highest = high - sorted_heights[-1] / 2 - offsets[-1]
    bounds = {"y_min": lowest, "y_max": highest} if lowest < highest else {}
    fitted = isotonic_regression(np.asarray(centres, dtype=np.float64)[order] - offsets, **bounds)
    moved = np.empty(len(order))
    moved[order] = fitted + offsets
    return moved


def label_points(
    axes: Axes,
    names: Sequence[str],
    x: Sequence[float],
    y: Sequence[tuple[float, float, float]],
    colors: Sequence[str],
) -> None:
    """Write a name near each point (n,), where it covers the least of points and other names.

    Where there is room, no lines from names to their points cross. `y` has the value of each point,
    and the ends of its error bar. Call it when the figure is complete: it needs the layout.
    """
    figure = _root_figure(axes)
    figure.draw_without_rendering()
    values = [value for value, _, _ in y]
    centres, low, high = (
        axes.transData.transform(np.column_stack([x, ends]))
        for ends in (values, [low for _, low, _ in y], [high for _, _, high in y])
    )
    gutter = GUTTER * figure.dpi / 72
    bars = np.stack([low - gutter, high + gutter], 1)
    labels = [
        axes.annotate(
            row_name(name, LABEL_WIDTH), at, (0, 0), "data", "offset points",
            color=text_color(color), ha="center", va="center", linespacing=1.0,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": color, "linewidth": LEADER_WIDTH, "shrinkA": 0,
                "shrinkB": 3,
            },
        )
        for name, at, color in zip(names, zip(x, values, strict=True), colors, strict=True)
    ]  # fmt: skip
    sizes = np.array([text_box(label).size for label in labels])
    inside = axes.get_window_extent().get_points()
    order = np.argsort(values)
    shifts = min(
        (_arrange(start, centres, sizes, bars, inside, figure.dpi / 72)
         for start in (range(len(labels)), order, order[::-1])),
        key=lambda arranged: arranged[0],
    )[1]  # fmt: skip
    for label, shift in zip(labels, shifts * 72 / figure.dpi, strict=True):
        label.set_position(tuple(shift))


def text_box(label: Annotation) -> Bbox:
    """Return the box of the text of a label in pixels, without the line to its point."""
    return Text.get_window_extent(label)


def _arrange(
    order: Iterable[int],
    centres: Points,
    sizes: Points,
    bars: Points,
    inside: Points,
    pixels: float,
) -> tuple[float, Points]:
    """Place labels one by one, then each again among the others; return the cost and the shifts.

    `centres` (n, 2) has the points and `sizes` (n, 2) those of the labels, `bars` (n, 2, 2) the
    corners of error bars; all in pixels, of which a point has `pixels`.
    """
    n, order = len(centres), list(order)
    shifts, costs, placed = np.zeros((n, 2)), np.zeros(n), np.zeros(n, dtype=bool)
    gutter = GUTTER * pixels
    for k in order * N_ROUNDS:
        placed[k] = False
        ends = centres[placed] + shifts[placed]
        half = sizes[placed] / 2 + gutter
        boxes = np.stack([ends - half, ends + half], 1)
        around = np.concatenate([np.delete(bars, k, 0), boxes])
        leaders = np.stack([centres[placed], ends], 1)
        directions = np.repeat(DIRECTIONS, len(DISTANCES), 0)
        distances = np.tile(DISTANCES, len(DIRECTIONS))
        tried = directions * (sizes[k] / 2 + distances[:, None] * pixels)
        cost = _cost(centres[k], tried, sizes[k], bars[k], around, leaders, inside)
        best = np.argmin(cost + distances**2)
        shifts[k], costs[k], placed[k] = tried[best], cost[best] + distances[best] ** 2, True
    return float(costs.sum()), shifts


def _cost(
    centre: Points,
    shifts: Points,
    size: Points,
    bar: Points,
    around: Points,
    leaders: Points,
    inside: Points,
) -> Points:
    """Return the cost (m,) of a label at `centre` + `shifts` (m, 2)."""
    ends = centre + shifts
    boxes = np.stack([ends - size / 2, ends + size / 2], 1)
    steps = np.linspace(0, 1, N_STEPS)[:, None]
    own = centre + shifts[:, None] * steps  # (m, steps, 2): points of the leader of the label
    others = leaders[:, :1] + (leaders[:, 1:] - leaders[:, :1]) * steps
    hidden = _overlaps(boxes, np.concatenate([bar[None], around])).sum(1)
    outside = size.prod() - _overlaps(boxes, inside[None])[:, 0]
    covered = _contains(around, own).any(2).sum(0) + _contains(boxes, others).any(2).sum(1)
    crossed = _intersect(own[:, None, [0, -1]], leaders).sum(1)
    return HIDDEN * hidden + OUTSIDE * outside + COVERED * covered + CROSSED * crossed


def _overlaps(boxes: Points, others: Points) -> Points:
    """Return the shared areas (m, n) of boxes (m, 2, 2) and others (n, 2, 2)."""
    low = np.maximum(boxes[:, None, 0], others[:, 0])
    high = np.minimum(boxes[:, None, 1], others[:, 1])
    return np.clip(high - low, 0, None).prod(-1)


def _contains(boxes: Points, points: Points) -> NDArray[np.bool_]:
    """Return whether each box (m, 2, 2) contains points (..., 2), with shape (m, ...)."""
    low, high = (boxes[:, corner].reshape(-1, *[1] * (points.ndim - 1), 2) for corner in (0, 1))
    return np.logical_and.reduce((points > low) & (points < high), axis=-1)


def _intersect(one: Points, other: Points) -> NDArray[np.bool_]:
    """Return whether segments (..., 2, 2) intersect."""

    def turns(segment: Points, points: Points) -> Points:
        ahead, aside = segment[..., 1, :] - segment[..., 0, :], points - segment[..., :1, :]
        return ahead[..., None, 0] * aside[..., 1] - ahead[..., None, 1] * aside[..., 0]

    return (turns(one, other).prod(-1) < 0) & (turns(other, one).prod(-1) < 0)


def _root_figure(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure
