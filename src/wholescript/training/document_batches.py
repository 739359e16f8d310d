"""Padded batches of tokenised documents, and the objective of a document classifier."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor, nn

from wholescript.training.batches import BatchLoader, length_bucketed, split_rows
from wholescript.training.objectives import LossFn

IntArray = NDArray[np.int64]

BATCHES_PER_BUCKET = 50  # batches whose documents are sorted by length


@dataclass(frozen=True)
class DocumentBatch:
    """`input_ids` (batch, length) int64, `attention_mask` (batch, length) bool, `labels` (batch,).

    Padding is on the right.
    """

    rows: IntArray
    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> "DocumentBatch":
        """Return the batch with its tensors on `device`."""
        tensors = (self.input_ids, self.attention_mask, self.labels)
        return DocumentBatch(self.rows, *(tensor.to(device) for tensor in tensors))

    def split(self, n_tokens: int | None) -> "Iterator[DocumentBatch]":
        """Yield micro-batches of at most `n_tokens` tokens, padding included; None: the whole."""
        n_rows, length = self.input_ids.shape
        size = n_rows if n_tokens is None else max(n_tokens // length, 1)
        for start in range(0, n_rows, size):
            part = slice(start, start + size)
            tensors = (self.input_ids, self.attention_mask, self.labels)
            yield DocumentBatch(self.rows[part], *(tensor[part] for tensor in tensors))


@dataclass(frozen=True)
class DocumentBatchLoader:
    """n tokenised documents and their labels (n,) int64, in batches of `batch_size`."""

    tokens: Sequence[IntArray]
    labels: IntArray
    batch_size: int
    pad_token_id: int = 0

    @property
    def lengths(self) -> IntArray:
        """The number of tokens of each document, (n,)."""
        return np.array([len(ids) for ids in self.tokens], np.int64)

    def train_batches(self, seed: int) -> Iterator[DocumentBatch]:
        """Yield all documents once, bucketed by length, in an order that depends on `seed` only."""
        rows = np.arange(len(self.tokens))
        order = length_bucketed(
            rows, self.lengths, self.batch_size, seed, batches_per_bucket=BATCHES_PER_BUCKET
        )
        yield from map(self._collate, order)

    def eval_batches(self) -> Iterator[DocumentBatch]:
        """Yield all documents once, shortest first."""
        rows = np.argsort(self.lengths, kind="stable")
        yield from map(self._collate, split_rows(rows, self.batch_size))

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.tokens) // self.batch_size)

    def _collate(self, rows: IntArray) -> DocumentBatch:
        tokens = [torch.from_numpy(self.tokens[row]) for row in rows]
        ids = nn.utils.rnn.pad_sequence(tokens, batch_first=True, padding_value=self.pad_token_id)
        lengths = torch.tensor([len(token_ids) for token_ids in tokens])
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        return DocumentBatch(rows, ids, mask, torch.from_numpy(self.labels[rows]))


@dataclass(frozen=True)
class ClassificationObjective:
    """The classification loss of documents; the forward pass runs in bfloat16 where set.

    In each training step a share `token_dropout` of the tokens is replaced by `mask_token_id`. A
    batch of more than `tokens_per_forward` tokens is computed in micro-batches whose gradients are
    summed.
    """

    bfloat16: bool = False
    token_dropout: float = 0.0
    mask_token_id: int = 0
    tokens_per_forward: int | None = None

    def training_step(
        self, model: nn.Module, batch: DocumentBatch, loss: LossFn, *, seed: int
    ) -> Tensor:
        """Backpropagate the loss of a batch; `seed` decides which tokens and units are dropped."""
        torch.manual_seed(seed)
        total_loss = torch.zeros((), device=batch.input_ids.device)
        for part in self._drop_tokens(batch).split(self.tokens_per_forward):
            value = loss(self.logits(model, part), part.labels) * (len(part.rows) / len(batch.rows))
            value.backward()
            total_loss += value.detach()
        return total_loss

    def _drop_tokens(self, batch: DocumentBatch) -> DocumentBatch:
        if not self.token_dropout:
            return batch
        random = torch.rand(batch.input_ids.shape, device=batch.input_ids.device)
        dropped = batch.attention_mask & (random < self.token_dropout)
        return replace(batch, input_ids=torch.where(dropped, self.mask_token_id, batch.input_ids))

    def logits(self, model: nn.Module, batch: DocumentBatch) -> Tensor:
        """Return the logits (batch, classes) float32."""
        with torch.autocast(batch.input_ids.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits: Tensor = model(batch.input_ids, batch.attention_mask)
        return logits.float()

    def validation_step(
        self, model: nn.Module, batches: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return the columns `val_loss`, `val_accuracy` and `val_macro_f1`."""
        logits, labels = class_logits(model, batches, self)
        predicted = logits.argmax(1)
        return {
            "val_loss": float(loss(torch.from_numpy(logits), torch.from_numpy(labels))),
            "val_accuracy": float(accuracy_score(labels, predicted)),
            "val_macro_f1": float(f1_score(labels, predicted, average="macro")),
        }


@torch.inference_mode()
def class_logits(
    model: nn.Module, batches: BatchLoader, objective: ClassificationObjective
) -> tuple[NDArray[np.float32], IntArray]:
    """Return logits (n, classes) float32 and labels (n,) in the order of the documents."""
    model.eval()
    device = next(model.parameters()).device
    rows, logits, labels = [], [], []
    for batch in batches.eval_batches():
        rows.append(batch.rows)
        logits.append(objective.logits(model, batch.to(device)).cpu().numpy())
        labels.append(batch.labels.numpy())
    order = np.argsort(np.concatenate(rows))
    return np.concatenate(logits)[order], np.concatenate(labels)[order]
