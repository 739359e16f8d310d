import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.plots import films as plots
from wholescript.plots.forest import forest_plot, grouped_forest_plot, stacked_forest_plot
from wholescript.plots.style import family_of


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


def legend_names(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_rows_are_sorted_by_value_unless_their_order_means_something():
    (axes,) = forest_plot(table("a", "b"), "AUROC", reference=0.5, in_order=True).axes
    assert labels(axes.yaxis) == ["a", "b"]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0.6, 1], [0.8, 0]])
    ends = axes.collections[0].get_segments()[0][:, 0]
    np.testing.assert_allclose(ends, [0.5, 0.65])
    (axes,) = forest_plot(table("a", "b"), "AUROC").axes
    assert labels(axes.yaxis) == ["b", "a"]


def test_each_family_of_models_has_its_colour_and_a_name_in_the_legend():
    names = ["TF-IDF + linear SVM", "naive Bayes", "mean pooling"]
    figure = forest_plot(table(*names), "AUROC", published={"GPT-2, published": 0.7})
    (axes,) = figure.axes
    counts, frozen = (line.get_color() for line in axes.lines[:2])
    assert (counts, frozen) == (family_of("TF-IDF").color, family_of("mean pooling").color)
    assert legend_names(figure) == ["TF-IDF and n-grams", "frozen embeddings", "GPT-2, published"]


def test_rows_of_one_model_have_its_colour():
    figure = forest_plot(table("quarter 1", "quarter 2"), "AUROC", model="naive Bayes")
    assert figure.axes[0].lines[0].get_color() == family_of("naive Bayes").color
    assert not figure.legends


def test_bounds_on_the_wrong_side_are_drawn_at_the_value():
    rounded = pd.DataFrame({"value": [0.5], "low": [0.50001], "high": [0.6]}, ["a"])
    ends = forest_plot(rounded, "ECE").axes[0].collections[0].get_segments()[0][:, 0]
    np.testing.assert_allclose(ends, [0.5, 0.6])


def test_grouped_forest_plot_shares_the_rows_of_one_name():
    tables = {"words": table("a", "b"), "network": table("b", "c")}
    figure = grouped_forest_plot(tables, "AUROC", in_order=True)
    assert labels(figure.axes[0].yaxis) == ["a", "b", "c"]
    assert legend_names(figure) == ["words", "network"]


def test_stacked_forest_plot_has_a_panel_per_table_with_its_own_rows():
    tables = {"Banking77": table("a", "b"), "IMDB": table("b")}
    upper, lower = stacked_forest_plot(tables, "accuracy").axes
    assert (upper.get_title(), lower.get_title()) == ("Banking77", "IMDB")
    assert (labels(upper.yaxis), labels(lower.yaxis)) == (["b", "a"], ["b"])


def test_curves_have_a_line_per_model_and_one_of_chance(models):
    for draw in (plots.roc, plots.precision_recall):
        (axes,) = draw(models).axes
        assert axes.get_legend_handles_labels()[1] == ["tfidf", "stacking", "chance"]


def test_calibration_has_a_panel_per_model(models):
    panels = plots.reliability_diagram(models).axes
    assert [axes.get_title() for axes in panels] == ["tfidf", "stacking"]


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
    assert labels(axes.yaxis) == ["SMOTE", "none"]
