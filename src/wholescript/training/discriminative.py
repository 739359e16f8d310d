"""Language models of classes trained to tell texts apart, and not to foretell them alone."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from wholescript.models.shared_trunk_lm import ForkedLM
from wholescript.training.documents import TextBatch, TextBatches
from wholescript.training.language_model import NextToken
from wholescript.training.objectives import Loss


def weighted_sum(values: Tensor, weights: Tensor) -> Tensor:
    """Return the loss of a step: what of it each token and each text has, by its weight."""
    return (values * weights).sum()


@dataclass(frozen=True)
class TellApart(NextToken):
    """A way of the training loop, with `weighted_sum` as its loss (Krause et al., 2021, "GeDi").

    A share `telling` of the loss is that of the right class among all, given a window; the rest is
    that of the window's tokens under its own class. The odds of a window are the log-likelihoods
    over the root of the number of its tokens: of twice as many, much repeats what others said.
    """

    telling: float = 0.8
    at_once: int = 1_024

    def backward(self, model: ForkedLM, batch: TextBatch, loss: Loss, *, seed: int) -> Tensor:  # type: ignore[override]
        """Pass back the loss of a batch of windows; `seed` decides what is dropped."""
        torch.manual_seed(seed)
        tokens, texts = int(self._asked(batch).sum()), len(batch.labels)
        told = torch.zeros((), device=batch.input_ids.device)
        for part in self._parts(batch):
            nats, text = self._nats(model, part)
            own = nats[torch.arange(len(text)), part.labels[text]]
            apart = cross_entropy(odds(nats, text, len(part.labels)), part.labels, reduction="none")
            values = torch.cat([own, apart])
            weights = torch.cat(
                [
                    torch.full_like(own, (1 - self.telling) / tokens),
                    torch.full_like(apart, self.telling / texts),
                ]
            )
            value = loss(values, weights)
            value.backward()
            told += value.detach()
        return told

    def judge(self, model: ForkedLM, batches: TextBatches, loss: Loss) -> dict[str, float]:  # type: ignore[override]
        """Return loss and accuracy of telling held-out windows apart, and the nats a token."""
        found, labels = self.log_likelihoods(model, batches), batches.labels
        tokens = batches.lengths - self.given
        rows = torch.from_numpy(found / np.sqrt(tokens)[:, None])
        own = found[np.arange(len(labels)), labels]
        return {
            "held_out_loss": float(cross_entropy(rows, torch.from_numpy(labels))),
            "held_out_accuracy": float((found.argmax(1) == labels).mean()),
            "held_out_nats": float(-own.sum() / tokens.sum()),
        }

    @torch.inference_mode()
    def log_likelihoods(self, model: ForkedLM, batches: TextBatches) -> NDArray[np.float64]:
        """Return the log-likelihood of each row under each class, (n, classes), in nats."""
        model.eval()
        device = next(model.parameters()).device
        found = np.zeros((len(batches.tokens), len(model.branches)))
        for batch in batches.by_length():
            for part in self._parts(batch.to(device)):
                nats, text = self._nats(model, part)
                np.subtract.at(found, part.rows[text.cpu().numpy()], nats.double().cpu().numpy())
        return found

    def _nats(self, model: ForkedLM, batch: TextBatch) -> tuple[Tensor, Tensor]:
        """Return the nats of what is asked for, (asked, classes), and the row of each, (asked,)."""
        asked = self._asked(batch)
        with torch.autocast(batch.input_ids.device.type, torch.bfloat16, enabled=self.bfloat16):
            nats = model.nats(batch.input_ids, asked)
        return torch.stack(nats, dim=1), asked.nonzero()[:, 0]


def odds(nats: Tensor, text: Tensor, texts: int) -> Tensor:
    """Return the log-odds of the classes, (texts, classes), from the nats of their tokens."""
    sums = nats.new_zeros(texts, nats.shape[1]).index_add(0, text, -nats)
    counts = torch.bincount(text, minlength=texts).clamp(min=1)
    return sums / counts.sqrt()[:, None]
