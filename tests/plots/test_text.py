"""Names of the data are drawn as they are, never as mathematics."""

import io
from collections.abc import Callable
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.text import Text

from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.plots import documents as plots
from wholescript.plots.attribution import token_attribution
from wholescript.plots.confusion import confusion as confusion_plot
from wholescript.plots.forest import forest_plot, grouped_forest_plot
from wholescript.plots.text import as_drawn, literal
from wholescript.printable import printable
from wholescript.publish.plot_data import plotted_data
from wholescript.studies.headlines.plots import next_tokens


@given(st.text())
def test_any_text_is_drawn_as_it_is(text: str) -> None:
    assert not is_math_text(literal(text))
    assert as_drawn(literal(text)) == printable(text, keep="\n")


def confusion(name: str) -> Figure:
    scores = np.array([[0.9, 0.1], [0.3, 0.7]], np.float32)
    known = DocumentPredictions.from_probabilities(
        ["1", "2"], [name, "b"], np.array([0, 1]), scores
    )
    return confusion_plot({name: [known]})


def loss_by_class(name: str) -> Figure:
    row = {"model": name, "class": name, "epoch": 1, "train_loss": 2.0, "val_loss": 2.5}
    return plots.lm_training_curves(pd.DataFrame([row]))


def attribution(name: str) -> Figure:
    return token_attribution(pd.DataFrame({"token": [name, ""], "attribution": [1.0, -1.0]}))


def intervals(name: str) -> pd.DataFrame:
    return pd.DataFrame({"value": [0.5], "low": [0.4], "high": [0.6]}, index=[name])


PLOTS = {
    "confusion": confusion,
    "loss": loss_by_class,
    "attribution": attribution,
    "forest": lambda name: forest_plot(intervals(name), "AUC"),
    "grouped": lambda name: grouped_forest_plot({name: intervals(name)}, "AUC"),
    "next token": lambda name: next_tokens(
        {name: pd.DataFrame({"token": [name], "probability": [0.5]})}, "quick"
    ),
}


@pytest.mark.parametrize("name", [r"$\sqrt{$", "$12 or $8", r"\$9 {0}", "<i>", "a\x1b[32m"])
@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_names_in_figures_are_no_mathematics(draw: Callable[[str], Figure], name: str) -> None:
    figure, content = draw(name), io.BytesIO()
    figure.savefig(content, format="svg")
    ElementTree.fromstring(content.getvalue())  # SVG has the texts in comments
    drawn = [text.get_text() for text in figure.findobj(Text)]
    plt.close(figure)
    assert not any(map(is_math_text, drawn))
    if "$" in name:
        assert any(name in as_drawn(text) for text in drawn)


def test_plotted_data_have_the_names_as_they_are() -> None:
    data = plotted_data(confusion("$c^2$"))["axes"][0]
    assert data["y"]["ticks"] == ["$c^2$"]
    plt.close("all")
