"""The objective of a document classifier."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor, nn

from wholescript.models.types import Float32Array, IntArray
from wholescript.training.batches import BatchLoader, DocumentBatch
from wholescript.training.objectives.base import LossFn, predict_logits


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
            share = len(part.labels) / len(batch.labels)
            value = share * loss(self.logits(model, part), part.labels)
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
        """Return the logits (batch, n_classes) float32."""
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


def class_logits(
    model: nn.Module, batches: BatchLoader, objective: ClassificationObjective
) -> tuple[Float32Array, IntArray]:
    """Return logits (n, n_classes) and labels (n,) in the order of the documents."""
    logits, labels, indices = predict_logits(model, batches, objective)
    order = np.argsort(indices)
    return logits[order], labels[order]
