"""Names written beside lines and points in place of a legend: no two overlap, no leaders cross."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch
from matplotlib.path import Path
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
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
N_ROUNDS = 4  # in which each label is moved to its best place among the others
COVERED, CROSSED = 1e4, 1e6  # costs of a leader over a point or a name, and over a leader
LEADER_WIDTH = 0.6


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
        leader = {"arrowstyle": "-", "color": line.get_color(), "linewidth": LEADER_WIDTH}
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

    Lines from the names to their points do not cross. `y` has the value of each point, and the
    ends of its error bar. Call it when the figure is complete: it needs the layout.
    """
    figure = _root_figure(axes)
    figure.draw_without_rendering()
    values = [value for value, _, _ in y]
    centres, low, high = (
        axes.transData.transform(np.column_stack([x, ends]))
        for ends in (values, [low for _, low, _ in y], [high for _, _, high in y])
    )
    margin = np.array([4.0, 2.0]) * figure.dpi / 72
    bars = [Bbox([a - margin, b + margin]) for a, b in zip(low, high, strict=True)]
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
    inside, placed = axes.get_window_extent(), dict[int, Bbox]()
    for k in [*range(len(labels))] * N_ROUNDS:
        placed.pop(k, None)
        leaders = [_leader(centres[other], box) for other, box in placed.items()]
        taken = [*(bar for other, bar in enumerate(bars) if other != k), *placed.values()]
        placed[k] = _place(labels[k], centres[k], bars[k], taken, leaders, inside)


def text_box(label: Annotation) -> Bbox:
    """Return the box of the text of a label in pixels, without the line to its point."""
    return Text.get_window_extent(label)


def _place(
    label: Annotation,
    centre: NDArray[np.float64],
    bar: Bbox,
    taken: Sequence[Bbox],
    leaders: Sequence[Path],
    inside: Bbox,
) -> Bbox:
    """Move a label to its best place, the nearest of several; return its box.

    It covers the least of `bar`, that of its own point, and of `taken`, the other bars and labels.
    """
    text, pixels = text_box(label), _root_figure(label.axes).dpi / 72
    best: tuple[float, tuple[float, float], Bbox] | None = None
    for distance in DISTANCES:
        for direction in DIRECTIONS:
            reach = np.array([text.width, text.height]) / 2 + distance * pixels
            shift = direction * reach
            low = centre + shift - (text.width / 2, text.height / 2)
            box = Bbox.from_bounds(low[0], low[1], text.width, text.height)
            leader = _leader(centre, box)
            hidden = sum(_overlap(box, other) for other in (bar, *taken))
            outside = text.width * text.height - _overlap(box, inside)
            covered = sum(leader.intersects_bbox(other) for other in taken)
            covered += sum(other.intersects_bbox(box) for other in leaders)
            crossed = sum(leader.intersects_path(other, filled=False) for other in leaders)
            cost = hidden + 2 * outside + distance + COVERED * covered + CROSSED * crossed
            if best is None or cost < best[0]:
                best = cost, (shift[0] / pixels, shift[1] / pixels), box
    assert best is not None
    label.set_position(best[1])
    return best[2]


def _leader(point: NDArray[np.float64], box: Bbox) -> Path:
    """Return the line from a point to the centre of the box of its label."""
    return Path([point, ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)])


def _overlap(a: Bbox, b: Bbox) -> float:
    shared = Bbox.intersection(a, b)
    return 0.0 if shared is None else float(shared.width * shared.height)


def _root_figure(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure
