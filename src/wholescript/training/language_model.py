"""Next-token prediction: texts in windows, a way of the training loop, and exact scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wholescript.errors import ParameterError
from wholescript.models.next_token import NextTokenModel
from wholescript.training.batches import BatchLoader
from wholescript.training.documents import DocumentBatch, IntArray
from wholescript.training.objectives import LossFn

CPU_TOKENS_PER_FORWARD = 2_048  # that a CPU reads at once, padding included
GPU_TOKENS_PER_FORWARD = 16_384  # that a GPU scores at once: of fewer it waits for the next


@dataclass(frozen=True)
class NextTokenObjective:
    """A way of the training loop: every token of a window is asked for but the first `prefix_len`.

    A CPU reads a batch in parts of about `tokens_per_forward` tokens, to the same gradient: it passes logits
    over a vocabulary back while they are still at hand, which takes two thirds of the time.
    """

    bfloat16: bool = True
    prefix_len: int = 1
    tokens_per_forward: int = CPU_TOKENS_PER_FORWARD

    def backward(
        self, model: NextTokenModel, batch: DocumentBatch, loss: LossFn, *, seed: int
    ) -> Tensor:
        """Pass back the loss of the tokens of a batch; `seed` decides what is dropped."""
        torch.manual_seed(seed)
        tokens = int(self._loss_mask(batch).sum())
        total_loss = torch.zeros((), device=batch.input_ids.device)
        for part in self._micro_batches(batch):
            share = int(self._loss_mask(part).sum()) / tokens
            value, whole = self._losses(model, part, loss)
            (whole * share).backward()
            total_loss += value.detach() * share
        return total_loss

    def validation_step(
        self, model: NextTokenModel, batches: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return the mean loss of held-out tokens, in nats, every token with the same weight."""
        device = next(model.parameters()).device
        total, tokens = 0.0, 0
        with torch.inference_mode():
            for batch in batches.eval_batches():
                for part in self._micro_batches(batch.to(device)):
                    logits, targets = self._logits_and_targets(model, part)
                    total += float(loss(logits, targets)) * len(targets)
                    tokens += len(targets)
        return {"held_out_loss": total / tokens}

    def _losses(
        self, model: NextTokenModel, batch: DocumentBatch, loss: LossFn
    ) -> tuple[Tensor, Tensor]:
        """Return the loss that is told, and the one that is passed back: here the same."""
        value = loss(*self._logits_and_targets(model, batch))
        return value, value

    def _logits_and_targets(
        self, model: NextTokenModel, batch: DocumentBatch
    ) -> tuple[Tensor, Tensor]:
        ids = batch.input_ids
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=self.bfloat16):
            return model.next_token_logits(ids, self._loss_mask(batch))

    def _loss_mask(self, batch: DocumentBatch) -> Tensor:
        place = torch.arange(batch.input_ids.shape[1], device=batch.input_ids.device)
        return batch.attention_mask & (place >= self.prefix_len)

    def _micro_batches(self, batch: DocumentBatch) -> Iterator[DocumentBatch]:
        rows, length = batch.input_ids.shape
        size = (
            max(self.tokens_per_forward // length, 1)
            if batch.input_ids.device.type == "cpu"
            else rows
        )
        for start in range(0, rows, size):
            part = slice(start, start + size)
            tensors = (batch.input_ids, batch.attention_mask, batch.labels)
            found = DocumentBatch(batch.rows[part], *(tensor[part] for tensor in tensors))
            if self._loss_mask(found).any():
                yield found


def windows(tokens: Sequence[IntArray], length: int) -> list[IntArray]:
    """Cut texts into windows of at most `length` tokens, to be trained on.

    Each begins with the last token of the one before, so that every token of a text but its first
    is asked for once: nothing is cut off.

    Raises:
        ParameterError: a window has room for one token only.
    """
    if length < 2:
        raise ParameterError(f"length={length}: a window needs two tokens, one to predict")
    step = length - 1
    return [
        ids[start : start + length]
        for ids in tokens
        for start in range(0, max(len(ids) - 1, 1), step)
    ]


@dataclass(frozen=True)
class Window:
    """The tokens `begin` to `end` of the text `row`, of which those from `asked` on are scored."""

    row: int
    begin: int
    asked: int
    end: int


def overlapping_windows(lengths: Sequence[int], max_context: int) -> Iterator[Window]:
    """Yield windows in which each token but the first of a text is scored once.

    A text of up to `max_context` tokens is read whole. In a longer one each further window repeats half
    of the one before, which is what its tokens are read after.
    """
    half = max_context // 2
    for row, length in enumerate(lengths):
        yield Window(row, 0, 1, min(length, max_context))
        for asked in range(max_context, length, half):
            yield Window(row, asked - half, asked, min(length, asked + half))


def token_log_probabilities(
    model: NextTokenModel,
    tokens: Sequence[IntArray],
    *,
    max_context: int,
    pad_token_id: int = 0,
    bfloat16: bool = True,
    tokens_per_forward: int | None = None,
) -> list[NDArray[np.float32]]:
    """Return the log-probability of each token of each text but its first, in nats.

    Windows of about one length are scored together, of `tokens_per_forward` tokens in all, or as many as the
    device of the model is quick with; what pads is never read.
    """
    found = [np.zeros(len(ids) - 1, np.float32) for ids in tokens]
    parts = sorted(
        overlapping_windows([len(ids) for ids in tokens], max_context),
        key=lambda part: part.end - part.begin,
    )
    model.eval()
    device = next(model.parameters()).device
    for rows in _length_sorted_batches(
        parts,
        tokens_per_forward
        or (CPU_TOKENS_PER_FORWARD if device.type == "cpu" else GPU_TOKENS_PER_FORWARD),
    ):
        ids = [torch.from_numpy(tokens[part.row][part.begin : part.end]) for part in rows]
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=pad_token_id)
        place = torch.arange(padded.shape[1])
        first = torch.tensor([part.asked - part.begin for part in rows])
        last = torch.tensor([part.end - part.begin for part in rows])
        asked = (place >= first[:, None]) & (place < last[:, None])
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            scored = model.log_probabilities(padded.to(device), asked.to(device)).cpu().numpy()
        ends = np.cumsum([part.end - part.asked for part in rows])
        for part, values in zip(rows, np.split(scored, ends[:-1]), strict=True):
            found[part.row][part.asked - 1 : part.end - 1] = values
    return found


def _length_sorted_batches(
    parts: Sequence[Window], tokens_per_forward: int
) -> Iterator[Sequence[Window]]:
    """Yield windows, shortest first, in batches of about `tokens_per_forward` tokens."""
    start = 0
    while start < len(parts):
        size = max(tokens_per_forward // (parts[start].end - parts[start].begin), 1)
        yield parts[start : start + size]
        start += size
