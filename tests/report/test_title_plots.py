import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.studies.headlines import plots


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_the_likeliest_token_stands_on_top():
    table = pd.DataFrame({"token": [" Show", "\n"], "probability": [0.4, 0.1]})
    (axes,) = plots.expected({"": table}).axes
    assert axes.get_title() == "(nothing yet)"
    highest = max(axes.patches, key=lambda bar: bar.get_y())
    assert highest.get_width() == 0.4
    assert [label.get_text() for label in axes.get_yticklabels()] == [" Show", "\\n"]


def test_places_are_counted_from_one():
    table = pd.DataFrame({"position": [0, 1], "nats": [6.0, 4.0], "tokens": [9, 9]})
    (axes,) = plots.loss_by_position({"sgd": table, "best": table}).axes
    assert len(axes.lines) == 2
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1, 6], [2, 4]])


def test_models_stand_side_by_side_in_a_group():
    first = pd.DataFrame({"from_times": [0, 10], "nats": [12.0, 8.0]})
    second = pd.DataFrame({"from_times": [10], "nats": [5.0]})
    (axes,) = plots.loss_by_frequency({"a": first, "b": second}).axes
    heights = {
        round(bar.get_x() + bar.get_width() / 2, 3): bar.get_height() for bar in axes.patches
    }
    assert heights == {0.0: 12.0, 1.0: 8.0, 1.4: 5.0}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "10"]


def test_a_batch_is_drawn_as_a_share_of_the_smallest():
    table = pd.DataFrame({"published": [2.0, 1.0], "bits_per_byte": [1.5, 1.5]}, index=[16, 256])
    (axes,) = plots.by_batch(table).axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [1, 0.5])
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [1, 1])


def test_training_is_dotted():
    history = pd.DataFrame(
        {
            "epoch": [1, 2],
            "train_loss": [7.0, 6.0],
            "held_out_loss": [7.1, 6.5],
            "seconds": [60, 90],
        }
    )
    by_epoch, by_time = plots.curves({"sgd": history}).axes
    assert [line.get_linestyle() for line in by_epoch.lines] == [":", "-"]
    np.testing.assert_allclose(by_time.lines[0].get_xydata(), [[1, 7.1], [1.5, 6.5]])
