"""Measurements of the memory notebook, as stored metrics and as tables.

`settings` has the keys `chunks_per_group`, `n_cached_groups` and `n_chunks` (a list of lengths).
"""

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
from wholescript.training.memory_strategies import MEMORY_STRATEGIES

MEMORY_COST_MODULES = ("wholescript.studies.screenplays.memory_cost",)
BYTES_PER_GB = 1e9
COLUMNS = [
    "memory_strategy",
    "n_chunks",
    "n_tokens",
    "activation_gb",
    "peak_rss_gb",
    "step_seconds",
]
GPU_GIGABYTES = 16.0  # memory of a common GPU
GRADIENT_CHUNKS = 32
ROUNDS = 2  # the strategies take turns, since disturbances by other processes come and go
# Relative tolerances of a rerun. Memory varies little; times vary with load, seconds with the CPU.
MEMORY_TOLERANCE, TIME_TOLERANCE, MACHINE_TOLERANCE = 0.25, 0.75, 10.0


def gradient_metrics(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Return the largest relative gradient error of each strategy against full backpropagation."""
    chunks = min(GRADIENT_CHUNKS, max(settings["n_chunks"]))
    return {
        memory_strategy: Metric(
            gradient_error(
                memory_strategy,
                chunks,
                chunks_per_group=settings["chunks_per_group"],
                n_cached_groups=settings["n_cached_groups"],
            ),
            tolerance=1e-5,
        )
        for memory_strategy in MEMORY_STRATEGIES
        if memory_strategy != "full_backprop"
    }


def measure_strategies(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Return memory and time of a training step for each strategy and length.

    `<strategy>:<chunks>:activation_gb`, `peak_rss_gb`, `step_seconds` (the fastest of all rounds)
    and `n_tokens`. A step that ran out of memory has `n_tokens` only.
    """
    plan = [
        (memory_strategy, chunks)
        for chunks in settings["n_chunks"]
        for memory_strategy in MEMORY_STRATEGIES
    ] * ROUNDS
    costs: dict[str, list[Footprint]] = {}
    for memory_strategy, chunks in tqdm(plan, desc="memory cost", unit="step"):
        cost = measure_footprint(
            memory_strategy,
            chunks,
            chunks_per_group=settings["chunks_per_group"],
            n_cached_groups=settings["n_cached_groups"],
        )
        costs.setdefault(f"{memory_strategy}:{chunks}", []).append(cost)
    found: dict[str, Metric] = {}
    for key, rounds in costs.items():
        fitted = [cost for cost in rounds if cost.seconds and cost.peak_bytes is not None]
        if len(fitted) == ROUNDS:
            seconds = min(cost.seconds or 0.0 for cost in fitted)
            activation_bytes = max(cost.activation_bytes or 0 for cost in fitted)
            peak_bytes = max(cost.peak_bytes or 0 for cost in fitted)
            found[f"{key}:activation_gb"] = _with_tolerance(
                activation_bytes / BYTES_PER_GB, MEMORY_TOLERANCE, least=0.1
            )
            found[f"{key}:peak_rss_gb"] = _with_tolerance(
                peak_bytes / BYTES_PER_GB, MEMORY_TOLERANCE
            )
            found[f"{key}:step_seconds"] = _with_tolerance(seconds, MACHINE_TOLERANCE)
        found[f"{key}:n_tokens"] = Metric(rounds[0].tokens)
    return found


def memory_table(metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """Return the metrics of `measure_strategies` as a table, NaN where memory ran out.

    A row for each strategy and length; columns `memory_strategy`, `n_chunks`, `n_tokens`,
    `activation_gb`, `peak_rss_gb`, `step_seconds`.
    """
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for name, metric in metrics.items():
        strategy, chunks, what = name.split(":")
        rows.setdefault((strategy, int(chunks)), {})[what] = metric.value
    table = pd.DataFrame(
        [{"memory_strategy": s, "n_chunks": n} | row for (s, n), row in rows.items()]
    )
    return table.reindex(columns=COLUMNS).sort_values("n_chunks", kind="stable")


def frozen_encoder_metrics(settings: Mapping[str, Any], table: pd.DataFrame) -> dict[str, Metric]:
    """Return ratios of gradient caching to full backpropagation and to a frozen encoder.

    They are those of the longest film; `table` is that of `memory_table`.
    """
    longest = max(settings["n_chunks"])
    frozen = time_frozen_encoder(longest, chunks_per_group=settings["chunks_per_group"])
    last = table[table["n_chunks"] == longest].set_index("memory_strategy")
    full, cached = last.loc["full_backprop"], last.loc["grad_cache"]
    # Memory per chunk: the slope over films with more chunks than the cached groups hold.
    known = table.dropna()
    beyond = known[known["n_chunks"] > settings["n_cached_groups"] * settings["chunks_per_group"]]
    fitted = beyond if beyond["n_chunks"].nunique() > 1 else known
    slopes = {
        strategy: float(np.polyfit(rows["n_chunks"], rows["activation_gb"], 1)[0])
        for strategy, rows in fitted.groupby("memory_strategy")
    }
    values = {
        "full_backprop_memory_over_grad_cache": full["activation_gb"] / cached["activation_gb"],
        "grad_cache_time_over_full_backprop": cached["step_seconds"] / full["step_seconds"],
        "grad_cache_memory_per_chunk_over_full_backprop": (
            slopes["grad_cache"] / slopes["full_backprop"]
        ),
        "full_backprop_chunks_on_16_gb_gpu": GPU_GIGABYTES / slopes["full_backprop"],
        "grad_cache_peak_rss_gb": cached["peak_rss_gb"],
        "grad_cache_step_over_frozen_encoder_step": cached["step_seconds"] / frozen["step"],
        "frozen_encoder_break_even_epochs": (
            frozen["embed"] / (cached["step_seconds"] - frozen["step"])
        ),
    }
    found = {name: _with_tolerance(float(value), TIME_TOLERANCE) for name, value in values.items()}
    return found | {"n_tokens": Metric(float(cached["n_tokens"]))}


def summary(metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """Return metrics as a table: index `metric`, column `value`."""
    names = [name.replace("_", " ") for name in metrics]
    index = pd.Index(names, name="metric")
    return pd.DataFrame({"value": [metric.value for metric in metrics.values()]}, index=index)


def _with_tolerance(value: float, share: float, least: float = 0.0) -> Metric:
    """Return a metric with a tolerance relative to its value, at least `least`."""
    return Metric(value, tolerance=max(abs(value) * share, least))
