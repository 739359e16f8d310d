import numpy as np
import pytest
import torch
from scipy.special import expit
from torch.nn.functional import binary_cross_entropy_with_logits

from wholescript.training.losses import focal_loss, weighted_loss

LOGITS = torch.tensor([-1.0, 0.3, 2.0, 0.0])
LABELS = torch.tensor([0.0, 1.0, 1.0, 0.0])


def test_gamma_zero_and_unit_weights_give_cross_entropy():
    expected = binary_cross_entropy_with_logits(LOGITS, LABELS)
    torch.testing.assert_close(focal_loss(LOGITS, LABELS, 0.0), expected)
    torch.testing.assert_close(weighted_loss(LOGITS, LABELS, 1.0, 1.0), expected)


def test_focal_loss_follows_the_paper():
    p = expit(LOGITS.numpy())
    right = np.where(LABELS.numpy() == 1, p, 1 - p)
    expected = (-((1 - right) ** 2) * np.log(right)).mean()
    assert float(focal_loss(LOGITS, LABELS, 2.0)) == pytest.approx(expected, rel=1e-5)


def test_weight_of_two_equals_a_repeated_film():
    twice = torch.cat([LOGITS, LOGITS[1:3]]), torch.cat([LABELS, LABELS[1:3]])
    expected = 6 / 4 * binary_cross_entropy_with_logits(*twice)
    torch.testing.assert_close(weighted_loss(LOGITS, LABELS, 1.0, 2.0), expected)
