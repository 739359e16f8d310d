"""Films of unequal length in batches, with little padding."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wholescript.features.bundle import ChunkEmbeddings

BUCKET = 4
"""Batches that are sorted by length together: enough to save padding, few enough to stay random."""


@dataclass(frozen=True)
class Batch:
    """`chunks` (batch, length, d) float32, `chunk_mask` (batch, length), `labels` (batch,)."""

    rows: NDArray[np.int64]
    chunks: Tensor
    chunk_mask: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Move the tensors to a device."""
        tensors = (self.chunks, self.chunk_mask, self.labels)
        return Batch(self.rows, *(tensor.to(device) for tensor in tensors))


@dataclass(frozen=True)
class FilmBatches:
    """The films `rows` of a corpus, to be read in batches.

    `labels` (n,) are those of the whole corpus; `dimensions` keeps the first coordinates of the
    chunk vectors; `scale` divides them.
    """

    chunks: ChunkEmbeddings
    labels: NDArray[np.int8]
    rows: NDArray[np.int64]
    dimensions: int
    scale: float
    batch_size: int = 32

    def shuffled(self, seed: int) -> Iterator[Batch]:
        """Go through all films once, in an order that `seed` alone decides."""
        generator = np.random.default_rng(seed)
        order = generator.permutation(self.rows)
        lengths = self.chunks.counts
        batches: list[NDArray[np.int64]] = []
        for start in range(0, len(order), BUCKET * self.batch_size):
            bucket = order[start : start + BUCKET * self.batch_size]
            bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
            batches += self._split(bucket)
        for number in generator.permutation(len(batches)):
            yield self._collate(batches[number])

    def by_length(self) -> Iterator[Batch]:
        """Go through all films once, shortest first."""
        order = self.rows[np.argsort(self.chunks.counts[self.rows], kind="stable")]
        yield from map(self._collate, self._split(order))

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.rows) // self.batch_size)

    def _split(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        return [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]

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
        )
