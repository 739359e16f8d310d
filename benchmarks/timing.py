"""What the benchmarks share: options, alternating timings, the machine, results as JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import torch
from cyclopts import Parameter
from rich.console import Console
from tqdm import tqdm

from wholescript.experiments.environment import device_name
from wholescript.files import ROOT, write_atomic

RESULTS = ROOT / "benchmarks" / "results"
Rounds = Annotated[int, Parameter(help="Timed rounds, alternating.")]
Output = Annotated[Path, Parameter(help="JSON file to write.")]


def seconds_of(step: Callable[..., Any], *arguments: Any) -> float:
    """Call a function once and return its seconds, those of the GPU included."""
    start = perf_counter()
    step(*arguments)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter() - start


def time_alternately(
    timers: Mapping[str, Callable[[], float]], n_rounds: int, n_warmup_rounds: int = 1
) -> dict[str, list[float]]:
    """Return the seconds of each timer in each round after the warm-up rounds.

    A timer runs its implementation once and returns the seconds. The order is reversed in every
    other round, so that a drift of the machine's speed affects all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    for number in tqdm(range(n_warmup_rounds + n_rounds), desc="rounds"):
        for name in list(timers)[:: 1 if number % 2 else -1]:
            elapsed = timers[name]()
            if number >= n_warmup_rounds:
                seconds[name].append(round(elapsed, 3))
    return seconds


def median_ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float:
    """Return the ratio of two medians, rounded."""
    return round(median(numerator) / median(denominator), 3)


def machine() -> dict[str, Any]:
    """Return the device and the number of PyTorch's threads."""
    return {"threads": torch.get_num_threads(), "device": device_name()}


def write_result(path: Path, result: Mapping[str, Any], *, echo: bool = True) -> None:
    """Write a result as JSON; print it, too, unless `echo` is off."""
    write_atomic(path, json.dumps(result, indent=2) + "\n")
    if echo:
        Console().print(dict(result))
