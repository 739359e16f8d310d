"""Batches of a token stream: fixed windows, or windows that hold whole headlines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from wholescript.errors import DataError
from wholescript.models.types import IntArray
from wholescript.settings import PositiveInt, check_fields
from wholescript.training.batches import DocumentBatch, split_batches
from wholescript.training.windows import split_into_windows

WindowOrder = Literal["file", "shuffled"]


@dataclass(frozen=True)
class TokenStreamBatchLoader:
    """`stream` (tokens,) int64 in windows of `block_size` targets, `batch_size` windows a batch.

    With the order `file` every epoch is the same, and the last incomplete batch is dropped, as in
    the published baseline. With `shuffled` each epoch cuts the stream at another offset and
    permutes the windows, so that a headline has another position in its window.

    Raises:
        DataError: the stream does not fill a batch.
        ParameterError: `block_size` or `batch_size` is below 1.
    """

    stream: IntArray
    block_size: PositiveInt
    batch_size: PositiveInt
    order: WindowOrder = "shuffled"

    def __post_init__(self) -> None:
        """Check that there is a batch."""
        check_fields(self)
        if len(self) < 1:
            raise DataError(
                f"{len(self.stream)} tokens do not fill a batch of {self.batch_size} windows of "
                f"{self.block_size}: use more headlines or a smaller batch_size"
            )

    def train_batches(self, seed: int) -> Iterator[DocumentBatch]:
        """Yield the batches of one epoch; less than a batch of tokens is left out."""
        starts = np.arange(len(self) * self.batch_size) * self.block_size
        if self.order == "file":
            yield from self._batches(starts)
            return
        generator = np.random.default_rng(seed)
        n_spare = len(self.stream) - 1 - len(self) * self.batch_size * self.block_size
        offset = generator.integers(n_spare + 1)
        yield from self._batches(generator.permutation(offset + starts))

    def eval_batches(self) -> Iterator[DocumentBatch]:
        """Yield the whole stream once, in order; a shorter last window is a batch of its own."""
        rows = split_into_windows([self.stream], self.block_size + 1)
        n_full = len(rows) if len(rows[-1]) == self.block_size + 1 else len(rows) - 1
        yield from self._batches(np.arange(n_full) * self.block_size)
        if n_full < len(rows):
            yield _make_batch(rows[-1][None])

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return (len(self.stream) - 1) // (self.block_size * self.batch_size)

    def _batches(self, starts: IntArray) -> Iterator[DocumentBatch]:
        window = np.arange(self.block_size + 1)
        for batch_starts in split_batches(starts, self.batch_size):
            yield _make_batch(self.stream[batch_starts[:, None] + window])


def _make_batch(ids: IntArray) -> DocumentBatch:
    input_ids = torch.from_numpy(ids)
    mask = torch.ones_like(input_ids, dtype=torch.bool)
    return DocumentBatch(np.arange(len(ids)), input_ids, mask, torch.zeros(len(ids)))


def whole_headlines(stream: IntArray, eos_token_id: int, block_size: int) -> list[IntArray]:
    """Cut a stream of headlines into windows of up to `block_size` targets that hold whole ones.

    Each headline follows an `eos_token_id`. One that is longer than a window is cut.
    """
    eos_positions = np.flatnonzero(stream == eos_token_id).tolist()
    rows, start, last = list[IntArray](), eos_positions[0], eos_positions[0]
    for position in eos_positions[1:]:
        if position - start > block_size and last > start:
            rows.append(stream[start : last + 1])
            start = last
        last = position
    rows.append(stream[start : last + 1])
    return split_into_windows(rows, block_size + 1)
