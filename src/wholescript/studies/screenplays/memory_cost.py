"""What one training step costs: seconds and peak memory, each measured in a process of its own.

Cost depends on how long a film is and not on what it says, so token ids are drawn at random.
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
from wholescript.models.chunked import ChunkedClassifier, ScratchEncoder, pad_chunks
from wholescript.training.batches import ChunkBatch, TokenBatch
from wholescript.training.memory import peak_rss, rss
from wholescript.training.objectives import (
    EndToEndObjective,
    FrozenEncoderObjective,
    MemoryStrategy,
)


@dataclass(frozen=True)
class BenchmarkModel:
    """A chunked classifier from scratch: the encoder's sizes; the aggregator is a query decoder."""

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
        """Return a batch of one film of full chunks, which is positive."""
        ids = torch.randint(self.vocab_size, (chunks, self.chunk_length))
        mask = torch.ones_like(ids, dtype=torch.bool)
        return TokenBatch(np.zeros(1, np.int64), ids, mask, torch.tensor([chunks]), torch.ones(1))


@dataclass(frozen=True)
class Footprint:
    """The cost of one step on one film of `chunks` chunks by one way.

    `seconds` is the quickest of the steps, which was disturbed least; `peak_bytes` is the most bytes that
    the process held, and `activation_bytes` how many of them came on top of the weights and the film.
    All are None where memory ran out.
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
    """Measure training steps on one film in a fresh process, or note that it was killed."""
    model = model or BenchmarkModel()
    tokens = chunks * model.chunk_length
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, context) as pool:
            found = pool.submit(
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
    return Footprint(memory_strategy, chunks, tokens, *found)


def time_frozen_encoder(
    chunks: int, model: BenchmarkModel | None = None, *, chunks_per_group: int = 8
) -> dict[str, float]:
    """Return the seconds of embedding one film once, and of a step on its stored vectors."""
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
    embedded = perf_counter() - start
    stored = ChunkBatch(dummy_film.rows, *pad_chunks(vectors, dummy_film.counts), dummy_film.labels)
    times = []
    for _ in range(10):
        start = perf_counter()
        FrozenEncoderObjective().training_step(classifier.aggregator, stored, cross_entropy, seed=0)
        times.append(perf_counter() - start)
    return {"embed": embedded, "step": min(times)}


def gradient_error(
    memory_strategy: MemoryStrategy,
    chunks: int,
    model: BenchmarkModel | None = None,
    *,
    chunks_per_group: int = 8,
    n_cached_groups: int = 0,
) -> float:
    """Return the largest relative gradient error of any parameter against `whole`, with dropout.

    The error of a parameter is the norm of the difference over the norm of its gradient, in fp32.
    """
    model = model or BenchmarkModel()
    torch.manual_seed(0)
    classifier = model.build()
    dummy_film = model.dummy_film(chunks)

    def gradients(chosen: MemoryStrategy) -> dict[str, torch.Tensor]:
        classifier.zero_grad()
        EndToEndObjective(chosen, chunks_per_group, n_cached_groups=n_cached_groups).training_step(
            classifier, dummy_film, cross_entropy, seed=0
        )
        named = classifier.named_parameters()
        return {name: p.grad.clone() for name, p in named if p.grad is not None}

    whole, other = gradients("whole"), gradients(memory_strategy)
    # A key's bias moves all scores of a query alike: its true gradient is zero, its error noise.
    least = 1e-6 * max(float(g.norm()) for g in whole.values())
    return max(
        float((other[name] - gradient).norm() / gradient.norm())
        for name, gradient in whole.items()
        if gradient.norm() > least
    )


def _measure(
    chunks: int, model: BenchmarkModel, step: EndToEndObjective, steps: int
) -> tuple[float, int, int]:
    classifier = model.build()
    step.training_step(
        classifier, model.dummy_film(1), cross_entropy, seed=0
    )  # brings in what any step needs
    dummy_film = model.dummy_film(chunks)
    before, times = rss(), []
    for _ in range(steps):
        classifier.zero_grad()
        start = perf_counter()
        step.training_step(classifier, dummy_film, cross_entropy, seed=0)
        times.append(perf_counter() - start)
    peak_bytes = peak_rss()
    return min(times), peak_bytes, max(peak_bytes - before, 0)
