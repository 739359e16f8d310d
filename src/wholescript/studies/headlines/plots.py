"""Figures of the headlines study."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from wholescript.plots.labels import label_lines
from wholescript.plots.style import OTHER, WIDTH, family_of
from wholescript.plots.text import literal
from wholescript.plots.ticks import row_name

DISPLAY_NAMES = {"baseline": "baseline (GPT, SGD)", "quick": "quick configuration"}
STEP_NAMES = {
    "adamw": "AdamW",
    "warm-up": "warm-up",
    "rotary": "rotary positions",
    "rms-norm": "RMSNorm",
    "swiglu": "SwiGLU",
    "residual-init": "residual initialisation",
    "per-headline-eval": "headline-wise evaluation",
    "unigram": "unigram tokenizer",
    "muon": "Muon",
    "wsd": "WSD schedule",
    "deep": "more layers",
    "untied": "untied embeddings",
    "gated": "attention gate",
    "layer-scale": "LayerScale",
    "r-drop": "R-Drop",
    "cross-headline-context": "cross-headline context",
    "higher-lr": "higher learning rate",
    "lower-lr": "lower learning rate",
    "higher-muon-lr": "higher learning rate of Muon",
    "lower-muon-lr": "lower learning rate of Muon",
}
METRIC_LABELS = {
    "nats_per_character": "task metric (nats per character)",
    "bits_per_byte": "bits per byte",
}


def display_name(name: str) -> str:
    """Return the display name of a model of the study."""
    return DISPLAY_NAMES.get(name, name)


def _color(name: str) -> str:
    """Return the colour of a model: that of models from scratch, except for the baseline."""
    return (OTHER if name == "baseline" else family_of("from scratch")).color


def step_name(name: str) -> str:
    """Return the display name of a step of the ablation, or of a hyperparameter that was changed.

    >>> step_name("r-drop"), step_name("no-dropout")
    ('R-Drop', 'no dropout')
    """
    return STEP_NAMES.get(name, name.replace("-", " "))


def _token_name(token: str) -> str:
    return literal(repr(token)[1:-1]) if token.strip() or "\n" in token else "(space)"


def next_tokens(tables: Mapping[str, pd.DataFrame], model: str) -> Figure:
    """Draw the most probable next tokens of a model: columns `token`, `probability`.

    A panel per prompt.
    """
    n_rows = -(-len(tables) // 2)
    figure, panels = plt.subplots(n_rows, 2, figsize=(WIDTH, 2.7 * n_rows), squeeze=False)
    for unused in panels.flat[len(tables) :]:
        unused.remove()
    for axes, (prompt, table) in zip(panels.flat, tables.items(), strict=False):
        positions = np.arange(len(table))[::-1]
        axes.barh(positions, table["probability"], color=_color(model), height=0.7)
        axes.set_yticks(positions, [_token_name(token) for token in table["token"]])
        axes.set(title=row_name(prompt, 24) or "(empty prompt)", xlabel="probability")
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.grid(axis="y", visible=False)
    return figure


def loss_by_position(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the loss by token position, one line a model: columns `position`, `nats_per_token`."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.4))
    lines = []
    for name, table in tables.items():
        lines += axes.plot(
            table["position"] + 1, table["nats_per_token"], marker=".", color=_color(name),
            label=display_name(name),
        )  # fmt: skip
    axes.set(xlabel="token position in the headline", ylabel="nats per token", ylim=(0, None))
    label_lines(axes, lines, width=13)
    return figure


def loss_by_frequency(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the loss by training count, one bar a model: `min_train_count`, `nats_per_token`."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.4))
    groups = sorted({count for table in tables.values() for count in table["min_train_count"]})
    width = 0.8 / len(tables)
    for number, (name, table) in enumerate(tables.items()):
        positions = [groups.index(count) + number * width for count in table["min_train_count"]]
        axes.bar(
            positions, table["nats_per_token"], width=width, color=_color(name),
            label=display_name(name),
        )  # fmt: skip
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
    figure, axes = plt.subplots(figsize=(WIDTH, 3.4))
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
    figure, (by_epoch, by_time) = plt.subplots(2, 1, sharey=True, figsize=(WIDTH, 5.4))
    lines: dict[Axes, list[Line2D]] = {by_epoch: [], by_time: []}
    for name, history in histories.items():
        color, val_loss = _color(name), history["val_loss"]
        by_epoch.plot(
            history["epoch"], history["train_loss"], color=color, linestyle=":", marker="."
        )
        for axes, x in ((by_epoch, history["epoch"]), (by_time, history["seconds"] / 60)):
            lines[axes] += axes.plot(x, val_loss, color=color, marker=".", label=display_name(name))
    by_epoch.set(xlabel="epoch", ylabel="bits per byte\n(dotted: training)")
    by_epoch.xaxis.set_major_locator(MaxNLocator(integer=True))
    by_time.set(xlabel="training time (minutes)", ylabel="bits per byte", xlim=(0, None))
    for axes, of_axes in lines.items():
        label_lines(axes, of_axes, width=13)
    return figure
