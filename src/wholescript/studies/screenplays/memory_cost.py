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
from wholescript.models.chunked import ChunkedClassifier, ScratchEncoder, unpacked
from wholescript.training.batches import Batch, TokenBatch
from wholescript.training.memory import held_memory, peak_memory
from wholescript.training.objectives import End, OnTokens, OnVectors


@dataclass(frozen=True)
class Model:
    """A chunked classifier from scratch: the encoder's sizes; the aggregator is a query decoder."""

    vocabulary: int = 8_000
    d_model: int = 128
    heads: int = 4
    d_feedforward: int = 512
    layers: int = 2
    d_aggregator: int = 64
    chunk_length: int = 254

    def build(self) -> ChunkedClassifier:
        """Return the model with random weights."""
        encoder = ScratchEncoder(
            self.vocabulary, self.d_model, self.heads, self.d_feedforward, self.layers
        )
        return ChunkedClassifier(encoder, QueryDecoder(self.d_model, self.d_aggregator))

    def film(self, chunks: int) -> TokenBatch:
        """Return a batch of one film of full chunks, which is positive."""
        ids = torch.randint(self.vocabulary, (chunks, self.chunk_length))
        mask = torch.ones_like(ids, dtype=torch.bool)
        return TokenBatch(np.zeros(1, np.int64), ids, mask, torch.tensor([chunks]), torch.ones(1))


@dataclass(frozen=True)
class Footprint:
    """The cost of one step on one film of `chunks` chunks by one way.

    `seconds` is the quickest of the steps, which was disturbed least; `peak` is the most bytes that
    the process held, and `activations` how many of them came on top of the weights and the film.
    All are None where memory ran out.
    """

    way: str
    chunks: int
    tokens: int
    seconds: float | None
    peak: int | None
    activations: int | None


def footprint(
    way: End,
    chunks: int,
    model: Model | None = None,
    *,
    group: int = 8,
    kept: int = 0,
    steps: int = 3,
) -> Footprint:
    """Measure training steps on one film in a fresh process, or note that it was killed."""
    model = model or Model()
    tokens = chunks * model.chunk_length
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, context) as pool:
            found = pool.submit(
                _measure, chunks, model, OnTokens(way, group, kept=kept), steps
            ).result()
    except (BrokenProcessPool, MemoryError):
        return Footprint(way, chunks, tokens, None, None, None)
    return Footprint(way, chunks, tokens, *found)


def frozen_seconds(chunks: int, model: Model | None = None, *, group: int = 8) -> dict[str, float]:
    """Return the seconds of embedding one film once, and of a step on its stored vectors."""
    model = model or Model()
    classifier = model.build()
    film = model.film(chunks)
    start = perf_counter()
    with torch.no_grad():
        pairs = zip(film.input_ids.split(group), film.attention_mask.split(group), strict=True)
        vectors = torch.cat([classifier.encoder(*pair) for pair in pairs])
    embedded = perf_counter() - start
    stored = Batch(film.rows, *unpacked(vectors, film.counts), film.labels)
    times = []
    for _ in range(10):
        start = perf_counter()
        OnVectors().backward(classifier.aggregator, stored, cross_entropy, seed=0)
        times.append(perf_counter() - start)
    return {"embed": embedded, "step": min(times)}


def gradient_error(
    way: End, chunks: int, model: Model | None = None, *, group: int = 8, kept: int = 0
) -> float:
    """Return the largest relative gradient error of any parameter against `whole`, with dropout.

    The error of a parameter is the norm of the difference over the norm of its gradient, in fp32.
    """
    model = model or Model()
    torch.manual_seed(0)
    classifier = model.build()
    film = model.film(chunks)

    def gradients(chosen: End) -> dict[str, torch.Tensor]:
        classifier.zero_grad()
        OnTokens(chosen, group, kept=kept).backward(classifier, film, cross_entropy, seed=0)
        named = classifier.named_parameters()
        return {name: p.grad.clone() for name, p in named if p.grad is not None}

    whole, other = gradients("whole"), gradients(way)
    # A key's bias moves all scores of a query alike: its true gradient is zero, its error noise.
    least = 1e-6 * max(float(g.norm()) for g in whole.values())
    return max(
        float((other[name] - gradient).norm() / gradient.norm())
        for name, gradient in whole.items()
        if gradient.norm() > least
    )


def _measure(chunks: int, model: Model, step: OnTokens, steps: int) -> tuple[float, int, int]:
    classifier = model.build()
    step.backward(classifier, model.film(1), cross_entropy, seed=0)  # brings in what any step needs
    film = model.film(chunks)
    before, times = held_memory(), []
    for _ in range(steps):
        classifier.zero_grad()
        start = perf_counter()
        step.backward(classifier, film, cross_entropy, seed=0)
        times.append(perf_counter() - start)
    peak = peak_memory()
    return min(times), peak, max(peak - before, 0)
