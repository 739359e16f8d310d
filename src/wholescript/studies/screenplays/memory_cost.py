"""Time and peak memory of one training step, each measured in a fresh process.

The cost depends on the length of a film only, so token ids are drawn at random. `settings` of the
measurements has the keys `chunks_per_group`, `n_cached_groups` and `n_chunks` (a list of lengths).
"""

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from wholescript.experiments.results import Metric
from wholescript.models.aggregators import QueryAggregator
from wholescript.models.chunked_classifier import ChunkedClassifier, pad_chunks
from wholescript.models.scratch_encoder import ScratchEncoder
from wholescript.training.batches import ChunkBatch, TokenBatch
from wholescript.training.memory import peak_rss, rss
from wholescript.training.memory_strategies import MEMORY_STRATEGIES, MemoryStrategy
from wholescript.training.objectives.films import AggregatorObjective, EndToEndObjective

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


@dataclass(frozen=True)
class BenchmarkModel:
    """Configuration of the measured model: an encoder from scratch and a query decoder."""

    vocab_size: int = 8_000
    d_model: int = 128
    n_head: int = 4
    d_feedforward: int = 512
    n_layer: int = 2
    d_aggregator: int = 64
    chunk_length: int = 254

    def build(self) -> ChunkedClassifier:
        """Return the model with random weights."""
        encoder = ScratchEncoder(
            self.vocab_size, self.d_model, self.n_head, self.d_feedforward, self.n_layer
        )
        return ChunkedClassifier(encoder, QueryAggregator(self.d_model, self.d_aggregator))

    def dummy_film(self, n_chunks: int) -> TokenBatch:
        """Return a batch of one positive film of full chunks, with random tokens."""
        ids = torch.randint(self.vocab_size, (n_chunks, self.chunk_length))
        mask = torch.ones_like(ids, dtype=torch.bool)
        return TokenBatch(np.zeros(1, np.int64), ids, mask, torch.tensor([n_chunks]), torch.ones(1))


BENCHMARK_MODEL = BenchmarkModel()


class Footprint(NamedTuple):
    """The cost of one step: `seconds` of the fastest step, and memory.

    `peak_bytes` is the peak resident set size of the process, `activation_bytes` the peak minus the
    size before the first step, with weights and film in memory.
    """

    seconds: float
    peak_bytes: int
    activation_bytes: int


