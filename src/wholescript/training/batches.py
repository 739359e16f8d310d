"""Films of unequal length in batches, with little padding."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wholescript.features.bundle import ChunkEmbeddings
from wholescript.features.token_chunks import TokenChunks

BUCKET = 4
"""Batches of films that are sorted by length together: there are few, which must stay random."""


def bucketed(
    rows: NDArray[np.int64],
    lengths: NDArray[np.int64],
    size: int,
    seed: int,
    *,
    bucket: int = BUCKET,
) -> Iterator[NDArray[np.int64]]:
    """Yield `rows` in batches of `size` in random order, those of one batch of about one length.

    `lengths` is indexed by row; so many batches as `bucket` says are sorted by length together.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(rows)
    batches: list[NDArray[np.int64]] = []
    for alike in split(order, bucket * size):
        batches += split(alike[np.argsort(lengths[alike], kind="stable")], size)
    for number in generator.permutation(len(batches)):
        yield batches[number]


def split(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Return `rows` in parts of `size`, of which the last may be smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


class Batches(Protocol):
    """What the loop reads: training batches in a seeded order, held-out ones in a fixed order."""

    def shuffled(self, seed: int) -> Iterator[Any]:
        """Go through all films once, in an order that `seed` alone decides."""

    def by_length(self) -> Iterator[Any]:
        """Go through all films once, shortest first."""

    def __len__(self) -> int:
        """Return the number of batches."""


@dataclass(frozen=True)
class Batch:
    """`chunks` (batch, length, d) float32, `chunk_mask` (batch, length), `labels` (batch,).

    `beside` holds (batch, inputs) float32 for late fusion, or nothing.
    """

    rows: NDArray[np.int64]
    chunks: Tensor
    chunk_mask: Tensor
    labels: Tensor
    beside: tuple[Tensor, ...] = ()

    def to(self, device: torch.device) -> "Batch":
        """Move the tensors to a device."""
        return _moved(self, device)


@dataclass(frozen=True)
class FilmBatches:
    """The films `rows` of a corpus, to be read in batches.

    `labels` (n,) are those of the whole corpus; `dimensions` keeps the first coordinates of the
    chunk vectors; `scale` divides them; `beside` (n, inputs) float32 is for late fusion.
    """

    chunks: ChunkEmbeddings
    labels: NDArray[np.int8]
    rows: NDArray[np.int64]
    dimensions: int
    scale: float
    batch_size: int = 32
    beside: NDArray[np.float32] | None = None

    def shuffled(self, seed: int) -> Iterator[Batch]:
        """Go through all films once, in an order that `seed` alone decides."""
        for rows in bucketed(self.rows, self.chunks.counts, self.batch_size, seed):
            yield self._collate(rows)

    def by_length(self) -> Iterator[Batch]:
        """Go through all films once, shortest first."""
        order = self.rows[np.argsort(self.chunks.counts[self.rows], kind="stable")]
        yield from map(self._collate, split(order, self.batch_size))

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.rows) // self.batch_size)

    def _collate(self, rows: NDArray[np.int64]) -> Batch:
        lengths = self.chunks.counts[rows]
        padded = np.zeros((len(rows), int(lengths.max()), self.dimensions), np.float32)
        for place, row in enumerate(rows):
            padded[place, : lengths[place]] = self.chunks.of(int(row), self.dimensions)
        mask = np.arange(padded.shape[1]) < lengths[:, None]
        return Batch(
            rows,
            torch.from_numpy(padded / np.float32(self.scale)),
            torch.from_numpy(mask),
            torch.from_numpy(self.labels[rows].astype(np.float32)),
            _of(rows, self.beside),
        )


@dataclass(frozen=True)
class TokenBatch:
    """Films as tokens, their chunks packed one film after another.

    `input_ids` (n, length) int64, `attention_mask` (n, length) bool, `counts` (batch,) chunks a
    film, `labels` (batch,) float32; `beside` as in `Batch`.
    """

    rows: NDArray[np.int64]
    input_ids: Tensor
    attention_mask: Tensor
    counts: Tensor
    labels: Tensor
    beside: tuple[Tensor, ...] = ()

    def to(self, device: torch.device) -> "TokenBatch":
        """Move the tensors to a device."""
        return _moved(self, device)


AnyBatch = TypeVar("AnyBatch", Batch, TokenBatch)


@dataclass(frozen=True)
class TokenBatches:
    """The films `rows` of a corpus as token chunks, `labels` (n,) those of the whole corpus.

    In training a film is seen through `sample` of its chunks, drawn anew in every epoch; otherwise
    through `look` of them, evenly spaced. None of either is all.
    """

    tokens: TokenChunks
    labels: NDArray[np.int8]
    rows: NDArray[np.int64]
    batch_size: int = 8
    sample: int | None = None
    look: int | None = None
    beside: NDArray[np.float32] | None = None

    def shuffled(self, seed: int) -> Iterator[TokenBatch]:
        """Go through all films once, in an order and through chunks that `seed` alone decides."""
        generator = np.random.default_rng(seed)
        order = generator.permutation(self.rows)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            chosen = []
            for row in rows:
                count = int(self.tokens.counts[row])
                size = min(self.sample or count, count)
                chosen.append(np.sort(generator.choice(count, size, replace=False)))
            yield self._collate(rows, chosen)

    def by_length(self) -> Iterator[TokenBatch]:
        """Go through all films once, shortest first."""
        order = self.rows[np.argsort(self.tokens.counts[self.rows], kind="stable")]
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self._collate(rows, [self._even(int(self.tokens.counts[row])) for row in rows])

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.rows) // self.batch_size)

    def _even(self, count: int) -> NDArray[np.int64]:
        size = min(self.look or count, count)
        return ((np.arange(size) + 0.5) * count / size).astype(np.int64)

    def _collate(self, rows: NDArray[np.int64], chosen: list[NDArray[np.int64]]) -> TokenBatch:
        parts = [
            self.tokens.of(int(row), numbers) for row, numbers in zip(rows, chosen, strict=True)
        ]
        return TokenBatch(
            rows,
            torch.from_numpy(np.concatenate([ids for ids, _ in parts])),
            torch.from_numpy(np.concatenate([mask for _, mask in parts])),
            torch.tensor([len(ids) for ids, _ in parts]),
            torch.from_numpy(self.labels[rows].astype(np.float32)),
            _of(rows, self.beside),
        )


def _of(rows: NDArray[np.int64], beside: NDArray[np.float32] | None) -> tuple[Tensor, ...]:
    return () if beside is None else (torch.from_numpy(beside[rows]),)


def _moved(batch: AnyBatch, device: torch.device) -> AnyBatch:
    moved: dict[str, Any] = {
        name: value.to(device) for name, value in vars(batch).items() if torch.is_tensor(value)
    }
    return replace(batch, beside=tuple(part.to(device) for part in batch.beside), **moved)
