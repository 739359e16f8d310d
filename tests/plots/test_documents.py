import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.plots import documents as plots
from wholescript.publish.plot_data import plotted_data
from wholescript.studies.generative.tables import lm_losses_by_epoch


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_accuracy_is_drawn_with_its_interval():
    table = pd.DataFrame(
        {"value": [0.8, 0.9], "low": [0.7, 0.85], "high": [0.85, 0.92], "size": [10, 1000]}
    )
    figure = plots.accuracy_against(table, "parameters")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "parameters"
    points, *_ = axes.lines
    np.testing.assert_allclose(points.get_xydata(), [[10, 0.8], [1000, 0.9]])
    ends = np.concatenate(axes.collections[0].get_segments())[:, 1]
    np.testing.assert_allclose(ends, [0.7, 0.85, 0.85, 0.92])
    assert plotted_data(figure)


def test_learning_curves_are_error_rates_sorted_by_size():
    table = pd.DataFrame(
        {
            "model": ["a", "a", "b"],
            "n_train": [100, 10, 10],
            "accuracy": [0.9, 0.6, 0.7],
            "low": [0.85, 0.5, 0.6],
            "high": [0.95, 0.7, 0.8],
        }
    )
    (axes,) = plots.learning_curves(table).axes
    first, second = axes.lines
    np.testing.assert_allclose(first.get_xydata(), [[10, 0.4], [100, 0.1]])
    np.testing.assert_allclose(second.get_xydata(), [[10, 0.3]])


def test_confusion_has_a_panel_per_model_and_a_cell_per_pair():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]], np.float32)
    predictions = DocumentPredictions.from_probabilities(
        list("abcd"), ["bad", "good"], np.array([0, 1, 0, 1]), probabilities
    )
    figure = plots.confusion({"tfidf-svm": [predictions], "class-lms": [predictions, predictions]})
    shown = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in shown] == ["tfidf-svm", "class-lms"]
    for axes in shown:
        cells = [text.get_text() for text in axes.texts]
        assert cells == ["2\n100.0%", "0\n0.0%", "1\n50.0%", "1\n50.0%"]
        assert [label.get_text() for label in axes.get_xticklabels()] == ["bad", "good"]
    assert [label.get_text() for label in shown[0].get_yticklabels()] == ["bad", "good"]


def test_error_is_drawn_against_training_time():
    table = pd.DataFrame(
        {"accuracy": [0.9, 0.7], "low": [0.8, 0.6], "high": [0.95, 0.8], "seconds": [1.0, 100.0]},
        index=["fast", "slow"],
    )
    (axes,) = plots.error_against_training_time(table).axes
    drawn = [line.get_xydata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    assert any(np.allclose(point, [1.0, 0.1]) for point in drawn)
    assert axes.get_ylim()[0] == 0


def test_lm_training_curves_without_models_are_an_empty_panel():
    assert not plots.lm_training_curves(lm_losses_by_epoch({})).axes[0].lines


def test_lm_training_curves_have_a_panel_per_class():
    table = pd.DataFrame(
        {
            "model": ["a", "a", "a", "a"],
            "class": ["bad", "bad", "good", "good"],
            "epoch": [1, 2, 1, 2],
            "train_loss": [5.0, 4.0, 5.5, 4.5],
            "val_loss": [5.2, 4.4, 5.6, 4.8],
        }
    )
    left, right = plots.lm_training_curves(table).axes
    assert [left.get_title(), right.get_title()] == ["bad", "good"]
    np.testing.assert_allclose(right.lines[1].get_ydata(), [5.6, 4.8])
    assert right.lines[0].get_linestyle() == ":"


def test_each_token_has_a_bar_of_its_attribution():
    table = pd.DataFrame({"token": ["not", "bad", ""], "attribution": [-0.5, 2.0, 0.1]})
    (axes,) = plots.token_attribution(table).axes
    assert [bar.get_height() for bar in axes.patches] == [-0.5, 2.0, 0.1]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["not", "bad", "(end)"]
    assert axes.patches[0].get_facecolor() != axes.patches[1].get_facecolor()
    stored = table.assign(token=["not", "bad", np.nan])
    assert plots.token_attribution(stored).axes[0].get_xticklabels()[2].get_text() == "(end)"
    upper, lower = plots.token_attribution(table.assign(attention=[0.2, 0.5, 0.3])).axes
    assert [bar.get_height() for bar in lower.patches] == [0.2, 0.5, 0.3]
    assert len(upper.patches) == 3


def test_augmentation_is_drawn_by_source():
    table = pd.DataFrame(
        {
            "model": ["a", "a", "a"],
            "source": ["synthetic", "synthetic", "real"],
            "n_added": [0, 500, 1000],
            "n_real": [1000, 1000, 1000],
            "error_ratio": [1.0, 0.9, 0.7],
            "low": [1.0, 0.8, 0.6],
            "high": [1.0, 1.1, 0.8],
        }
    )
    (axes,) = plots.augmentation_curve(table).axes
    handles, labels = axes.get_legend_handles_labels()
    assert labels == ["a, synthetic", "a, real"]
    synthetic, real = (handle.lines[0] for handle in handles)
    np.testing.assert_allclose(synthetic.get_xydata(), [[0, 1.0], [0.5, 0.9]])
    np.testing.assert_allclose(real.get_xydata(), [[1.0, 0.7]])
    assert (synthetic.get_linestyle(), real.get_linestyle()) == ("-", ":")
