"""Language models of classes trained to tell texts apart, and not to foretell them alone."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from wholescript.models.shared_trunk_lm import SharedTrunkLM
from wholescript.training.documents import DocumentBatch, DocumentBatchLoader
from wholescript.training.language_model import NextTokenObjective
from wholescript.training.objectives import LossFn


def weighted_sum(values: Tensor, weights: Tensor) -> Tensor:
    """Return the loss of a step: what of it each token and each text has, by its weight."""
    return (values * weights).sum()


@dataclass(frozen=True)
class DiscriminativeObjective(NextTokenObjective):
    """A way of the training loop, with `weighted_sum` as its loss (Krause et al., 2021, "GeDi").

    A share `telling` of the loss is that of the right class among all, given a window; the rest is
    that of the window's tokens under its own class. The odds of a window are the log-likelihoods
    over the root of the number of its tokens: of twice as many, much repeats what others said.
    """

    telling: float = 0.8
    tokens_per_forward: int = 1_024

    def backward(
        self, model: SharedTrunkLM, batch: DocumentBatch, loss: LossFn, *, seed: int
    ) -> Tensor:  # type: ignore[override]
        """Pass back the loss of a batch of windows; `seed` decides what is dropped."""
        torch.manual_seed(seed)
        tokens, texts = int(self._loss_mask(batch).sum()), len(batch.labels)
        total_loss = torch.zeros((), device=batch.input_ids.device)
        for part in self._micro_batches(batch):
            nats, text = self._token_nll(model, part)
            lm_loss = nats[torch.arange(len(text)), part.labels[text]]
            disc_loss = cross_entropy(
                length_normalized_logits(nats, text, len(part.labels)),
                part.labels,
                reduction="none",
            )
            values = torch.cat([lm_loss, disc_loss])
            weights = torch.cat(
                [
                    torch.full_like(lm_loss, (1 - self.telling) / tokens),
                    torch.full_like(disc_loss, self.telling / texts),
                ]
            )
            value = loss(values, weights)
            value.backward()
            total_loss += value.detach()
        return total_loss

    def validation_step(
        self, model: SharedTrunkLM, batches: DocumentBatchLoader, loss: LossFn
    ) -> dict[str, float]:  # type: ignore[override]
        """Return loss and accuracy of telling held-out windows apart, and the nats a token."""
        found, labels = self.log_likelihoods(model, batches), batches.labels
        tokens = batches.lengths - self.given
        rows = torch.from_numpy(found / np.sqrt(tokens)[:, None])
        lm_loss = found[np.arange(len(labels)), labels]
        return {
            "held_out_loss": float(cross_entropy(rows, torch.from_numpy(labels))),
            "held_out_accuracy": float((found.argmax(1) == labels).mean()),
            "held_out_nats": float(-lm_loss.sum() / tokens.sum()),
        }

    @torch.inference_mode()
    def log_likelihoods(
        self, model: SharedTrunkLM, batches: DocumentBatchLoader
    ) -> NDArray[np.float64]:
        """Return the log-likelihood of each row under each class, (n, classes), in nats."""
        model.eval()
        device = next(model.parameters()).device
        found = np.zeros((len(batches.tokens), len(model.branches)))
        for batch in batches.eval_batches():
            for part in self._micro_batches(batch.to(device)):
                nats, text = self._token_nll(model, part)
                np.subtract.at(found, part.rows[text.cpu().numpy()], nats.double().cpu().numpy())
        return found

    def _token_nll(self, model: SharedTrunkLM, batch: DocumentBatch) -> tuple[Tensor, Tensor]:
        """Return the nats of what is asked for, (asked, classes), and the row of each, (asked,)."""
        loss_mask = self._loss_mask(batch)
        with torch.autocast(batch.input_ids.device.type, torch.bfloat16, enabled=self.bfloat16):
            nats = model.nats(batch.input_ids, loss_mask)
        return torch.stack(nats, dim=1), loss_mask.nonzero()[:, 0]


def length_normalized_logits(nats: Tensor, text: Tensor, texts: int) -> Tensor:
    """Return the log-odds of the classes, (texts, classes), from the nats of their tokens."""
    sums = nats.new_zeros(texts, nats.shape[1]).index_add(0, text, -nats)
    counts = torch.bincount(text, minlength=texts).clamp(min=1)
    return sums / counts.sqrt()[:, None]
