"""Alternating timings of several implementations, and their results as JSON."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from tqdm.auto import tqdm

from wholescript.files import ROOT, write_atomic

RESULTS = ROOT / "benchmarks" / "results"


def seconds_of(step: Callable[..., Any], *arguments: Any) -> float:
    """Call a function once and return its seconds."""
    start = perf_counter()
    step(*arguments)
    return perf_counter() - start


def time_alternately(
    timers: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of each timer in each round, after one round to warm up.

    A timer runs its implementation once and returns the seconds. The order is reversed in every
    other round, so that a drift of the machine's speed affects all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        for name in list(timers)[:: 1 if number % 2 else -1]:
            elapsed = timers[name]()
            if number:
                seconds[name].append(round(elapsed, 3))
    return seconds


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result as JSON and print it."""
    write_atomic(path, json.dumps(result, indent=2) + "\n")
    Console().print(dict(result))
