"""The interface of autoregressive language models."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class NextTokenModel(nn.Module, ABC):
    """A model that predicts each token of a sequence from the tokens to its left."""

    @abstractmethod
    def next_token_logits(self, input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (n_targets, vocab_size) float32 and target tokens (n_targets,).

        `loss_mask` (n, length) is True for the target tokens. The first token of a row cannot be
        a target.
        """

    @torch.inference_mode()
    def log_probabilities(self, input_ids: Tensor, loss_mask: Tensor) -> Tensor:
        """Return the log-probability of each target token, (n_targets,), in nats."""
        return -cross_entropy(*self.next_token_logits(input_ids, loss_mask), reduction="none")


def select_targets(states: Tensor, input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the states (n_targets, d) that predict the target tokens, and the tokens (n_targets,).

    `states` (n, length, d) are those after each token; `loss_mask` (n, length) is True for targets.
    """
    loss_mask = loss_mask[:, 1:]
    return states[:, :-1][loss_mask], input_ids[:, 1:][loss_mask]
