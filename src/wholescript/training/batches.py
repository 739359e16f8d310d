"""Batches, and the loaders of films and of documents, whose samples have unequal lengths."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wholescript.features.token_chunks import evenly_spaced
from wholescript.models.types import Float32Array, IntArray


def length_bucketed(
    indices: IntArray, lengths: IntArray, size: int, seed: int, *, batches_per_bucket: int
) -> Iterator[IntArray]:
    """Yield `indices` in random order, in batches of `size` with similar lengths (little padding).

    `lengths` are those of the whole data set. Indices are shuffled, cut into buckets of
    `batches_per_bucket` batches, sorted by length within a bucket, and the batches are shuffled.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(indices)
    batches: list[IntArray] = []
    for bucket in split_batches(order, batches_per_bucket * size):
        batches += split_batches(bucket[np.argsort(lengths[bucket], kind="stable")], size)
    for number in generator.permutation(len(batches)):
        yield batches[number]


def split_batches(indices: IntArray, size: int) -> list[IntArray]:
    """Return `indices` in parts of `size`; the last may be smaller."""
    return [indices[start : start + size] for start in range(0, len(indices), size)]


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


class ChunkVectors(Protocol):
    """The chunk vectors of n films, such as `ChunkEmbeddings`."""

    @property
    def counts(self) -> IntArray:
        """The number of chunks of each film, (n,)."""

    def coordinates(self, film: int, dimensions: int | None = None) -> Float32Array:
        """Return a film's first `dimensions` coordinates, (n_chunks, dimensions)."""


