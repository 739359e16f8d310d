"""Figures of the headlines study."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wholescript.plots.text import literal

METRIC_LABELS = {
    "nats_per_character": "task metric (nats per character)",
    "bits_per_byte": "bits per byte",
}


def next_tokens(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the most probable next tokens, one panel a prompt: columns `token`, `probability`."""
    figure, panels = plt.subplots(
        1, len(tables), figsize=(2.4 * len(tables) + 0.6, 3.2), squeeze=False
    )
    for axes, (prompt, table) in zip(panels[0], tables.items(), strict=True):
        positions = np.arange(len(table))[::-1]
        axes.barh(positions, table["probability"], height=0.7)
        axes.set_yticks(positions, [literal(repr(token)[1:-1]) for token in table["token"]])
        axes.set(title=literal(prompt) or "(empty prompt)", xlabel="probability")
        axes.grid(axis="y", visible=False)
    return figure


def loss_by_position(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the loss by token position, one line a model: columns `position`, `nats_per_token`."""
    figure, axes = plt.subplots(figsize=(7.0, 3.6))
    for name, table in tables.items():
        axes.plot(table["position"] + 1, table["nats_per_token"], marker=".", label=name)
    axes.set(xlabel="token position in the headline", ylabel="nats per token", ylim=(0, None))
    axes.legend()
    return figure


def loss_by_frequency(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the loss by training count, one bar a model: `min_train_count`, `nats_per_token`."""
    figure, axes = plt.subplots(figsize=(7.0, 3.6))
    groups = sorted({count for table in tables.values() for count in table["min_train_count"]})
    width = 0.8 / len(tables)
    for number, (name, table) in enumerate(tables.items()):
        positions = [groups.index(count) + number * width for count in table["min_train_count"]]
        axes.bar(positions, table["nats_per_token"], width=width, label=name)
    shift = width * (len(tables) - 1) / 2
    axes.set_xticks(np.arange(len(groups)) + shift, [f"{count:,}" for count in groups])
    axes.set(xlabel="occurrences in training (at least)", ylabel="nats per token")
    axes.grid(axis="x", visible=False)
    axes.legend()
    return figure


def metric_by_batch_size(table: pd.DataFrame) -> Figure:
    """Draw both metrics of one model by evaluation batch size, relative to the first row.

    The index holds the batch sizes; columns `nats_per_character` and `bits_per_byte`.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for column, label in METRIC_LABELS.items():
        axes.plot(table.index, table[column] / table[column].iloc[0], marker="o", label=label)
    smallest = f"{table.index[0]:,}"
    axes.set(
        xscale="log",
        xlabel="evaluation batch size (windows)",
        ylabel=f"relative to batch size {smallest}",
        ylim=(0, None),
    )
    axes.set_xticks(table.index, [f"{size:,}" for size in table.index])
    axes.minorticks_off()
    axes.legend()
    return figure


def loss_curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw losses by epoch and validation loss by time; each table is a `mean_history`."""
    figure, (by_epoch, by_time) = plt.subplots(1, 2, sharey=True, figsize=(7.0, 3.8))
    for number, (name, history) in enumerate(histories.items()):
        color = f"C{number}"
        by_epoch.plot(history["epoch"], history["train_loss"], color=color, linestyle=":")
        val_loss = history["val_loss"]
        by_epoch.plot(history["epoch"], val_loss, color=color, marker=".", label=name)
        by_time.plot(history["seconds"] / 60, val_loss, color=color, marker=".")
    by_epoch.set(xlabel="epoch", ylabel="bits per byte (dotted: training)")
    by_time.set(xlabel="training time (minutes)", xlim=(0, None))
    figure.legend(loc="outside lower center", ncols=len(histories))
    return figure
