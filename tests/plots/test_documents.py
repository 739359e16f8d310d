import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.plots import documents as plots
from wholescript.plots.attribution import token_attribution
from wholescript.plots.confusion import confusion
from wholescript.plots.style import OTHERS, family_of
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


def test_confusion_of_few_classes_is_the_error_rate_of_each_class():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]], np.float32)
    predictions = DocumentPredictions.from_probabilities(
        list("abcd"), ["bad", "good"], np.array([0, 1, 0, 1]), probabilities
    )
    perfect = DocumentPredictions.from_probabilities(
        list("abcd"),
        ["bad", "good"],
        np.array([0, 1, 0, 1]),
        np.eye(2, dtype=np.float32)[[0, 1] * 2],
    )
    figure = confusion({"tfidf-svm": [predictions], "class-lms": [perfect, perfect]})
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["class-lms", "tfidf-svm"]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0, 0], [0, 0.5]]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["bad", "good"]


def test_confusion_of_many_classes_has_a_panel_per_model():
    labels = np.arange(8) % 4
    predictions = DocumentPredictions.from_predicted_labels(
        list("abcdefgh"), list("wxyz"), labels, labels, np.ones(8)
    )
    figure = confusion({"tfidf-svm": [predictions], "class-lms": [predictions]})
    assert [axes.get_title() for axes in figure.axes] == ["tfidf-svm", "class-lms"]


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


def test_lm_training_curves_have_a_panel_per_model_and_class():
    table = pd.DataFrame(
        {
            "model": ["a", "a", "a", "a", "b", "b"],
            "class": ["bad", "bad", "good", "good", "bad", "good"],
            "epoch": [1, 2, 1, 2, 1, 1],
            "train_loss": [5.0, 4.0, 5.5, 4.5, 3.0, 3.5],
            "val_loss": [5.2, 4.4, 5.6, 4.8, 3.2, 3.6],
        }
    )
    panels = plots.lm_training_curves(table).axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == ["a\nbad", "good", "b\nbad", "good"]
    assert [axes["title"] for axes in plotted_data(panels[0].figure)["axes"]] == titles
    other, train, validation = panels[1].lines
    np.testing.assert_allclose(validation.get_ydata(), [5.6, 4.8])
    assert (train.get_linestyle(), other.get_ydata().tolist()) == (":", [3.6])


def test_a_single_epoch_is_visible():
    epoch = pd.DataFrame(
        {"epoch": [1], "train_loss": [0.7], "val_loss": [0.6], "val_macro_f1": [0.8]}
    )
    loss, f1 = plots.training_curves({"SmolLM2-135M, LoRA": [epoch]}).axes
    assert all(line.get_marker() == "." for line in (*loss.lines, *f1.lines))


def test_training_curves_have_a_row_per_model_with_the_others_in_grey():
    epochs = pd.DataFrame(
        {"epoch": [1, 2], "train_loss": [0.7, 0.5], "val_loss": [0.6, 0.4], "val_macro_f1": 0.8}
    )
    names = ["tiny transformer from scratch", "SmolLM2-135M, LoRA"]
    models = {name: [epochs.assign(val_loss=k)] for k, name in enumerate(names)}
    panels = plots.training_curves(models).axes
    assert [axes.get_title(loc="left") for axes in panels] == [names[0], "", names[1], ""]
    for k, name in enumerate(names):
        other, train, validation = panels[2 * k].lines
        assert (other.get_color(), other.get_ydata()[0]) == (OTHERS["color"], 1 - k)
        assert (train.get_color(), validation.get_ydata()[0]) == (family_of(name).color, k)


def test_each_token_has_a_bar_of_its_attribution():
    table = pd.DataFrame({"token": ["not", "bad", ""], "attribution": [-0.5, 2.0, 0.1]})
    (axes,) = token_attribution(table).axes
    assert [bar.get_width() for bar in axes.patches] == [-0.5, 2.0, 0.1]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["not", "bad", "(end)"]
    assert axes.patches[0].get_y() > axes.patches[2].get_y()
    assert axes.patches[0].get_facecolor() != axes.patches[1].get_facecolor()
    stored = table.assign(token=["not", "bad", np.nan])
    assert token_attribution(stored).axes[0].get_yticklabels()[2].get_text() == "(end)"
    left, right = token_attribution(table.assign(attention=[0.2, 0.5, 0.3])).axes
    assert [bar.get_width() for bar in right.patches] == [0.2, 0.5, 0.3]
    assert len(left.patches) == 3


def test_augmentation_is_drawn_by_source_in_a_panel_per_model():
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
    axes, unused = plots.augmentation_curve(table).axes
    assert not unused.axison
    handles, labels = axes.get_legend_handles_labels()
    assert labels == ["synthetic", "real"]
    synthetic, real = (handle.lines[0] for handle in handles)
    np.testing.assert_allclose(synthetic.get_xydata(), [[0, 1.0], [0.5, 0.9]])
    np.testing.assert_allclose(real.get_xydata(), [[1.0, 0.7]])
    assert (synthetic.get_linestyle(), real.get_linestyle()) == ("-", ":")
