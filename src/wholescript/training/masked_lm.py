"""Masked language modelling: an encoder learns to read from the training scripts alone.

Of the tokens of a chunk 15% are hidden, in the manner of BERT (Devlin et al., 2019): eight in ten
become the mask, one a random token, one stays; the encoder is asked for all of them.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from wholescript.features.token_chunks import TokenChunks
from wholescript.models.chunked import MaskedLanguageModel, ScratchEncoder
from wholescript.training.batches import BatchLoader, TokenBatch, TokenBatchLoader
from wholescript.training.documents import DocumentBatch
from wholescript.training.loop import FitResult, TrainConfig, fit
from wholescript.training.objectives import LossFn

MLM_PROBABILITY = 0.15
WORDPIECE_MASK_ID = 103
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class MLMConfig:
    """How long to read: `n_train_chunks` chunks of each film in each of the epochs."""

    n_train_chunks: int = 16
    batch_size: int = 4
    n_val_films: int = 16
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=4, learning_rate=1e-3, weight_decay=0.01, patience=4
        )
    )


@dataclass(frozen=True)
class MLMObjective:
    """A way of the training loop: hide tokens of a batch behind `mask_token_id`, and ask for them."""

    bfloat16: bool = True
    mask_token_id: int = WORDPIECE_MASK_ID

    def backward(
        self,
        model: MaskedLanguageModel,
        batch: TokenBatch | DocumentBatch,
        loss: LossFn,
        *,
        seed: int,
    ) -> Tensor:
        """Pass back the loss of the hidden tokens, chosen by `seed`."""
        torch.manual_seed(seed)
        value = loss(*self._masked_logits(model, batch))
        value.backward()
        return value.detach()

    def validation_step(
        self, model: MaskedLanguageModel, batches: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return the mean loss of hidden tokens, the same ones each time."""
        device = next(model.parameters()).device
        losses = []
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(0)
            for batch in batches.eval_batches():
                losses.append(loss(*self._masked_logits(model, batch.to(device))).item())
        return {"held_out_loss": float(np.mean(losses))}

    def _masked_logits(
        self, model: MaskedLanguageModel, batch: TokenBatch | DocumentBatch
    ) -> tuple[Tensor, Tensor]:
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
    mlm_probability: float = MLM_PROBABILITY,
) -> tuple[Tensor, Tensor]:
    """Return ids with tokens hidden and where: both (n, length), the second bool, never empty."""
    draw = torch.rand(input_ids.shape, device=input_ids.device)
    masked = attention_mask & (draw < mlm_probability)
    masked[0, 0] |= ~masked.any()
    how = torch.rand(input_ids.shape, device=input_ids.device)
    noise = torch.randint_like(input_ids, vocab_size)
    corrupted_ids = torch.where(masked & (how < 0.8), mask_token_id, input_ids)
    corrupted_ids = torch.where(masked & (how >= 0.9), noise, corrupted_ids)
    return corrupted_ids, masked


def pretrain_mlm(
    encoder: ScratchEncoder,
    tokens: TokenChunks,
    rows: IntArray,
    config: MLMConfig,
    *,
    seed: int,
    progress: bool = False,
) -> FitResult:
    """Train `encoder` in place on the films `rows`; a few of them say when to stop.

    The history has `held_out_loss` in nats a hidden token.
    """
    rows = np.random.default_rng(seed).permutation(rows)
    size = min(config.n_val_films, len(rows) // 4)
    labels = np.zeros(len(tokens.counts), np.int8)
    training, val_loader = (
        TokenBatchLoader(
            tokens, labels, part, config.batch_size, config.n_train_chunks, config.n_train_chunks
        )
        for part in (rows[size:], rows[:size])
    )
    return fit(
        MaskedLanguageModel(encoder), training, val_loader, config.training, seed=seed, loss=cross_entropy,
        objective=MLMObjective(), progress=progress,
    )  # fmt: skip
