"""Masked language modelling: the objective that predicts tokens which were masked at random.

As in BERT (Devlin et al., 2019), 15% of the tokens are predicted: of these, 80% are replaced by
the mask token, 10% by a random token, and 10% are left as they are.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wholescript.models.scratch_encoder import MaskedLanguageModel
from wholescript.training.batches import BatchLoader, DocumentBatch, TokenBatch
from wholescript.training.objectives.base import LossFn

MLM_PROBABILITY = 0.15
WORDPIECE_MASK_ID = 103


@dataclass(frozen=True)
class MLMObjective:
    """Predict masked tokens; `mask_token_id` is that of the tokenizer."""

    bfloat16: bool = True
    mask_token_id: int = WORDPIECE_MASK_ID

    def training_step(
        self,
        model: MaskedLanguageModel,
        batch: TokenBatch | DocumentBatch,
        loss: LossFn,
        *,
        seed: int,
    ) -> Tensor:
        """Mask tokens chosen by `seed` and backpropagate the loss of their prediction."""
        torch.manual_seed(seed)
        value = loss(*self._masked_logits(model, batch))
        value.backward()
        return value.detach()

    def validation_step(
        self, model: MaskedLanguageModel, loader: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return `val_loss`, the mean over batches; the same tokens are masked each time."""
        device = next(model.parameters()).device
        losses = []
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(0)
            for batch in loader.eval_batches():
                losses.append(loss(*self._masked_logits(model, batch.to(device))).item())
        return {"val_loss": float(np.mean(losses))}

    def _masked_logits(
        self, model: MaskedLanguageModel, batch: TokenBatch | DocumentBatch
    ) -> tuple[Tensor, Tensor]:
        """Return logits (n_masked, vocab_size) and the masked token ids, (n_masked,)."""
        corrupted_ids, masked = mask_tokens(
            batch.input_ids, batch.attention_mask, model.vocab_size, self.mask_token_id
        )
        with torch.autocast(corrupted_ids.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = model(corrupted_ids, batch.attention_mask, masked)
        return logits.float(), batch.input_ids[masked]


def mask_tokens(
    input_ids: Tensor,
    attention_mask: Tensor,
    vocab_size: int,
    mask_token_id: int = WORDPIECE_MASK_ID,
) -> tuple[Tensor, Tensor]:
    """Return corrupted ids and the mask of the tokens to predict, (n, length) each.

    The mask is bool and has at least one True.
    """
    draw = torch.rand(input_ids.shape, device=input_ids.device)
    masked = attention_mask & (draw < MLM_PROBABILITY)
    masked[0, 0] |= ~masked.any()
    corruption = torch.rand(input_ids.shape, device=input_ids.device)
    random_ids = torch.randint_like(input_ids, vocab_size)
    corrupted_ids = torch.where(masked & (corruption < 0.8), mask_token_id, input_ids)
    corrupted_ids = torch.where(masked & (corruption >= 0.9), random_ids, corrupted_ids)
    return corrupted_ids, masked
