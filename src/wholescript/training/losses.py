"""Losses other than cross-entropy: for classes of unequal size, and for two questions at once.

Each takes the logits of a batch and its labels (batch,), and returns the mean over its films.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

NOMINATED, WON = 1, 2
"""The outcomes that `nomination_win_loss` tells from 0, neither."""


def weighted_loss(logits: Tensor, labels: Tensor, negative: float, positive: float) -> Tensor:
    """Return cross-entropy (scalar), a film weighted by its class."""
    weights = torch.where(labels == 1, positive, negative)
    return binary_cross_entropy_with_logits(logits, labels, weights)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float) -> Tensor:
    """Return cross-entropy (scalar), a film weighted by (1 - p)^gamma, p that of its class.

    Lin et al. (2017), without their class weights.
    """
    margin = torch.where(labels == 1, logits, -logits)
    return -(torch.sigmoid(-margin) ** gamma * logsigmoid(margin)).mean()


def nomination_win_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-likelihood (scalar) of outcomes 0, `NOMINATED` and `WON`.

    `logits` (batch, 2) are those of a nomination, and of a win given one: the second is learned on
    nominated films alone.
    """
    nominated, won = (targets >= NOMINATED).float(), (targets == WON).float()
    nomination = binary_cross_entropy_with_logits(logits[:, 0], nominated)
    return nomination + binary_cross_entropy_with_logits(logits[:, 1], won, nominated)
