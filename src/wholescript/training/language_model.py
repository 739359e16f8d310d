"""Next-token prediction: windows of documents, the training objective, and exact scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wholescript.models.next_token import NextTokenModel
from wholescript.settings import Length, checked
from wholescript.training.batches import BatchLoader
from wholescript.training.document_batches import DocumentBatch, IntArray
from wholescript.training.objectives import LossFn

CPU_TOKENS_PER_FORWARD = 2_048  # of a micro-batch on a CPU, padding included
GPU_TOKENS_PER_FORWARD = 16_384  # of a scoring batch on a GPU; smaller ones leave it idle


@dataclass(frozen=True)
class NextTokenObjective:
    """The loss of every token of a window but the first `prefix_len`.

    On a CPU a batch is split into micro-batches of about `tokens_per_forward` tokens. The gradient
    is the same, and the logits stay in the CPU cache until the backward pass, which saves a third
    of the time.
    """

    bfloat16: bool = True
    prefix_len: int = 1
    tokens_per_forward: int = CPU_TOKENS_PER_FORWARD

    def training_step(
        self, model: NextTokenModel, batch: DocumentBatch, loss: LossFn, *, seed: int
    ) -> Tensor:
        """Backpropagate the mean loss of the tokens of a batch; `seed` decides the dropout."""
        torch.manual_seed(seed)
        n_tokens = int(self._loss_mask(batch).sum())
        total_loss = torch.zeros((), device=batch.input_ids.device)
        for part in self._micro_batches(batch):
            share = int(self._loss_mask(part).sum()) / n_tokens
            logged, value = self._losses(model, part, loss)
            (value * share).backward()
            total_loss += logged.detach() * share
        return total_loss

    def validation_step(
        self, model: NextTokenModel, batches: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return `val_loss`, the mean loss over all validation tokens, in nats per token."""
        device = next(model.parameters()).device
        total_loss, n_tokens = 0.0, 0
        with torch.inference_mode():
            for batch in batches.eval_batches():
                for part in self._micro_batches(batch.to(device)):
                    logits, targets = self._logits_and_targets(model, part)
                    total_loss += float(loss(logits, targets)) * len(targets)
                    n_tokens += len(targets)
        return {"val_loss": total_loss / n_tokens}

    def _losses(
        self, model: NextTokenModel, batch: DocumentBatch, loss: LossFn
    ) -> tuple[Tensor, Tensor]:
        """Return the logged loss and the one to backpropagate, which are the same here."""
        value = loss(*self._logits_and_targets(model, batch))
        return value, value

    def _logits_and_targets(
        self, model: NextTokenModel, batch: DocumentBatch
    ) -> tuple[Tensor, Tensor]:
        ids = batch.input_ids
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=self.bfloat16):
            return model.next_token_logits(ids, self._loss_mask(batch))

    def _loss_mask(self, batch: DocumentBatch) -> Tensor:
        position = torch.arange(batch.input_ids.shape[1], device=batch.input_ids.device)
        return batch.attention_mask & (position >= self.prefix_len)

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
            micro_batch = DocumentBatch(batch.rows[part], *(tensor[part] for tensor in tensors))
            if self._loss_mask(micro_batch).any():
                yield micro_batch


@checked
def windows(tokens: Sequence[IntArray], length: Length) -> list[IntArray]:
    """Split documents into training windows of at most `length` tokens.

    Each window starts with the last token of the previous one, so that every token of a document
    but its first is predicted exactly once.

    Raises:
        ParameterError: `length` is below 2.
    """
    step = length - 1
    return [
        ids[start : start + length]
        for ids in tokens
        for start in range(0, max(len(ids) - 1, 1), step)
    ]


@dataclass(frozen=True)
class Window:
    """The tokens `start` to `end` of document `row`; those from `target_start` on are scored."""

    row: int
    start: int
    target_start: int
    end: int


def overlapping_windows(lengths: Sequence[int], max_context: int) -> Iterator[Window]:
    """Yield windows in which each token of a document but its first is scored once.

    A document of up to `max_context` tokens is one window. In longer ones each further window
    starts with half of the previous one as context.
    """
    half = max_context // 2
    for row, length in enumerate(lengths):
        yield Window(row, 0, 1, min(length, max_context))
        for start in range(max_context, length, half):
            yield Window(row, start - half, start, min(length, start + half))


def token_log_probabilities(
    model: NextTokenModel,
    tokens: Sequence[IntArray],
    *,
    max_context: int,
    pad_token_id: int = 0,
    bfloat16: bool = True,
    tokens_per_forward: int | None = None,
) -> list[NDArray[np.float32]]:
    """Return the log-probabilities (length - 1,) of each document's tokens but its first, in nats.

    Windows of similar length are scored in one batch of `tokens_per_forward` tokens, by default
    `CPU_TOKENS_PER_FORWARD` or `GPU_TOKENS_PER_FORWARD`. Padding is masked.
    """
    log_probs = [np.zeros(len(ids) - 1, np.float32) for ids in tokens]
    parts = sorted(
        overlapping_windows([len(ids) for ids in tokens], max_context),
        key=lambda part: part.end - part.start,
    )
    model.eval()
    device = next(model.parameters()).device
    for rows in _length_sorted_batches(
        parts,
        tokens_per_forward
        or (CPU_TOKENS_PER_FORWARD if device.type == "cpu" else GPU_TOKENS_PER_FORWARD),
    ):
        ids = [torch.from_numpy(tokens[part.row][part.start : part.end]) for part in rows]
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=pad_token_id)
        position = torch.arange(padded.shape[1])
        first = torch.tensor([part.target_start - part.start for part in rows])
        last = torch.tensor([part.end - part.start for part in rows])
        loss_mask = (position >= first[:, None]) & (position < last[:, None])
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            scored = model.log_probabilities(padded.to(device), loss_mask.to(device))
        ends = np.cumsum([part.end - part.target_start for part in rows])
        for part, values in zip(rows, np.split(scored.cpu().numpy(), ends[:-1]), strict=True):
            log_probs[part.row][part.target_start - 1 : part.end - 1] = values
    return log_probs


def _length_sorted_batches(
    parts: Sequence[Window], tokens_per_forward: int
) -> Iterator[Sequence[Window]]:
    """Yield windows, shortest first, in batches of about `tokens_per_forward` tokens."""
    start = 0
    while start < len(parts):
        size = max(tokens_per_forward // (parts[start].end - parts[start].start), 1)
        yield parts[start : start + size]
        start += size
