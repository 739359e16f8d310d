import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.plots import films as plots
from wholescript.plots.forest import forest_plot, grouped_forest_plot


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture
def models(make_predictions):
    return {"tfidf": make_predictions(n_repeats=2), "stacking": make_predictions(seed=1)}


def table(*names):
    values = np.linspace(0.6, 0.8, len(names))
    return pd.DataFrame({"value": values, "low": values - 0.1, "high": values + 0.05}, names)


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_forest_plot_has_a_row_per_name_from_the_top():
    (axes,) = forest_plot(table("a", "b"), "AUROC", reference=0.5).axes
    assert labels(axes.yaxis) == ["a", "b"]
    points = axes.lines[0].get_xydata()
    np.testing.assert_allclose(points, [[0.6, 1], [0.8, 0]])
    ends = axes.collections[0].get_segments()[0][:, 0]
    np.testing.assert_allclose(ends, [0.5, 0.65])


def test_grouped_forest_plot_shares_the_rows_of_one_name():
    tables = {"words": table("a", "b"), "network": table("b", "c")}
    (axes,) = grouped_forest_plot(tables, "AUROC").axes
    assert labels(axes.yaxis) == ["a", "b", "c"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["words", "network"]


def test_curves_have_a_line_per_model_and_one_of_chance(models):
    for draw, reference in (
        (plots.roc, "chance"),
        (plots.precision_recall, "chance"),
        (plots.reliability_diagram, "perfect calibration"),
    ):
        (axes,) = draw(models).axes
        assert axes.get_legend_handles_labels()[1] == ["tfidf", "stacking", reference]


def test_confusion_counts_the_films_of_a_repeat(models):
    figure = plots.confusion(models)
    assert [axes.get_title() for axes in figure.axes] == ["tfidf", "stacking"]
    cells = [int(text.get_text().split()[0]) for text in figure.axes[0].texts]
    assert sum(cells) == pytest.approx(120, abs=2)
    assert sum(cells[2:]) == pytest.approx(30, abs=1)


def test_decades_and_thresholds_are_drawn(models):
    rows = [{"decade": d, "model": m, "n_films": 9} for m in models for d in (1980, 1990)]
    by_decade = pd.DataFrame(rows).assign(value=0.7, low=0.6, high=0.8)
    (axes,) = plots.by_decade(by_decade).axes
    assert labels(axes.xaxis) == ["1980s", "1990s"]
    thresholds = pd.DataFrame(
        {"at_half": [0.5, 0.6], "at_threshold": [0.6, 0.65]}, ["none", "SMOTE"]
    )
    (axes,) = plots.compare_thresholds(thresholds).axes
    assert labels(axes.yaxis) == ["none", "SMOTE"]
