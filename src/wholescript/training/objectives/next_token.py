"""Next-token prediction, the objective of autoregressive language models."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from wholescript.models.next_token import NextTokenModel
from wholescript.training.batches import BatchLoader, DocumentBatch
from wholescript.training.hardware import hardware
from wholescript.training.objectives.base import LossFn
from wholescript.training.windows import CPU_TOKENS_PER_FORWARD


@dataclass(frozen=True)
class NextTokenObjective:
    """The loss of every token of a window but the first `prefix_len`.

    On a CPU a batch is split into micro-batches of about `tokens_per_forward` tokens. The gradient
    is the same, and the logits stay in the CPU cache until the backward pass, which saves a third
    of the time. On a GPU, `training.hardware` says their size.
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
        on_cpu = batch.input_ids.device.type == "cpu"
        limit = self.tokens_per_forward if on_cpu else hardware().tokens_per_forward
        for micro_batch in batch.split(limit):
            if self._loss_mask(micro_batch).any():
                yield micro_batch
