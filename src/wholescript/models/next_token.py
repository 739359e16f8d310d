"""What all models of language have in common: they predict tokens from those before."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class NextTokenModel(nn.Module, ABC):
    """Predicts each token of a row from those to its left."""

    @abstractmethod
    def next_token_logits(self, input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (asked, vocabulary) float32 and the tokens that came, (asked,).

        `loss_mask` (n, length) is True for the tokens to be predicted; the first of a row cannot be.
        """

    @torch.inference_mode()
    def log_probabilities(self, input_ids: Tensor, loss_mask: Tensor) -> Tensor:
        """Return the log-probability of each token that is asked for, (asked,), in nats."""
        return -cross_entropy(*self.next_token_logits(input_ids, loss_mask), reduction="none")
