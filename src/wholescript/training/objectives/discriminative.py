"""Discriminative training of class-conditional language models (GeDi, Krause et al., 2021)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from wholescript.models.shared_trunk_lm import SharedTrunkLM
from wholescript.training.batches import DocumentBatch, DocumentBatchLoader
from wholescript.training.objectives.base import LossFn
from wholescript.training.objectives.next_token import NextTokenObjective


def weighted_sum(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted sum of the losses of tokens and documents."""
    return (values * weights).sum()


@dataclass(frozen=True)
class DiscriminativeObjective(NextTokenObjective):
    """`disc_weight` x label cross-entropy + (1 - `disc_weight`) x next-token cross-entropy.

    The loss function of the training loop is `weighted_sum`. The class logits of a window are its
    log-likelihoods divided by the square root of its number of tokens, since the evidence of
    tokens in one document is correlated. Next-token cross-entropy is that under the true class.
    """

    disc_weight: float = 0.8
    tokens_per_forward: int = 1_024

    def training_step(  # type: ignore[override]
        self, model: SharedTrunkLM, batch: DocumentBatch, loss: LossFn, *, seed: int
    ) -> Tensor:
        """Backpropagate the loss of a batch of windows; `seed` decides the dropout."""
        torch.manual_seed(seed)
        n_tokens, n_windows = int(self._loss_mask(batch).sum()), len(batch.labels)
        total_loss = torch.zeros((), device=batch.input_ids.device)
        for part in self._micro_batches(batch):
            nll, window = self._token_nll(model, part)
            lm_loss = nll[torch.arange(len(window)), part.labels[window]]
            disc_loss = cross_entropy(
                length_normalized_logits(nll, window, len(part.labels)),
                part.labels,
                reduction="none",
            )
            losses = torch.cat([lm_loss, disc_loss])
            weights = torch.cat(
                [
                    torch.full_like(lm_loss, (1 - self.disc_weight) / n_tokens),
                    torch.full_like(disc_loss, self.disc_weight / n_windows),
                ]
            )
            value = loss(losses, weights)
            value.backward()
            total_loss += value.detach()
        return total_loss

    def validation_step(  # type: ignore[override]
        self, model: SharedTrunkLM, batches: DocumentBatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return label cross-entropy and accuracy of windows, and the nats per token."""
        log_likelihoods, labels = self.log_likelihoods(model, batches), batches.labels
        n_tokens = batches.lengths - self.prefix_len
        logits = torch.from_numpy(log_likelihoods / np.sqrt(n_tokens)[:, None])
        true_class = log_likelihoods[np.arange(len(labels)), labels]
        return {
            "val_loss": float(cross_entropy(logits, torch.from_numpy(labels))),
            "val_accuracy": float((log_likelihoods.argmax(1) == labels).mean()),
            "val_nats_per_token": float(-true_class.sum() / n_tokens.sum()),
        }

    @torch.inference_mode()
    def log_likelihoods(
        self, model: SharedTrunkLM, batches: DocumentBatchLoader
    ) -> NDArray[np.float64]:
        """Return the log-likelihood of each window under each class, (n, n_classes), in nats."""
        model.eval()
        device = next(model.parameters()).device
        sums = np.zeros((len(batches.tokens), len(model.branches)))
        for batch in batches.eval_batches():
            for part in self._micro_batches(batch.to(device)):
                nll, window = self._token_nll(model, part)
                indices = part.indices[window.cpu().numpy()]
                np.subtract.at(sums, indices, nll.double().cpu().numpy())
        return sums

    def _token_nll(self, model: SharedTrunkLM, batch: DocumentBatch) -> tuple[Tensor, Tensor]:
        """Return the NLL (n_targets, n_classes) in nats, and the window of each, (n_targets,)."""
        loss_mask = self._loss_mask(batch)
        with torch.autocast(batch.input_ids.device.type, torch.bfloat16, enabled=self.bfloat16):
            nll = model.token_nll(batch.input_ids, loss_mask)
        return torch.stack(nll, dim=1), loss_mask.nonzero()[:, 0]


def length_normalized_logits(nll: Tensor, window: Tensor, n_windows: int) -> Tensor:
    """Return class logits (n_windows, n_classes) from the NLL of tokens, (n_tokens, n_classes).

    `nll` is in nats; `window` (n_tokens,) is the window of each token. A window's
    log-likelihood is divided by the square root of its number of tokens.
    """
    sums = nll.new_zeros(n_windows, nll.shape[1]).index_add(0, window, -nll)
    counts = torch.bincount(window, minlength=n_windows).clamp(min=1)
    return sums / counts.sqrt()[:, None]
