"""Time and peak memory of one training step, each measured in a fresh process.

The cost depends on the length of a film only, so token ids are drawn at random.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from wholescript.models.aggregators import QueryDecoder
from wholescript.models.chunked_classifier import ChunkedClassifier, pad_chunks
from wholescript.models.scratch_encoder import ScratchEncoder
from wholescript.training.batches import ChunkBatch, TokenBatch
from wholescript.training.memory import peak_rss, rss
from wholescript.training.memory_strategies import MemoryStrategy
from wholescript.training.objectives import EndToEndObjective, FrozenEncoderObjective


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
        return ChunkedClassifier(encoder, QueryDecoder(self.d_model, self.d_aggregator))

    def dummy_film(self, chunks: int) -> TokenBatch:
        """Return a batch of one positive film of full chunks, with random tokens."""
        ids = torch.randint(self.vocab_size, (chunks, self.chunk_length))
        mask = torch.ones_like(ids, dtype=torch.bool)
        return TokenBatch(np.zeros(1, np.int64), ids, mask, torch.tensor([chunks]), torch.ones(1))


@dataclass(frozen=True)
class Footprint:
    """The cost of one step on one film of `chunks` chunks with one memory strategy.

    `seconds` is that of the fastest step; `peak_bytes` the peak resident set size of the process,
    and `activation_bytes` the peak minus the size before the first step, with weights and film in
    memory. All are None if the process ran out of memory.
    """

    memory_strategy: str
    chunks: int
    tokens: int
    seconds: float | None
    peak_bytes: int | None
    activation_bytes: int | None


def measure_footprint(
    memory_strategy: MemoryStrategy,
    chunks: int,
    model: BenchmarkModel | None = None,
    *,
    chunks_per_group: int = 8,
    n_cached_groups: int = 0,
    steps: int = 3,
) -> Footprint:
    """Measure training steps on one film in a fresh process."""
    model = model or BenchmarkModel()
    tokens = chunks * model.chunk_length
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, context) as pool:
            cost = pool.submit(
                _measure,
                chunks,
                model,
                EndToEndObjective(
                    memory_strategy, chunks_per_group, n_cached_groups=n_cached_groups
                ),
                steps,
            ).result()
    except (BrokenProcessPool, MemoryError):
        return Footprint(memory_strategy, chunks, tokens, None, None, None)
    return Footprint(memory_strategy, chunks, tokens, *cost)


def time_frozen_encoder(
    chunks: int, model: BenchmarkModel | None = None, *, chunks_per_group: int = 8
) -> dict[str, float]:
    """Return seconds: `embed`, to encode one film, and `step`, a training step on its vectors."""
    model = model or BenchmarkModel()
    classifier = model.build()
    dummy_film = model.dummy_film(chunks)
    start = perf_counter()
    with torch.no_grad():
        pairs = zip(
            dummy_film.input_ids.split(chunks_per_group),
            dummy_film.attention_mask.split(chunks_per_group),
            strict=True,
        )
        vectors = torch.cat([classifier.encoder(*pair) for pair in pairs])
    embed_seconds = perf_counter() - start
    stored = ChunkBatch(dummy_film.rows, *pad_chunks(vectors, dummy_film.counts), dummy_film.labels)
    times = []
    for _ in range(10):
        start = perf_counter()
        FrozenEncoderObjective().training_step(classifier.aggregator, stored, cross_entropy, seed=0)
        times.append(perf_counter() - start)
    return {"embed": embed_seconds, "step": min(times)}


def gradient_error(
    memory_strategy: MemoryStrategy,
    chunks: int,
    model: BenchmarkModel | None = None,
    *,
    chunks_per_group: int = 8,
    n_cached_groups: int = 0,
) -> float:
    """Return the largest relative gradient error of a parameter against full backpropagation.

    The error of a parameter is the norm of the difference over the norm of its gradient, in float32
    with dropout.
    """
    model = model or BenchmarkModel()
    torch.manual_seed(0)
    classifier = model.build()
    dummy_film = model.dummy_film(chunks)

    def gradients(strategy: MemoryStrategy) -> dict[str, torch.Tensor]:
        classifier.zero_grad()
        EndToEndObjective(
            strategy, chunks_per_group, n_cached_groups=n_cached_groups
        ).training_step(classifier, dummy_film, cross_entropy, seed=0)
        named = classifier.named_parameters()
        return {name: p.grad.clone() for name, p in named if p.grad is not None}

    reference, other = gradients("full_backprop"), gradients(memory_strategy)
    # The bias of attention keys shifts all scores of a query: its gradient is zero up to rounding.
    least = 1e-6 * max(float(g.norm()) for g in reference.values())
    return max(
        float((other[name] - gradient).norm() / gradient.norm())
        for name, gradient in reference.items()
        if gradient.norm() > least
    )


def _measure(
    chunks: int, model: BenchmarkModel, objective: EndToEndObjective, steps: int
) -> tuple[float, int, int]:
    classifier = model.build()
    # The first step loads libraries; it is not measured.
    objective.training_step(classifier, model.dummy_film(1), cross_entropy, seed=0)
    dummy_film = model.dummy_film(chunks)
    before, times = rss(), []
    for _ in range(steps):
        classifier.zero_grad()
        start = perf_counter()
        objective.training_step(classifier, dummy_film, cross_entropy, seed=0)
        times.append(perf_counter() - start)
    peak_bytes = peak_rss()
    return min(times), peak_bytes, max(peak_bytes - before, 0)
