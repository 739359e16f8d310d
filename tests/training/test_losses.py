import numpy as np
import pytest
import torch
from scipy.special import expit
from torch.nn.functional import binary_cross_entropy_with_logits

from wholescript.training.losses import (
    NOMINATED,
    WON,
    focal_loss,
    nomination_win_loss,
    weighted_loss,
)

LOGITS = torch.tensor([-1.0, 0.3, 2.0, 0.0])
LABELS = torch.tensor([0.0, 1.0, 1.0, 0.0])


def test_without_focus_or_weights_both_are_cross_entropy():
    plain = binary_cross_entropy_with_logits(LOGITS, LABELS)
    torch.testing.assert_close(focal_loss(LOGITS, LABELS, 0.0), plain)
    torch.testing.assert_close(weighted_loss(LOGITS, LABELS, 1.0, 1.0), plain)


def test_focal_loss_is_that_of_the_paper():
    p = expit(LOGITS.numpy())
    right = np.where(LABELS.numpy() == 1, p, 1 - p)
    expected = (-((1 - right) ** 2) * np.log(right)).mean()
    assert float(focal_loss(LOGITS, LABELS, 2.0)) == pytest.approx(expected, rel=1e-5)


def test_a_weight_of_two_is_a_film_that_stands_twice():
    twice = torch.cat([LOGITS, LOGITS[1:3]]), torch.cat([LABELS, LABELS[1:3]])
    expected = 6 / 4 * binary_cross_entropy_with_logits(*twice)
    torch.testing.assert_close(weighted_loss(LOGITS, LABELS, 1.0, 2.0), expected)


def test_the_loss_of_outcomes_is_the_likelihood_of_three_classes():
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.tensor([0.0, NOMINATED, WON, 0.0, WON, NOMINATED])
    nominated, won = torch.sigmoid(logits).T
    classes = torch.stack([1 - nominated, nominated * (1 - won), nominated * won], dim=1)
    expected = -classes[range(6), targets.long()].log().mean()
    found = nomination_win_loss(logits, targets)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found, logits)
    assert (gradient[targets == 0, 1] == 0).all()  # who was not nominated tells nothing of wins
    assert (gradient[targets > 0] != 0).all()
