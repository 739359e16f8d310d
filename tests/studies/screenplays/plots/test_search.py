import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.studies.screenplays.plots.search import metric_by_hyperparameter


@pytest.fixture
def trials() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "architecture": rng.choice(["gated_attention", "query_decoder"], 30),
            "n_head": np.where(np.arange(30) < 10, np.nan, rng.choice([1, 2], 30)),
            "dropout": rng.uniform(0, 0.5, 30),
            "learning_rate": 10 ** rng.uniform(-4, -2, 30),
            "val_loss": rng.uniform(0.4, 0.5, 30),
        }
    )


def test_each_hyperparameter_has_a_panel_with_its_active_trials(trials: pd.DataFrame) -> None:
    hyperparameters = {
        "architecture": False,
        "n_head": False,
        "dropout": False,
        "learning_rate": True,
    }
    figure = metric_by_hyperparameter(trials, hyperparameters, "val_loss", "loss")
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in panels] == [
        "architecture", "attention heads", "dropout", "learning rate"
    ]  # fmt: skip
    points = [len(axes.lines[0].get_xdata()) for axes in panels]
    assert points == [30, 20, 30, 30]
    assert [axes.get_xscale() for axes in panels] == ["linear"] * 3 + ["log"]
    names = [label.get_text() for label in panels[0].get_xticklabels()]
    assert names == ["gated\nattention", "query\ndecoder"]
    assert [label.get_text() for label in panels[1].get_xticklabels()] == ["1", "2"]
    medians = trials.groupby("architecture")["val_loss"].median()
    assert panels[0].lines[1].get_ydata().tolist() == medians.tolist()
    assert len(panels[2].lines[1].get_xdata()) == 3
    plt.close(figure)