def gradient_metrics(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Return the largest relative gradient error of each strategy against full backpropagation."""
    n_chunks = min(GRADIENT_CHUNKS, max(settings["n_chunks"]))
    return {
        strategy: Metric(gradient_error(_objective(strategy, settings), n_chunks), tolerance=1e-5)
        for strategy in MEMORY_STRATEGIES
        if strategy != "full_backprop"
    }


def footprint_metrics(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Return memory and time of a training step for each strategy and length: `measure_lengths`."""
    measured: dict[str, tuple[EndToEndObjective, BenchmarkModel]] = {
        strategy: (_objective(strategy, settings), BENCHMARK_MODEL)
        for strategy in MEMORY_STRATEGIES
    }
    return measure_lengths(measured, settings["n_chunks"])


def measure_lengths(
    measured: Mapping[str, tuple[EndToEndObjective, BenchmarkModel]],
    lengths: Sequence[int],
    *,
    n_rounds: int = ROUNDS,
    n_steps: int = 3,
) -> dict[str, Metric]:
    """Return memory and time of a training step of each model and length, in chunks.

    In each round, `n_steps` steps are measured in a process of their own.
    `<name>:<chunks>:activation_gb`, `peak_rss_gb`, `step_seconds` (the fastest of all rounds) and
    `n_tokens`. A step that ran out of memory has `n_tokens` only.
    """
    plan = [(name, n_chunks) for n_chunks in lengths for name in measured] * n_rounds
    footprints: dict[tuple[str, int], list[Footprint]] = {step: [] for step in plan}
    for name, n_chunks in tqdm(plan, desc="memory cost", unit="step"):
        objective, model = measured[name]
        if footprint := measure_footprint(objective, n_chunks, model, n_steps=n_steps):
            footprints[name, n_chunks].append(footprint)
    found: dict[str, Metric] = {}
    for (name, n_chunks), rounds in footprints.items():
        key = f"{name}:{n_chunks}"
        if len(rounds) == n_rounds:
            seconds = min(footprint.seconds for footprint in rounds)
            activation_gb = max(f.activation_bytes for f in rounds) / BYTES_PER_GB
            peak_gb = max(footprint.peak_bytes for footprint in rounds) / BYTES_PER_GB
            found[f"{key}:activation_gb"] = with_tolerance(
                activation_gb, MEMORY_TOLERANCE, least=0.1
            )
            found[f"{key}:peak_rss_gb"] = with_tolerance(peak_gb, MEMORY_TOLERANCE)
            found[f"{key}:step_seconds"] = with_tolerance(seconds, MACHINE_TOLERANCE)
        found[f"{key}:n_tokens"] = Metric(n_chunks * measured[name][1].chunk_length)
    return found


def footprint_table(metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """Return the metrics of `measure_lengths` as a table, NaN where memory ran out.

    A row for each strategy (or model) and length; columns `COLUMNS`.
    """
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for name, metric in metrics.items():
        strategy, n_chunks, column = name.split(":")
        rows.setdefault((strategy, int(n_chunks)), {})[column] = metric.value
    table = pd.DataFrame(
        [{"memory_strategy": s, "n_chunks": n} | row for (s, n), row in rows.items()]
    )
    return table.reindex(columns=COLUMNS).sort_values("n_chunks", kind="stable")


def frozen_encoder_metrics(settings: Mapping[str, Any], table: pd.DataFrame) -> dict[str, Metric]:
    """Return ratios of gradient caching to full backpropagation and to a frozen encoder.

    They are those of the longest film; `table` is that of `footprint_table`.
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
    found = {name: with_tolerance(float(value), TIME_TOLERANCE) for name, value in values.items()}
    return found | {"n_tokens": Metric(float(cached["n_tokens"]))}


def value_table(metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """Return metrics as a table: index `metric`, column `value`."""
    names = [name.replace("_", " ") for name in metrics]
    index = pd.Index(names, name="metric")
    return pd.DataFrame({"value": [metric.value for metric in metrics.values()]}, index=index)


def measure_footprint(
    objective: EndToEndObjective,
    n_chunks: int,
    model: BenchmarkModel = BENCHMARK_MODEL,
    *,
    n_steps: int = 3,
) -> Footprint | None:
    """Measure training steps on one film in a fresh process; None if it ran out of memory."""
    # Each starts from a process that has imported this module and run nothing.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    try:
        with ProcessPoolExecutor(1, context) as pool:
            return pool.submit(_measure, objective, n_chunks, model, n_steps).result()
    except (BrokenProcessPool, MemoryError):
        return None


def time_frozen_encoder(
    n_chunks: int, model: BenchmarkModel = BENCHMARK_MODEL, *, chunks_per_group: int
) -> dict[str, float]:
    """Return seconds: `embed`, to encode one film, and `step`, a training step on its vectors."""
    classifier = model.build()
    film = model.dummy_film(n_chunks)
    start = perf_counter()
    with torch.no_grad():
        groups = zip(
            film.input_ids.split(chunks_per_group),
            film.attention_mask.split(chunks_per_group),
            strict=True,
        )
        vectors = torch.cat([classifier.encoder(*group) for group in groups])
    embed_seconds = perf_counter() - start
    embedded = ChunkBatch(film.indices, *pad_chunks(vectors, film.n_chunks), film.labels)
    times = []
    for _ in range(10):
        start = perf_counter()
        AggregatorObjective().training_step(
            classifier.aggregator, embedded, binary_cross_entropy_with_logits, seed=0
        )
        times.append(perf_counter() - start)
    return {"embed": embed_seconds, "step": min(times)}


def gradient_error(
    objective: EndToEndObjective, n_chunks: int, model: BenchmarkModel = BENCHMARK_MODEL
) -> float:
    """Return the largest relative gradient error of a parameter against full backpropagation.

    The error of a parameter is the norm of the difference over the norm of its gradient, in float32
    with dropout.
    """
    torch.manual_seed(0)
    classifier = model.build()
    film = model.dummy_film(n_chunks)

    def gradients(objective: EndToEndObjective) -> dict[str, torch.Tensor]:
        classifier.zero_grad()
        objective.training_step(classifier, film, binary_cross_entropy_with_logits, seed=0)
        named = classifier.named_parameters()
        return {name: p.grad.clone() for name, p in named if p.grad is not None}

    reference = gradients(replace(objective, memory_strategy="full_backprop"))
    other = gradients(objective)
    # The bias of attention keys shifts all logits of a query: its gradient is zero up to rounding.
    least = 1e-6 * max(float(g.norm()) for g in reference.values())
    return max(
        float((other[name] - gradient).norm() / gradient.norm())
        for name, gradient in reference.items()
        if gradient.norm() > least
    )


def _objective(strategy: MemoryStrategy, settings: Mapping[str, Any]) -> EndToEndObjective:
    return EndToEndObjective(
        strategy, settings["chunks_per_group"], n_cached_groups=settings["n_cached_groups"]
    )


def _measure(
    objective: EndToEndObjective, n_chunks: int, model: BenchmarkModel, n_steps: int
) -> Footprint:
    classifier = model.build()
    loss = binary_cross_entropy_with_logits
    # The first step loads libraries; it is not measured.
    objective.training_step(classifier, model.dummy_film(1), loss, seed=0)
    film = model.dummy_film(n_chunks)
    before, times = rss(), []
    for _ in range(n_steps):
        classifier.zero_grad()
        start = perf_counter()
        objective.training_step(classifier, film, loss, seed=0)
        times.append(perf_counter() - start)
    peak_bytes = peak_rss()
    return Footprint(min(times), peak_bytes, max(peak_bytes - before, 0))


def with_tolerance(value: float, share: float, least: float = 0.0) -> Metric:
    """Return a metric with a tolerance relative to its value, at least `least`."""
    return Metric(value, tolerance=max(abs(value) * share, least))
