"""Batches of sequences of unequal length, and the loaders of chunked films."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wholescript.features.bundle import ChunkEmbeddings
from wholescript.features.token_chunks import TokenChunks

BATCHES_PER_BUCKET = 4
"""Batches per length bucket of films. With so few films, larger buckets would fix the batches."""


def length_bucketed(
    rows: NDArray[np.int64],
    lengths: NDArray[np.int64],
    size: int,
    seed: int,
    *,
    batches_per_bucket: int = BATCHES_PER_BUCKET,
) -> Iterator[NDArray[np.int64]]:
    """Yield `rows` in random order, in batches of `size` with similar lengths (little padding).

    `lengths` is indexed by row. Rows are shuffled, cut into buckets of `batches_per_bucket`
    batches, sorted by length within a bucket, and the batches are shuffled.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(rows)
    batches: list[NDArray[np.int64]] = []
    for bucket_rows in split_rows(order, batches_per_bucket * size):
        batches += split_rows(bucket_rows[np.argsort(lengths[bucket_rows], kind="stable")], size)
    for number in generator.permutation(len(batches)):
        yield batches[number]


def split_rows(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Return `rows` in parts of `size`; the last may be smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def prefetch(batches: Iterator[Any], workers: int) -> Iterator[Any]:
    """Yield the batches; with `workers` a thread prepares the next one in the meantime."""
    if not workers:
        yield from batches
        return
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(next, batches, None)
        while (batch := ahead.result()) is not None:
            ahead = pool.submit(next, batches, None)
            yield batch


class BatchLoader(Protocol):
    """What the training loop needs of a data loader."""

    def train_batches(self, seed: int) -> Iterator[Any]:
        """Yield batches of one epoch in an order that depends on `seed` only."""

    def eval_batches(self) -> Iterator[Any]:
        """Yield batches in a fixed order, shortest samples first."""

    def __len__(self) -> int:
        """Return the number of batches."""


@dataclass(frozen=True)
class ChunkBatch:
    """Films as padded chunk vectors.

    `rows` (batch,) in the corpus; `chunks` (batch, length, d) float32; `chunk_mask` (batch, length)
    bool; `labels` (batch,) float32; `extra_features`: none, or one tensor (batch, n) float32 for
    late fusion.
    """

    rows: NDArray[np.int64]
    chunks: Tensor
    chunk_mask: Tensor
    labels: Tensor
    extra_features: tuple[Tensor, ...] = ()

    def to(self, device: torch.device) -> "ChunkBatch":
        """Move the tensors to a device."""
        return _to_device(self, device)


@dataclass(frozen=True)
class ChunkBatchLoader:
    """Batches of the films `rows` of a corpus of n films, as chunk vectors.

    `labels` (n,) and `extra_features` (n, d_extra) float32 are those of the whole corpus. The first
    `dimensions` coordinates of the chunk vectors are kept and divided by `embedding_std`.
    """

    chunks: ChunkEmbeddings
    labels: NDArray[np.int8]
    rows: NDArray[np.int64]
    dimensions: int
    embedding_std: float
    batch_size: int = 32
    extra_features: NDArray[np.float32] | None = None

    def train_batches(self, seed: int) -> Iterator[ChunkBatch]:
        """Yield batches of similar length in random order."""
        for rows in length_bucketed(self.rows, self.chunks.counts, self.batch_size, seed):
            yield self._collate(rows)

    def eval_batches(self) -> Iterator[ChunkBatch]:
        """Yield batches, shortest films first."""
        order = self.rows[np.argsort(self.chunks.counts[self.rows], kind="stable")]
        yield from map(self._collate, split_rows(order, self.batch_size))

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.rows) // self.batch_size)

    def _collate(self, rows: NDArray[np.int64]) -> ChunkBatch:
        lengths = self.chunks.counts[rows]
        padded = np.zeros((len(rows), int(lengths.max()), self.dimensions), np.float32)
        for i, row in enumerate(rows):
            padded[i, : lengths[i]] = self.chunks.coordinates(int(row), self.dimensions)
        mask = np.arange(padded.shape[1]) < lengths[:, None]
        return ChunkBatch(
            rows,
            torch.from_numpy(padded / np.float32(self.embedding_std)),
            torch.from_numpy(mask),
            torch.from_numpy(self.labels[rows].astype(np.float32)),
            _extra_rows(rows, self.extra_features),
        )


