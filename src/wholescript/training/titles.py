"""A stream of titles as batches of windows, and the ways that a model of them is trained."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import kl_div

from wholescript.errors import DataError, ParameterError
from wholescript.models.next_token import NextTokenModel
from wholescript.training.language import NextToken, windows
from wholescript.training.text_batches import IntArray, TextBatch
from wholescript.training.ways import Loss

Order = Literal["file", "shuffled", "titles"]


@dataclass(frozen=True)
class StreamBatches:
    """`stream` (tokens,) in windows in which `block` tokens are predicted, `batch_size` at once.

    In the order of the `file` every epoch is the same, and what fills no whole batch is left out,
    as in the published baseline. Else windows are `shuffled`, and cut anew for every epoch, so
    that a title stands in other places of its window; for `titles` see `TitleBatches`.

    Raises:
        DataError: the stream does not fill a batch.
        ParameterError: a block or a batch below 1.
    """

    stream: IntArray
    block: int
    batch_size: int
    order: Order = "shuffled"

    def __post_init__(self) -> None:
        """Refuse what has no batch."""
        if self.block < 1 or self.batch_size < 1:
            raise ParameterError(
                f"block={self.block} and batch_size={self.batch_size} must be at least 1"
            )
        if len(self) < 1:
            raise DataError(
                f"{len(self.stream)} tokens do not fill a batch of {self.batch_size} windows of "
                f"{self.block}: take more titles or a smaller batch"
            )

    def shuffled(self, seed: int) -> Iterator[TextBatch]:
        """Go through the stream once, but for less than a batch at its ends."""
        if self.order == "file":
            yield from self._batches(np.arange(len(self) * self.batch_size) * self.block)
            return
        generator = np.random.default_rng(seed)
        spare = len(self.stream) - 1 - len(self) * self.batch_size * self.block
        first = generator.integers(spare + 1)
        places = first + np.arange(len(self) * self.batch_size) * self.block
        yield from self._batches(generator.permutation(places))

    def by_length(self) -> Iterator[TextBatch]:
        """Go through the whole stream once, in order."""
        rows = windows([self.stream], self.block + 1)
        whole = len(rows) if len(rows[-1]) == self.block + 1 else len(rows) - 1
        yield from self._batches(np.arange(whole) * self.block)
        if whole < len(rows):
            yield _batch(rows[-1][None])

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return (len(self.stream) - 1) // (self.block * self.batch_size)

    def _batches(self, places: IntArray) -> Iterator[TextBatch]:
        for start in range(0, len(places), self.batch_size):
            chosen = places[start : start + self.batch_size, None]
            yield _batch(self.stream[chosen + np.arange(self.block + 1)])


def _batch(ids: IntArray) -> TextBatch:
    rows = np.arange(len(ids))
    tokens = torch.from_numpy(ids)
    return TextBatch(rows, tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros(len(ids)))


@dataclass(frozen=True)
class TitleBatches:
    """A stream of titles, each behind an `end`, in windows of whole titles, `batch_size` at once.

    None has its beginning in another window than its end, unless it is longer than `block` tokens.
    What a window has left is padded, and not asked for. What fills no whole batch is left out,
    other windows in each epoch.

    Raises:
        DataError: the titles do not fill a batch.
        ParameterError: a block or a batch below 1.
    """

    stream: IntArray
    end: int
    block: int
    batch_size: int

    def __post_init__(self) -> None:
        """Refuse what has no batch."""
        if self.block < 1 or self.batch_size < 1:
            raise ParameterError(
                f"block={self.block} and batch_size={self.batch_size} must be at least 1"
            )
        if len(self) < 1:
            raise DataError(
                f"{len(self.stream)} tokens do not fill a batch of {self.batch_size} windows of "
                f"{self.block}: take more titles or a smaller batch"
            )

    def shuffled(self, seed: int) -> Iterator[TextBatch]:
        """Go through the windows once, in an order that `seed` alone decides."""
        order = np.random.default_rng(seed).permutation(len(self._windows))
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield self._batch(order[start : start + self.batch_size])

    def by_length(self) -> Iterator[TextBatch]:
        """Go through all windows once, in order."""
        rows = np.arange(len(self._windows))
        for start in range(0, len(rows), self.batch_size):
            yield self._batch(rows[start : start + self.batch_size])

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._windows) // self.batch_size

    @cached_property
    def _windows(self) -> list[IntArray]:
        ends = np.flatnonzero(self.stream == self.end)
        rows, first, last = list[IntArray](), int(ends[0]), int(ends[0])
        for end in map(int, ends[1:]):
            if end - first > self.block and last > first:
                rows.append(self.stream[first : last + 1])
                first = last
            last = end
        rows.append(self.stream[first : last + 1])
        return windows(rows, self.block + 1)

    def _batch(self, rows: IntArray) -> TextBatch:
        ids = np.full((len(rows), self.block + 1), self.end)
        asked = np.zeros(ids.shape, bool)
        for place, row in enumerate(rows):
            window = self._windows[row]
            ids[place, : len(window)], asked[place, : len(window)] = window, True
        return TextBatch(
            rows, torch.from_numpy(ids), torch.from_numpy(asked), torch.zeros(len(rows))
        )


@dataclass(frozen=True)
class RDrop(NextToken):
    """Each batch is read twice, under other dropout, and the two answers are drawn together.

    `weight` is that of half the sum of both divergences (Liang et al., 2021, "R-Drop"); with 0 two
    readings are all that is left of it.
    """

    weight: float = 0.5

    def _losses(self, model: NextTokenModel, batch: TextBatch, loss: Loss) -> tuple[Tensor, Tensor]:
        """Return the mean loss of both readings, and that with their divergence."""
        (first, came), (second, _) = (self._predicted(model, batch) for _ in range(2))
        logs = first.log_softmax(-1), second.log_softmax(-1)
        apart = sum(
            kl_div(a, b, log_target=True, reduction="batchmean") for a, b in (logs, logs[::-1])
        )
        value = (loss(first, came) + loss(second, came)) / 2
        return value, value + self.weight * apart / 2
