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
from wholescript.training.documents import DocumentBatch, IntArray
from wholescript.training.language_model import NextTokenObjective, windows
from wholescript.training.objectives import LossFn

WindowOrder = Literal["file", "shuffled"]


@dataclass(frozen=True)
class TokenStreamBatchLoader:
    """`stream` (tokens,) in windows in which `block_size` tokens are predicted, `batch_size` at once.

    In the order of the `file` every epoch is the same, and what fills no whole batch is left out,
    as in the published baseline. Else windows are `train_batches`, and cut anew for every epoch, so
    that a title stands in other places of its window.

    Raises:
        DataError: the stream does not fill a batch.
        ParameterError: a block or a batch below 1.
    """

    stream: IntArray
    block_size: int
    batch_size: int
    order: WindowOrder = "shuffled"

    def __post_init__(self) -> None:
        """Refuse what has no batch."""
        if self.block_size < 1 or self.batch_size < 1:
            raise ParameterError(
                f"block_size={self.block_size} and batch_size={self.batch_size} must be at least 1"
            )
        if len(self) < 1:
            raise DataError(
                f"{len(self.stream)} tokens do not fill a batch of {self.batch_size} windows of "
                f"{self.block_size}: take more titles or a smaller batch"
            )

    def train_batches(self, seed: int) -> Iterator[DocumentBatch]:
        """Go through the stream once, but for less than a batch at its ends."""
        if self.order == "file":
            yield from self._batches(np.arange(len(self) * self.batch_size) * self.block_size)
            return
        generator = np.random.default_rng(seed)
        n_spare = len(self.stream) - 1 - len(self) * self.batch_size * self.block_size
        first = generator.integers(n_spare + 1)
        starts = first + np.arange(len(self) * self.batch_size) * self.block_size
        yield from self._batches(generator.permutation(starts))

    def eval_batches(self) -> Iterator[DocumentBatch]:
        """Go through the whole stream once, in order."""
        rows = windows([self.stream], self.block_size + 1)
        whole = len(rows) if len(rows[-1]) == self.block_size + 1 else len(rows) - 1
        yield from self._batches(np.arange(whole) * self.block_size)
        if whole < len(rows):
            yield _make_batch(rows[-1][None])

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return (len(self.stream) - 1) // (self.block_size * self.batch_size)

    def _batches(self, starts: IntArray) -> Iterator[DocumentBatch]:
        for start in range(0, len(starts), self.batch_size):
            chosen = starts[start : start + self.batch_size, None]
            yield _make_batch(self.stream[chosen + np.arange(self.block_size + 1)])


def _make_batch(ids: IntArray) -> DocumentBatch:
    rows = np.arange(len(ids))
    tokens = torch.from_numpy(ids)
    return DocumentBatch(
        rows, tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros(len(ids))
    )


def whole_headlines(stream: IntArray, end: int, block_size: int) -> list[IntArray]:
    """Cut a stream of titles, each behind an `end`, into windows that predict up to `block_size` tokens.

    No title has its beginning in another window than its end, unless it has more tokens than that.
    """
    ends = np.flatnonzero(stream == end).tolist()
    rows, first, last = list[IntArray](), ends[0], ends[0]
    for place in ends[1:]:
        if place - first > block_size and last > first:
            rows.append(stream[first : last + 1])
            first = last
        last = place
    rows.append(stream[first : last + 1])
    return windows(rows, block_size + 1)


@dataclass(frozen=True)
class RDropObjective(NextTokenObjective):
    """Each batch is read twice, under other dropout, and the two answers are drawn together.

    `kl_weight` is that of half the sum of both divergences (Liang et al., 2021, "R-Drop"); with 0 two
    readings are all that is left of it.
    """

    kl_weight: float = 0.5

    def _losses(
        self, model: NextTokenModel, batch: DocumentBatch, loss: LossFn
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss of both readings, and that with their divergence."""
        (first, targets), (second, _) = (self._logits_and_targets(model, batch) for _ in range(2))
        logs = first.log_softmax(-1), second.log_softmax(-1)
        kl = sum(
            kl_div(a, b, log_target=True, reduction="batchmean") for a, b in (logs, logs[::-1])
        )
        value = (loss(first, targets) + loss(second, targets)) / 2
        return value, value + self.kl_weight * kl / 2
