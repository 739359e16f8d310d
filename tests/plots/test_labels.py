"""Names beside lines and points: none covers another, all are inside the figure."""

import itertools
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, FancyArrowPatch
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from wholescript.plots.documents import error_against_training_time, learning_curves
from wholescript.plots.labels import label_lines, spread, text_box
from wholescript.plots.style import set_style


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with plt.rc_context():
        set_style()
        yield


NAMES = ["TF-IDF + linear SVM", "naive Bayes", "mean pooling", "SmolLM2-135M, LoRA", "stacking"]


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(1, 30)), min_size=1, max_size=8))
def test_spread_intervals_do_not_overlap(given_: list[tuple[float, float]]) -> None:
    centres, heights = map(np.array, zip(*given_, strict=True))
    moved = spread(centres, heights, 0, 100)
    order = np.argsort(moved, kind="stable")
    gaps = np.diff(moved[order]) - (heights[order][1:] + heights[order][:-1]) / 2
    assert (gaps > -1e-6).all()
    if heights.sum() < 100:
        assert (moved - heights / 2 > -1e-6).all() and (moved + heights / 2 < 100 + 1e-6).all()


def test_intervals_that_do_not_overlap_stay_where_they_are() -> None:
    assert spread([80, 20], [10, 10], 0, 100).tolist() == [80, 20]


def label_boxes(figure: Figure) -> list[Bbox]:
    figure.draw_without_rendering()
    return [text_box(text) for axes in figure.axes for text in axes.texts]


def assert_readable(figure: Figure) -> None:
    boxes = label_boxes(figure)
    assert len(boxes) == len(NAMES)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    for box in boxes:
        assert figure.bbox.padded(1).contains(box.x0, box.y0)
        assert figure.bbox.padded(1).contains(box.x1, box.y1)
    plt.close(figure)


def test_names_of_lines_do_not_overlap() -> None:
    rows = [
        {"model": name, "n_train": n, "accuracy": 0.8 + 0.001 * k, "low": 0.79, "high": 0.82}
        for k, name in enumerate(NAMES)
        for n in (100, 1_000)
    ]
    assert_readable(learning_curves(pd.DataFrame(rows)))


def test_names_of_points_do_not_overlap() -> None:
    accuracy = np.linspace(0.9, 0.91, len(NAMES))
    table = pd.DataFrame(
        {"accuracy": accuracy, "low": accuracy - 0.01, "high": accuracy + 0.01}, NAMES
    )
    assert_readable(error_against_training_time(table.assign(seconds=[10, 11, 12, 900, 1_000])))


def leaders(axes: Axes) -> list[list[Path]]:
    """Return the lines drawn from each label to its point, in pixels."""
    axes.figure.draw_without_rendering()
    drawn: list[FancyArrowPatch | None] = [
        text.arrow_patch for text in axes.texts if isinstance(text, Annotation)
    ]
    levels = [patch for patch in axes.patches if isinstance(patch, ConnectionPatch)]
    paths = [
        arrow.get_path().transformed(arrow.get_transform())
        for arrow in (*drawn, *levels)
        if arrow is not None
    ]
    return [paths[k :: len(drawn)] for k in range(len(drawn))]


def n_crossed(axes: Axes) -> int:
    return sum(
        one.intersects_path(other, filled=False)
        for a, b in itertools.combinations(leaders(axes), 2)
        for one, other in itertools.product(a, b)
    )


@pytest.mark.parametrize("seed", range(4))
def test_leaders_of_points_do_not_cross(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"{name}, {k} epochs" for k in (1, 2, 3) for name in NAMES]
    accuracy = 0.9 + 0.005 * rng.random(len(names))  # all near each other
    table = pd.DataFrame({"accuracy": accuracy, "low": accuracy - 0.01, "high": accuracy}, names)
    seconds = 10 ** rng.uniform(1, 1.5, len(names))
    figure = error_against_training_time(table.assign(seconds=seconds))
    assert len(leaders(figure.axes[0])) == len(names)
    assert n_crossed(figure.axes[0]) == 0
    plt.close(figure)


def test_leaders_of_lines_that_end_at_different_places_do_not_cross() -> None:
    figure, axes = plt.subplots()
    ends = [(4, 0.50), (10, 0.49), (6, 0.52), (3, 0.485), (10, 0.51)]
    lines = [
        axes.plot([0, x], [0.9, y], label=name)[0] for name, (x, y) in zip(NAMES, ends, strict=True)
    ]
    axes.set_ylim(0, 1)
    label_lines(axes, lines)
    assert [len(parts) for parts in leaders(axes)] == [2] * len(NAMES)
    assert n_crossed(axes) == 0
    plt.close(figure)
