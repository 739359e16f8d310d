"""Figures of published results: names of the field, and ticks that do not touch."""

import itertools
from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from wholescript.files import ROOT
from wholescript.plots.style import set_style
from wholescript.studies.screenplays.plots.interpretation import topics
from wholescript.studies.screenplays.plots.search import metric_by_hyperparameter
from wholescript.studies.screenplays.search.results import read_search

SMALLEST_GAP = 0.1  # inches between the labels of two ticks: 7 pixels on a page of 350


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with plt.rc_context():
        set_style()
        yield


def draw_search() -> Figure:
    search = read_search(ROOT / "results" / "search" / "aggregators.json")
    table = search.active_table()
    return metric_by_hyperparameter(table, search.is_log_scale, "val_loss", "validation loss")


def draw_topics() -> Figure:
    rate, value = np.linspace(0.05, 0.32, 12), np.linspace(0.6, 0.78, 12)
    bounds = {"rate_low": rate - 0.03, "rate_high": rate + 0.12}
    table = pd.DataFrame({"rate": rate, "value": value, "low": value - 0.14, "high": value + 0.13})
    return topics(table.assign(**bounds), 0.18)


def test_hyperparameters_have_names_of_the_field() -> None:
    figure = draw_search()
    names = [axes.get_xlabel() for axes in figure.axes if axes.get_visible()]
    plt.close(figure)
    assert not [name for name in names if "_" in name.replace("(d_model)", "")]
    assert {"width (d_model)", "feed-forward width", "learning rate"} <= set(names)


@pytest.mark.parametrize("draw", [draw_search, draw_topics])
def test_labels_of_ticks_do_not_touch(draw: Callable[[], Figure]) -> None:
    figure = draw()
    figure.draw_without_rendering()
    boxes = [
        tick.label1.get_window_extent()
        for axes in figure.axes
        if axes.get_visible()
        for tick in axes.xaxis.get_major_ticks()
        if axes.xaxis.get_view_interval()[0] <= tick.get_loc() <= axes.xaxis.get_view_interval()[1]
    ]
    apart = SMALLEST_GAP * figure.dpi
    plt.close(figure)
    for a, b in itertools.combinations(boxes, 2):
        left, right = sorted((a, b), key=lambda box: box.x0)
        same_row = min(a.y1, b.y1) > max(a.y0, b.y0)
        assert not same_row or right.x0 - left.x1 >= apart