class FilmChunks(Protocol):
    """What a chunk encoder takes of n films: `TokenChunks`, or `FrozenStates` of the tokens."""

    @property
    def counts(self) -> IntArray:
        """The number of chunks of each film, (n,)."""

    def padded_chunks(
        self, film: int, chunk_indices: IntArray
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return token ids (n, length), or states (n, length, d), and mask of some chunks."""


@dataclass(frozen=True)
class TensorBatch:
    """Base of the batches: `indices` (batch,) in the data set, `labels` (batch,) and tensors."""

    def to(self, device: torch.device) -> Self:
        """Return the batch with its tensors on `device`."""
        return replace(self, **{name: _move(value, device) for name, value in vars(self).items()})


def _move(value: Any, device: torch.device) -> Any:
    if isinstance(value, tuple):
        return tuple(tensor.to(device) for tensor in value)
    return value.to(device) if torch.is_tensor(value) else value


BatchT = TypeVar("BatchT", bound=TensorBatch)


class LengthSortedLoader(ABC, Generic[BatchT]):
    """Base of the loaders of padded samples: batches of similar length.

    `batches_per_bucket` is that of `length_bucketed` in training.
    """

    batches_per_bucket: ClassVar[int]

    @abstractmethod
    def _samples(self) -> tuple[IntArray, IntArray, int]:
        """Return the indices of the samples, all lengths of the data set, and the batch size."""

    @abstractmethod
    def _collate(self, indices: IntArray) -> BatchT:
        """Return the batch of some samples."""

    def train_batches(self, seed: int) -> Iterator[BatchT]:
        """Yield all samples once, bucketed by length, in an order that depends on `seed` only."""
        order = length_bucketed(*self._samples(), seed, batches_per_bucket=self.batches_per_bucket)
        yield from map(self._collate, order)

    def eval_batches(self) -> Iterator[BatchT]:
        """Yield all samples once, shortest first."""
        indices, lengths, size = self._samples()
        order = indices[np.argsort(lengths[indices], kind="stable")]
        yield from map(self._collate, split_batches(order, size))

    def __len__(self) -> int:
        """Return the number of batches."""
        indices, _, size = self._samples()
        return -(-len(indices) // size)


@dataclass(frozen=True)
class ChunkBatch(TensorBatch):
    """Films as padded chunk vectors.

    `indices` (batch,) in the corpus; `chunks` (batch, length, d) float32; `chunk_mask` (batch,
    length) bool; `labels` (batch,) float32; `extra_features`: none, or one tensor (batch, n)
    float32 for late fusion.
    """

    indices: IntArray
    chunks: Tensor
    chunk_mask: Tensor
    labels: Tensor
    extra_features: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class ChunkBatchLoader(LengthSortedLoader[ChunkBatch]):
    """Batches of the films `indices` of a corpus of n films, as chunk vectors.

    `labels` (n,) and `extra_features` (n, d_extra) float32 are those of the whole corpus. The first
    `dimensions` coordinates of the chunk vectors are kept and divided by `embedding_std`.
    """

    batches_per_bucket = 4  # with so few films, larger buckets would fix the batches

    chunks: ChunkVectors
    labels: NDArray[np.int8]
    indices: IntArray
    dimensions: int
    embedding_std: float
    batch_size: int = 32
    extra_features: Float32Array | None = None

    def _samples(self) -> tuple[IntArray, IntArray, int]:
        return self.indices, self.chunks.counts, self.batch_size

    def _collate(self, indices: IntArray) -> ChunkBatch:
        lengths = self.chunks.counts[indices]
        padded = np.zeros((len(indices), int(lengths.max()), self.dimensions), np.float32)
        for i, index in enumerate(indices):
            padded[i, : lengths[i]] = self.chunks.coordinates(int(index), self.dimensions)
        mask = np.arange(padded.shape[1]) < lengths[:, None]
        return ChunkBatch(
            indices,
            torch.from_numpy(padded / np.float32(self.embedding_std)),
            torch.from_numpy(mask),
            torch.from_numpy(self.labels[indices].astype(np.float32)),
            _select_extra_features(self.extra_features, indices),
        )


@dataclass(frozen=True)
class TokenBatch(TensorBatch):
    """Films as token chunks, packed one film after another: n chunks of `length` tokens.

    `input_ids` (n, length) int64, or (n, length, d) float32, states that take the place of tokens;
    `attention_mask` (n, length) bool; `n_chunks` (batch,): chunks of each film, with sum n;
    `indices`, `labels` and `extra_features` as in `ChunkBatch`.
    """

    indices: IntArray
    input_ids: Tensor
    attention_mask: Tensor
    n_chunks: Tensor
    labels: Tensor
    extra_features: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class TokenBatchLoader(LengthSortedLoader[TokenBatch]):
    """Batches of the films `indices` of a corpus of n films, as token chunks.

    `labels` (n,) and `extra_features` (n, d_extra) are those of the whole corpus. Training batches
    hold `n_train_chunks` random chunks of each film, others in every epoch; evaluation batches hold
    `n_eval_chunks` evenly spaced ones. None means all chunks.
    """

    tokens: FilmChunks
    labels: NDArray[np.int8]
    indices: IntArray
    batch_size: int = 8
    n_train_chunks: int | None = None
    n_eval_chunks: int | None = None
    extra_features: Float32Array | None = None

    def train_batches(self, seed: int) -> Iterator[TokenBatch]:
        """Yield batches in random order, with random chunks; packed chunks need no buckets."""
        generator = np.random.default_rng(seed)
        for indices in split_batches(generator.permutation(self.indices), self.batch_size):
            chosen = []
            for count in self.tokens.counts[indices].tolist():
                size = min(self.n_train_chunks or count, count)
                chosen.append(np.sort(generator.choice(count, size, replace=False)))
            yield self._pack(indices, chosen)

    def _samples(self) -> tuple[IntArray, IntArray, int]:
        return self.indices, self.tokens.counts, self.batch_size

    def _collate(self, indices: IntArray) -> TokenBatch:
        counts = self.tokens.counts[indices].tolist()
        return self._pack(indices, [evenly_spaced(count, self.n_eval_chunks) for count in counts])

    def _pack(self, indices: IntArray, chosen: Sequence[IntArray]) -> TokenBatch:
        films = [
            self.tokens.padded_chunks(int(index), numbers)
            for index, numbers in zip(indices, chosen, strict=True)
        ]
        return TokenBatch(
            indices,
            torch.from_numpy(np.concatenate([ids for ids, _ in films])),
            torch.from_numpy(np.concatenate([mask for _, mask in films])),
            torch.tensor([len(ids) for ids, _ in films]),
            torch.from_numpy(self.labels[indices].astype(np.float32)),
            _select_extra_features(self.extra_features, indices),
        )


def _select_extra_features(
    extra_features: Float32Array | None, indices: IntArray
) -> tuple[Tensor, ...]:
    return () if extra_features is None else (torch.from_numpy(extra_features[indices]),)


@dataclass(frozen=True)
class DocumentBatch(TensorBatch):
    """`input_ids` (batch, length) int64, `attention_mask` (batch, length) bool, `labels` (batch,).

    Padding is on the right.
    """

    indices: IntArray
    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor

    def split(self, n_tokens: int | None) -> "Iterator[DocumentBatch]":
        """Yield micro-batches of at most `n_tokens` tokens, padding included; None: the whole."""
        n_rows, length = self.input_ids.shape
        size = n_rows if n_tokens is None else max(n_tokens // length, 1)
        for start in range(0, n_rows, size):
            part = slice(start, start + size)
            tensors = (self.input_ids, self.attention_mask, self.labels)
            yield DocumentBatch(self.indices[part], *(tensor[part] for tensor in tensors))


@dataclass(frozen=True)
class DocumentBatchLoader(LengthSortedLoader[DocumentBatch]):
    """n tokenised documents and their labels (n,) int64, in batches of `batch_size`."""

    batches_per_bucket = 50

    tokens: Sequence[IntArray]
    labels: IntArray
    batch_size: int
    pad_token_id: int = 0

    @property
    def lengths(self) -> IntArray:
        """The number of tokens of each document, (n,)."""
        return np.array([len(ids) for ids in self.tokens], np.int64)

    def _samples(self) -> tuple[IntArray, IntArray, int]:
        return np.arange(len(self.tokens)), self.lengths, self.batch_size

    def _collate(self, indices: IntArray) -> DocumentBatch:
        tokens = [torch.from_numpy(self.tokens[index]) for index in indices]
        ids = nn.utils.rnn.pad_sequence(tokens, batch_first=True, padding_value=self.pad_token_id)
        lengths = torch.tensor([len(token_ids) for token_ids in tokens])
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        return DocumentBatch(indices, ids, mask, torch.from_numpy(self.labels[indices]))
