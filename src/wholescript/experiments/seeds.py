"""Runs of one experiment with several seeds: their common name, and their costs."""

from collections.abc import Callable, Sequence

import numpy as np

from wholescript.experiments.store import Run


def strip_seed(name: str) -> str:
    """Return the name of a run without its seed."""
    stem, dash, seed = name.rpartition("-s")
    return stem if dash and seed.isdigit() else name


def costs_over_seeds(runs: Sequence[Run]) -> dict[str, float]:
    """Return every metric without an interval, such as times and sizes, as the mean over seeds.

    Times are the median instead: the first seed of a model on frozen embeddings may include the
    time of making them, which later seeds read from the cache. Peak memory is the maximum: a
    process keeps what it allocated for its first seed.
    """
    names = [name for name, metric in runs[0].metrics.items() if metric.low is None]
    values = {
        name: [run.metrics[name].value for run in runs if name in run.metrics] for name in names
    }
    return {name: float(_aggregate(name)(by_seed)) for name, by_seed in values.items()}


def _aggregate(name: str) -> Callable[[Sequence[float]], np.floating]:
    if name == "peak_memory_gb":
        return np.max
    return np.median if "seconds" in name else np.mean
