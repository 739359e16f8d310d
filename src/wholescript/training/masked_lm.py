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
from wholescript.models.chunked import MaskedModel, ScratchEncoder
from wholescript.training.batches import Batches, TokenBatch, TokenBatches
from wholescript.training.documents import TextBatch
from wholescript.training.loop import Fit, TrainingSettings, fit
from wholescript.training.objectives import Loss

HIDDEN_SHARE = 0.15
WORDPIECE_MASK = 103
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Pretraining:
    """How long to read: `sample` chunks of each film in each of the epochs."""

    sample: int = 16
    batch_size: int = 4
    held_out_films: int = 16
    training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            epochs=4, learning_rate=1e-3, weight_decay=0.01, patience=4
        )
    )


@dataclass(frozen=True)
class Masked:
    """A way of the training loop: hide tokens of a batch behind `mask`, and ask for them."""

    bfloat16: bool = True
    mask: int = WORDPIECE_MASK

    def backward(
        self, model: MaskedModel, batch: TokenBatch | TextBatch, loss: Loss, *, seed: int
    ) -> Tensor:
        """Pass back the loss of the hidden tokens, chosen by `seed`."""
        torch.manual_seed(seed)
        value = loss(*self._asked(model, batch))
        value.backward()
        return value.detach()

    def judge(self, model: MaskedModel, batches: Batches, loss: Loss) -> dict[str, float]:
        """Return the mean loss of hidden tokens, the same ones each time."""
        device = next(model.parameters()).device
        losses = []
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(0)
            for batch in batches.by_length():
                losses.append(loss(*self._asked(model, batch.to(device))).item())
        return {"held_out_loss": float(np.mean(losses))}

    def _asked(self, model: MaskedModel, batch: TokenBatch | TextBatch) -> tuple[Tensor, Tensor]:
        seen, hidden = hide(batch.input_ids, batch.attention_mask, model.vocabulary, self.mask)
        with torch.autocast(seen.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = model(seen, batch.attention_mask, hidden)
        return logits.float(), batch.input_ids[hidden]


def hide(
    input_ids: Tensor,
    attention_mask: Tensor,
    vocabulary: int,
    mask: int = WORDPIECE_MASK,
    share: float = HIDDEN_SHARE,
) -> tuple[Tensor, Tensor]:
    """Return ids with tokens hidden and where: both (n, length), the second bool, never empty."""
    draw = torch.rand(input_ids.shape, device=input_ids.device)
    hidden = attention_mask & (draw < share)
    hidden[0, 0] |= ~hidden.any()
    how = torch.rand(input_ids.shape, device=input_ids.device)
    noise = torch.randint_like(input_ids, vocabulary)
    seen = torch.where(hidden & (how < 0.8), mask, input_ids)
    seen = torch.where(hidden & (how >= 0.9), noise, seen)
    return seen, hidden


def pretrain(
    encoder: ScratchEncoder,
    tokens: TokenChunks,
    rows: IntArray,
    settings: Pretraining,
    *,
    seed: int,
    progress: bool = False,
) -> Fit:
    """Train `encoder` in place on the films `rows`; a few of them say when to stop.

    The history has `held_out_loss` in nats a hidden token.
    """
    rows = np.random.default_rng(seed).permutation(rows)
    size = min(settings.held_out_films, len(rows) // 4)
    labels = np.zeros(len(tokens.counts), np.int8)
    training, held_out = (
        TokenBatches(tokens, labels, part, settings.batch_size, settings.sample, settings.sample)
        for part in (rows[size:], rows[:size])
    )
    return fit(
        MaskedModel(encoder), training, held_out, settings.training, seed=seed, loss=cross_entropy,
        way=Masked(), progress=progress,
    )  # fmt: skip
