import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.report.plotdata import plotted_data
from wholescript.report.plots import texts as plots


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_accuracy_is_drawn_over_size_with_its_interval():
    table = pd.DataFrame(
        {"value": [0.8, 0.9], "low": [0.7, 0.85], "high": [0.85, 0.92], "size": [10, 1000]}
    )
    figure = plots.by_size(table, "parameters")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "parameters"
    points, *_ = axes.lines
    np.testing.assert_allclose(points.get_xydata(), [[10, 0.8], [1000, 0.9]])
    ends = np.concatenate(axes.collections[0].get_segments())[:, 1]
    np.testing.assert_allclose(ends, [0.7, 0.85, 0.85, 0.92])
    assert plotted_data(figure)


def test_learning_curves_are_errors_in_order_of_size():
    table = pd.DataFrame(
        {
            "model": ["a", "a", "b"],
            "examples": [100, 10, 10],
            "accuracy": [0.9, 0.6, 0.7],
            "low": [0.85, 0.5, 0.6],
            "high": [0.95, 0.7, 0.8],
        }
    )
    (axes,) = plots.learning(table).axes
    first, second = axes.lines
    np.testing.assert_allclose(first.get_xydata(), [[10, 0.4], [100, 0.1]])
    np.testing.assert_allclose(second.get_xydata(), [[10, 0.3]])


def test_cost_is_drawn_as_error_against_seconds():
    table = pd.DataFrame(
        {"accuracy": [0.9, 0.7], "low": [0.8, 0.6], "high": [0.95, 0.8], "seconds": [1.0, 100.0]},
        index=["fast", "slow"],
    )
    (axes,) = plots.cost(table).axes
    drawn = [line.get_xydata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    assert any(np.allclose(point, [1.0, 0.1]) for point in drawn)
    assert axes.get_ylim()[0] == 0
