"""A stream of titles as batches of windows, and the ways that a model of them is trained."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import kl_div

from wholescript.errors import DataError, ParameterError
from wholescript.models.next_token import NextTokenModel
from wholescript.training.documents import IntArray, TextBatch
from wholescript.training.language_model import NextToken, windows
from wholescript.training.objectives import Loss

Order = Literal["file", "shuffled"]


@dataclass(frozen=True)
class StreamBatches:
    """`stream` (tokens,) in windows in which `block` tokens are predicted, `batch_size` at once.

    In the order of the `file` every epoch is the same, and what fills no whole batch is left out,
    as in the published baseline. Else windows are `shuffled`, and cut anew for every epoch, so
    that a title stands in other places of its window.

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


def whole_titles(stream: IntArray, end: int, block: int) -> list[IntArray]:
    """Cut a stream of titles, each behind an `end`, into windows that predict up to `block` tokens.

    No title has its beginning in another window than its end, unless it has more tokens than that.
    """
    ends = np.flatnonzero(stream == end).tolist()
    rows, first, last = list[IntArray](), ends[0], ends[0]
    for place in ends[1:]:
        if place - first > block and last > first:
            rows.append(stream[first : last + 1])
            first = last
        last = place
    rows.append(stream[first : last + 1])
    return windows(rows, block + 1)


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
