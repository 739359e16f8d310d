"""The measurements of the memory notebook, as stored numbers and as tables."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wholescript.experiments.results import Metric
from wholescript.studies.screenplays.memory_cost import (
    Footprint,
    gradient_error,
    measure_footprint,
    time_frozen_encoder,
)
from wholescript.training.objectives import MEMORY_STRATEGIES

MEMORY_COST_MODULES = ("wholescript.studies.screenplays.memory_cost",)
BYTES_PER_GB = 1e9
GPU_GIGABYTES = 16.0  # gigabytes of a common graphics card
GRADIENT_CHUNKS = 32
ROUNDS = 2
# Other processes and the allocator move memory a little, and time a lot; seconds are of a machine.
MEMORY_TOLERANCE, TIME_TOLERANCE, MACHINE_TOLERANCE = 0.25, 0.75, 10.0


def gradient_metrics(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Return the largest relative gradient error of each way against everything at once."""
    chunks = min(GRADIENT_CHUNKS, max(settings["lengths"]))
    return {
        memory_strategy: Metric(
            gradient_error(
                memory_strategy,
                chunks,
                chunks_per_group=settings["group"],
                n_cached_groups=settings["kept"],
            ),
            tolerance=1e-5,
        )
        for memory_strategy in MEMORY_STRATEGIES
        if memory_strategy != "whole"
    }


def measure_strategies(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Return the memory and the time of a step for each way and length.

    `<way>:<chunks>:gigabytes` are the activations, `held` the whole process, `seconds` the time; a
    step that ran out of memory has none of them. The ways take turns, twice: what disturbs
    a machine comes and goes, and the quickest step of both rounds counts.
    """
    plan = [
        (memory_strategy, chunks)
        for chunks in settings["lengths"]
        for memory_strategy in MEMORY_STRATEGIES
    ] * ROUNDS
    costs: dict[str, list[Footprint]] = {}
    for memory_strategy, chunks in tqdm(plan, desc="footprints", unit="step"):
        cost = measure_footprint(
            memory_strategy,
            chunks,
            chunks_per_group=settings["group"],
            n_cached_groups=settings["kept"],
        )
        costs.setdefault(f"{memory_strategy}:{chunks}", []).append(cost)
    found: dict[str, Metric] = {}
    for place, rounds in costs.items():
        fitted = [cost for cost in rounds if cost.seconds and cost.peak_bytes is not None]
        if len(fitted) == ROUNDS:
            seconds = min(cost.seconds or 0.0 for cost in fitted)
            activation_bytes = max(cost.activation_bytes or 0 for cost in fitted)
            held = max(cost.peak_bytes or 0 for cost in fitted)
            found[f"{place}:gigabytes"] = _with_tolerance(
                activation_bytes / BYTES_PER_GB, MEMORY_TOLERANCE, least=0.1
            )
            found[f"{place}:held"] = _with_tolerance(held / BYTES_PER_GB, MEMORY_TOLERANCE)
            found[f"{place}:seconds"] = _with_tolerance(seconds, MACHINE_TOLERANCE)
        found[f"{place}:tokens"] = Metric(rounds[0].tokens)
    return found


def memory_table(metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """Return what `measure_strategies` stored: a row a way and length, NaN where memory ran out."""
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for name, metric in metrics.items():
        memory_strategy, chunks, what = name.split(":")
        rows.setdefault((memory_strategy, int(chunks)), {})[what] = metric.value
    table = pd.DataFrame([{"way": w, "chunks": n} | row for (w, n), row in rows.items()])
    columns = ["way", "chunks", "tokens", "gigabytes", "held", "seconds"]
    return table.reindex(columns=columns).sort_values("chunks", kind="stable")


def frozen_encoder_metrics(settings: Mapping[str, Any], table: pd.DataFrame) -> dict[str, Metric]:
    """Return what A costs beside C and B on the longest film that was measured."""
    longest = max(settings["lengths"])
    once = time_frozen_encoder(longest, chunks_per_group=settings["group"])
    last = table[table["chunks"] == longest].set_index("way")
    whole, cached = last.loc["whole"], last.loc["cached"]
    # An extra chunk of a film that is longer than what a cached step keeps.
    known = table.dropna()
    beyond = known[known["chunks"] > settings["kept"] * settings["group"]]
    fitted = beyond if beyond["chunks"].nunique() > 1 else known
    slopes = {
        memory_strategy: float(np.polyfit(rows["chunks"], rows["gigabytes"], 1)[0])
        for memory_strategy, rows in fitted.groupby("way")
    }
    values = {
        "memory_of_C_over_A": whole["gigabytes"] / cached["gigabytes"],
        "time_of_A_over_C": cached["seconds"] / whole["seconds"],
        "memory_per_chunk_of_A_over_C": slopes["cached"] / slopes["whole"],
        "chunks_of_C_on_a_16_GB_card": GPU_GIGABYTES / slopes["whole"],
        "gigabytes_held_by_A": cached["held"],
        "step_of_A_over_step_of_B": cached["seconds"] / once["step"],
        "epochs_until_B_pays": once["embed"] / (cached["seconds"] - once["step"]),
    }
    found = {name: _with_tolerance(float(value), TIME_TOLERANCE) for name, value in values.items()}
    return found | {"tokens": Metric(float(cached["tokens"]))}


def summary(metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """Return stored numbers as a table of two columns."""
    names = [name.replace("_", " ") for name in metrics]
    index = pd.Index(names, name="measured")
    return pd.DataFrame({"value": [metric.value for metric in metrics.values()]}, index=index)


def _with_tolerance(value: float, share: float, least: float = 0.0) -> Metric:
    """Return a measurement whose tolerance is a share of it."""
    return Metric(value, tolerance=max(abs(value) * share, least))
