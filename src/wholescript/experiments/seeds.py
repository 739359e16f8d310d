"""Runs of one experiment with several seeds: their common name, and their mean costs."""

from collections.abc import Sequence

import numpy as np

from wholescript.experiments.store import Run


def strip_seed(name: str) -> str:
    """Return the name of a run without its seed."""
    stem, dash, seed = name.rpartition("-s")
    return stem if dash and seed.isdigit() else name


def mean_costs(runs: Sequence[Run]) -> dict[str, float]:
    """Return the mean over seeds of every metric without an interval, such as times and sizes.

    Peak memory is the maximum instead: a process keeps what it allocated for its first seed.
    """
    names = [name for name, metric in runs[0].metrics.items() if metric.low is None]
    values = {
        name: [run.metrics[name].value for run in runs if name in run.metrics] for name in names
    }
    aggregate = {name: np.max if name == "peak_memory_gb" else np.mean for name in names}
    return {name: float(aggregate[name](by_seed)) for name, by_seed in values.items()}
