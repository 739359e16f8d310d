"""The words of a document with what a model attributes to each."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wholescript.plots.style import WIDTH
from wholescript.plots.text import literal

ROW_HEIGHT = 0.18  # inches


def token_attribution(table: pd.DataFrame) -> Figure:
    """Draw the attribution of each token as bars, from the top: columns `token`, `attribution`.

    A column `attention` is drawn in a second panel. An empty token is the end of the document.
    """
    labels = {"attribution": "attribution, nats", "attention": "attention rollout,\nshare"}
    shown = [name for name in labels if name in table]
    figure, panels = plt.subplots(
        1, len(shown), sharey=True, squeeze=False,
        figsize=(WIDTH, ROW_HEIGHT * len(table) + 0.9),
    )  # fmt: skip
    positions = np.arange(len(table))[::-1]
    for axes, name in zip(panels[0], shown, strict=True):
        signed = ["C0" if value >= 0 else "C1" for value in table[name]]
        colors = signed if name == "attribution" else "0.6"
        axes.barh(positions, table[name], color=colors, height=0.8)
        axes.set(xlabel=labels[name])
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.grid(axis="y", visible=False)
    # An empty token is NaN after a round trip through CSV.
    names = [literal(token.strip()) or "(end)" for token in table["token"].fillna("")]
    panels[0, 0].set_yticks(positions, names)
    panels[0, 0].tick_params(axis="y", length=0)
    panels[0, 0].set_ylim(-0.7, len(table) - 0.3)
    return figure
