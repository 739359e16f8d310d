"""Plots of models of titles: what they expect, where they err, what each step was worth."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure


def expected(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the likeliest next tokens, a panel a beginning: columns `token`, `probability`."""
    figure, panels = plt.subplots(
        1, len(tables), figsize=(2.4 * len(tables) + 0.6, 3.2), squeeze=False
    )
    for axes, (prompt, table) in zip(panels[0], tables.items(), strict=True):
        positions = np.arange(len(table))[::-1]
        axes.barh(positions, table["probability"], height=0.7)
        axes.set_yticks(positions, [repr(token)[1:-1] for token in table["token"]])
        axes.set(title=prompt or "(nothing yet)", xlabel="probability")
        axes.grid(axis="y", visible=False)
    return figure


def loss_by_position(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the loss by place in the title, a line a model: columns `position`, `nats`."""
    figure, axes = plt.subplots(figsize=(7.0, 3.6))
    for name, table in tables.items():
        axes.plot(table["position"] + 1, table["nats"], marker=".", label=name)
    axes.set(xlabel="token of the title", ylabel="nats a token", ylim=(0, None))
    axes.legend()
    return figure


def loss_by_frequency(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the loss of tokens by how often training has them: columns `from_times`, `nats`."""
    figure, axes = plt.subplots(figsize=(7.0, 3.6))
    groups = sorted({times for table in tables.values() for times in table["from_times"]})
    width = 0.8 / len(tables)
    for number, (name, table) in enumerate(tables.items()):
        positions = [groups.index(times) + number * width for times in table["from_times"]]
        axes.bar(positions, table["nats"], width=width, label=name)
    shift = width * (len(tables) - 1) / 2
    axes.set_xticks(np.arange(len(groups)) + shift, [f"{times:,}" for times in groups])
    axes.set(xlabel="times in training, at least", ylabel="nats a token")
    axes.grid(axis="x", visible=False)
    axes.legend()
    return figure


def by_batch(table: pd.DataFrame) -> Figure:
    """Draw what a batch does to both losses of one checkpoint, as shares of the first row's.

    Index the batch sizes; columns `published` and `bits_per_byte`.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for column, label in (("published", "as published"), ("bits_per_byte", "bits a byte")):
        axes.plot(table.index, table[column] / table[column].iloc[0], marker="o", label=label)
    axes.set(xscale="log", xlabel="windows of a batch", ylabel="share of the first", ylim=(0, None))
    axes.set_xticks(table.index, [f"{size:,}" for size in table.index])
    axes.minorticks_off()
    axes.legend()
    return figure


def curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw losses by epoch and by time, in bits a byte, a line a model: dotted is training."""
    figure, (by_epoch, by_time) = plt.subplots(1, 2, sharey=True, figsize=(7.0, 3.8))
    for number, (name, history) in enumerate(histories.items()):
        color = f"C{number}"
        by_epoch.plot(history["epoch"], history["train_loss"], color=color, linestyle=":")
        held_out = history["held_out_loss"]
        by_epoch.plot(history["epoch"], held_out, color=color, marker=".", label=name)
        by_time.plot(history["seconds"] / 60, held_out, color=color, marker=".")
    by_epoch.set(xlabel="epoch", ylabel="bits a byte (dotted: training)")
    by_time.set(xlabel="minutes of training", xlim=(0, None))
    figure.legend(loc="outside lower center", ncols=len(histories))
    return figure
