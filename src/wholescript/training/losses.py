"""Losses for imbalanced classes; each maps logits and labels, (batch,) each, to their mean."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid


def weighted_loss(logits: Tensor, labels: Tensor, negative: float, positive: float) -> Tensor:
    """Return the cross-entropy with a weight for each class."""
    weights = torch.where(labels == 1, positive, negative)
    return binary_cross_entropy_with_logits(logits, labels, weights)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float) -> Tensor:
    """Return the cross-entropy weighted by (1 - p)^gamma, p the probability of the true class.

    Lin et al. (2017), without their class weights.
    """
    margin = torch.where(labels == 1, logits, -logits)
    return -(torch.sigmoid(-margin) ** gamma * logsigmoid(margin)).mean()