@dataclass(frozen=True)
class TokenBatch:
    """Films as token chunks, packed one film after another: n chunks of `length` tokens.

    `input_ids` (n, length) int64; `attention_mask` (n, length) bool; `counts` (batch,): chunks of
    each film, with sum n; `labels` (batch,) float32; `extra_features` as in `ChunkBatch`.
    """

    rows: NDArray[np.int64]
    input_ids: Tensor
    attention_mask: Tensor
    counts: Tensor
    labels: Tensor
    extra_features: tuple[Tensor, ...] = ()

    def to(self, device: torch.device) -> "TokenBatch":
        """Move the tensors to a device."""
        return _to_device(self, device)


BatchT = TypeVar("BatchT", ChunkBatch, TokenBatch)


@dataclass(frozen=True)
class TokenBatchLoader:
    """Batches of the films `rows` of a corpus of n films, as token chunks.

    `labels` (n,) and `extra_features` (n, d_extra) are those of the whole corpus. Training batches
    hold `n_train_chunks` random chunks of each film, others in every epoch; evaluation batches hold
    `n_eval_chunks` evenly spaced ones. None means all chunks.
    """

    tokens: TokenChunks
    labels: NDArray[np.int8]
    rows: NDArray[np.int64]
    batch_size: int = 8
    n_train_chunks: int | None = None
    n_eval_chunks: int | None = None
    extra_features: NDArray[np.float32] | None = None

    def train_batches(self, seed: int) -> Iterator[TokenBatch]:
        """Yield batches in random order, with random chunks."""
        generator = np.random.default_rng(seed)
        order = generator.permutation(self.rows)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            chosen = []
            for row in rows:
                count = int(self.tokens.counts[row])
                size = min(self.n_train_chunks or count, count)
                chosen.append(np.sort(generator.choice(count, size, replace=False)))
            yield self._collate(rows, chosen)

    def eval_batches(self) -> Iterator[TokenBatch]:
        """Yield batches, shortest films first."""
        order = self.rows[np.argsort(self.tokens.counts[self.rows], kind="stable")]
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self._collate(
                rows, [self._evenly_spaced(int(self.tokens.counts[row])) for row in rows]
            )

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.rows) // self.batch_size)

    def _evenly_spaced(self, count: int) -> NDArray[np.int64]:
        size = min(self.n_eval_chunks or count, count)
        return ((np.arange(size) + 0.5) * count / size).astype(np.int64)

    def _collate(self, rows: NDArray[np.int64], chosen: list[NDArray[np.int64]]) -> TokenBatch:
        parts = [
            self.tokens.padded_chunks(int(row), numbers)
            for row, numbers in zip(rows, chosen, strict=True)
        ]
        return TokenBatch(
            rows,
            torch.from_numpy(np.concatenate([ids for ids, _ in parts])),
            torch.from_numpy(np.concatenate([mask for _, mask in parts])),
            torch.tensor([len(ids) for ids, _ in parts]),
            torch.from_numpy(self.labels[rows].astype(np.float32)),
            _extra_rows(rows, self.extra_features),
        )


def _extra_rows(
    rows: NDArray[np.int64], extra_features: NDArray[np.float32] | None
) -> tuple[Tensor, ...]:
    return () if extra_features is None else (torch.from_numpy(extra_features[rows]),)


def _to_device(batch: BatchT, device: torch.device) -> BatchT:
    moved: dict[str, Any] = {
        name: value.to(device) for name, value in vars(batch).items() if torch.is_tensor(value)
    }
    return replace(
        batch, extra_features=tuple(part.to(device) for part in batch.extra_features), **moved
    )
