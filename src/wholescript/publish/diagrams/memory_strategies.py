"""Diagram of the memory strategies: which activations are stored, and what is recomputed, when.

The order of the passes is recorded while each strategy runs on a toy encoder.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from wholescript.project import Project
from wholescript.publish.diagrams.drawing import WIDTH, Colour, Drawing
from wholescript.publish.parameters import published_parameters
from wholescript.training.memory_strategies import (
    MEMORY_STRATEGIES,
    MemoryStrategy,
    backward_fn,
)

NOTEBOOK = "03_memory"
# Time units. A backward pass computes two products where a forward pass computes one.
DURATIONS = {"forward": 1.0, "aggregate": 2.0, "backward": 2.0}
NAMES: dict[MemoryStrategy, tuple[str, str]] = {
    "full_backprop": ("Full backpropagation", "full_backprop"),
    "checkpointing": ("Activation checkpointing", "activation_checkpointing"),
    "grad_cache": ("Gradient caching", "grad_cache"),
}
ROW = 5.0  # height of a group
PROFILE = 30.0  # height of the curve of stored activations
TOP, GAP = 34.0, 28.0


class Step(NamedTuple):
    """One pass: over a group of chunks, or of the aggregator (group -1)."""

    kind: Literal["forward", "aggregate", "backward"]
    group: int


class Pass(NamedTuple):
    """A step with its time, and until when the activations of a forward pass are stored."""

    step: Step
    start: float
    end: float
    stored_until: float | None


def record_steps(strategy: MemoryStrategy, n_groups: int, n_cached_groups: int) -> list[Step]:
    """Return the passes of one training step in their order."""
    steps: list[Step] = []

    class Encoder(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, chunk: Tensor, group: int) -> Tensor:
            ctx.save_for_backward(chunk)
            ctx.group = group
            steps.append(Step("forward", group))
            return chunk.clone()

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
            _ = ctx.saved_tensors  # checkpointing recomputes them here
            steps.append(Step("backward", ctx.group))
            return grad, None

    def aggregate(vectors: Tensor) -> Tensor:
        steps.append(Step("aggregate", -1))
        return vectors.sum()

    weight = torch.zeros(1, requires_grad=True)

    def encode(group: int) -> Tensor:
        encoded: Tensor = Encoder.apply(weight, group)
        return encoded

    backward_fn(strategy, n_cached_groups)(encode, [(g,) for g in range(n_groups)], aggregate)
    return steps


def timed(steps: Sequence[Step]) -> list[Pass]:
    """Return the steps with times.

    Of several forward passes over a group, only the last before its backward pass stores its
    activations, until that has ended.
    """
    starts = [0.0]
    for step in steps:
        starts.append(starts[-1] + DURATIONS[step.kind])
    passes = []
    for number, step in enumerate(steps):
        following = next(
            (i for i in range(number + 1, len(steps)) if steps[i].group == step.group), None
        )
        keeps = (
            step.kind == "forward" and following is not None and steps[following].kind == "backward"
        )
        stored_until = starts[following + 1] if keeps and following is not None else None
        passes.append(Pass(step, starts[number], starts[number + 1], stored_until))
    return passes


def draw_memory_strategies() -> str:
    """Return the diagram as SVG: a panel per strategy, on one time axis."""
    parameters = published_parameters(Project(), NOTEBOOK)
    n_cached, chunks_per_group = parameters["n_cached_groups"], parameters["chunks_per_group"]
    n_groups = 2 * n_cached
    schedules = {s: timed(record_steps(s, n_groups, n_cached)) for s in MEMORY_STRATEGIES}
    scale = (WIDTH - 2) / max(passes[-1].end for passes in schedules.values())
    panel = 18 + n_groups * ROW + 6 + PROFILE + GAP
    drawing = Drawing(TOP + len(schedules) * panel + 14, f"{__name__}:draw_memory_strategies")
    drawing.legend(
        10,
        [
            ("forward pass", "blue", "solid"),
            ("backward pass", "orange", "solid"),
            ("aggregator", "green", "solid"),
        ],
    )
    drawing.legend(26, [("activations stored", "blue", "pale")])
    size = f"rows: {n_groups} groups of {chunks_per_group} chunks"
    drawing.text(WIDTH - 1, 26, size, soft=True, anchor="end")
    for number, (strategy, passes) in enumerate(schedules.items()):
        _panel(drawing, TOP + number * panel, strategy, passes, n_groups, scale)
    return drawing.svg()


def _panel(
    drawing: Drawing,
    y: float,
    strategy: MemoryStrategy,
    passes: Sequence[Pass],
    n_groups: int,
    scale: float,
) -> None:
    name, function = NAMES[strategy]
    source = f"wholescript.training.memory_strategies:{function}"
    drawing.title(y + 12, name, source=source)
    n_forward = sum(p.step.kind == "forward" for p in passes)
    recomputed = n_forward - n_groups
    note = "nothing recomputed" if not recomputed else f"{recomputed} groups encoded twice"
    drawing.text(WIDTH - 1, y + 12, note, soft=True, anchor="end")
    top = y + 18
    for step, start, end, stored_until in passes:
        row = top + max(step.group, 0) * ROW
        x, width = 1 + start * scale, (end - start) * scale
        if step.kind == "aggregate":
            drawing.rectangle(x, top, width, n_groups * ROW, "green", "solid")
            continue
        if stored_until is not None:
            stored = (stored_until - end) * scale
            drawing.rectangle(x + width, row, stored, ROW - 1, "blue", "pale")
        colour: Colour = "blue" if step.kind == "forward" else "orange"
        drawing.rectangle(x, row, width, ROW - 1, colour, "solid")
    _profile(drawing, top + n_groups * ROW + 6, passes, n_groups, scale)


def stored_groups(passes: Sequence[Pass]) -> list[tuple[float, int]]:
    """Return how many groups have stored activations from each time on."""
    changes = [(p.start, 1) for p in passes if p.stored_until is not None]
    changes += [(p.stored_until, -1) for p in passes if p.stored_until is not None]
    counts, n_stored = {0.0: 0}, 0
    for time, change in sorted(changes):
        n_stored += change
        counts[time] = n_stored
    return sorted(counts.items())


def _profile(
    drawing: Drawing, y: float, passes: Sequence[Pass], n_groups: int, scale: float
) -> None:
    """Draw the number of groups with stored activations over time, and its maximum."""
    counts = stored_groups(passes)
    bottom, unit = y + PROFILE, PROFILE / n_groups
    points = [(1.0, bottom)]
    for time, n_stored in counts:
        x = 1 + time * scale
        points += [(x, points[-1][1]), (x, bottom - n_stored * unit)]
    drawing.area([*points, (1 + passes[-1].end * scale, bottom)], "blue")
    drawing.line((1, bottom), (WIDTH - 1, bottom))
    peak = max(n_stored for _, n_stored in counts)
    noun = "group" if peak == 1 else "groups"
    drawing.text(1, bottom + 12, f"activations of at most {peak} {noun}", anchor="start")
    drawing.text(WIDTH - 1, bottom + 12, "time", soft=True, anchor="end")
