import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.studies.headlines import plots


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_most_probable_token_is_the_top_bar():
    table = pd.DataFrame({"token": [" Show", "\n"], "probability": [0.4, 0.1]})
    (axes,) = plots.next_tokens({"": table}, "quick").axes
    assert axes.get_title() == "(empty prompt)"
    highest = max(axes.patches, key=lambda bar: bar.get_y())
    assert highest.get_width() == 0.4
    assert [label.get_text() for label in axes.get_yticklabels()] == [" Show", "\\n"]


def test_positions_are_drawn_from_one():
    table = pd.DataFrame({"position": [0, 1], "nats_per_token": [6.0, 4.0], "n_tokens": [9, 9]})
    (axes,) = plots.loss_by_position({"sgd": table, "best": table}).axes
    assert len(axes.lines) == 2
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1, 6], [2, 4]])


def test_bars_of_a_frequency_group_are_adjacent():
    first = pd.DataFrame({"min_train_count": [0, 10], "nats_per_token": [12.0, 8.0]})
    second = pd.DataFrame({"min_train_count": [10], "nats_per_token": [5.0]})
    (axes,) = plots.loss_by_frequency({"a": first, "b": second}).axes
    heights = {
        round(bar.get_x() + bar.get_width() / 2, 3): bar.get_height() for bar in axes.patches
    }
    assert heights == {0.0: 12.0, 1.0: 8.0, 1.4: 5.0}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "10"]


def test_metrics_are_relative_to_the_smallest_batch_size():
    table = pd.DataFrame(
        {"nats_per_character": [2.0, 1.0], "bits_per_byte": [1.5, 1.5]}, index=[16, 256]
    )
    (axes,) = plots.metric_by_batch_size(table).axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [1, 0.5])
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [1, 1])
    assert axes.get_ylabel() == "relative to batch size 16"


def test_training_loss_is_dotted_and_time_is_in_minutes():
    history = pd.DataFrame(
        {"epoch": [1, 2], "train_loss": [7.0, 6.0], "val_loss": [7.1, 6.5], "seconds": [60, 90]}
    )
    by_epoch, by_time = plots.loss_curves({"sgd": history}).axes
    assert [line.get_linestyle() for line in by_epoch.lines] == [":", "-"]
    np.testing.assert_allclose(by_time.lines[0].get_xydata(), [[1, 7.1], [1.5, 6.5]])
