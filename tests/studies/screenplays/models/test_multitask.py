from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from tests.training.planted import D, N
from wholescript.studies.screenplays.models.multitask import (
    NOMINATED,
    WON,
    MultiTaskMILClassifier,
    nomination_win_loss,
    win_probability,
)
from wholescript.training.loop import TrainConfig

QUICK = TrainConfig(epochs=15, learning_rate=1e-2, patience=4)


@pytest.fixture
def multitask():
    options = {"d_model": 16, "d_attention": 8}
    return MultiTaskMILClassifier(
        "gated_attention", D, 2, 16, QUICK, options, auxiliary_label="shortlisted"
    )


@pytest.fixture
def dataset(dataset):
    """The planted films are nominated, and every second of them has won."""
    films = dataset.films.assign(shortlisted=dataset.labels == 1)
    won = dataset.labels * (np.arange(N) % 2 == 0)
    return replace(dataset, films=films, labels=won.astype(np.int8))


def test_wins_are_learned_and_validated(multitask, dataset, rows):
    train, test = rows
    scores = multitask.fit_predict(dataset, train, test, seed=0)
    assert roc_auc_score(dataset.labels[test], scores.test) > 0.75
    # P(win) is far below the rate of nominations.
    assert scores.test.mean() < 0.25
    assert max(row["val_auc"] for row in scores.history) > 0.75
    assert scores.inner.shape == train.shape


def test_targets_have_three_outcomes(multitask, dataset):
    targets = multitask.targets(dataset)
    assert set(targets) == {0, NOMINATED, WON}
    np.testing.assert_array_equal(targets == WON, dataset.labels == 1)
    assert multitask.config["auxiliary_label"] == "shortlisted"


def test_win_probability_is_the_product_of_both_heads():
    logits = np.array([[0.0, 0.0], [2.0, -1.0]])
    np.testing.assert_allclose(win_probability(logits), [0.25, expit(2) * expit(-1)])


def test_nomination_win_loss_is_the_likelihood_of_three_classes():
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.tensor([0.0, NOMINATED, WON, 0.0, WON, NOMINATED])
    nominated, won = torch.sigmoid(logits).T
    classes = torch.stack([1 - nominated, nominated * (1 - won), nominated * won], dim=1)
    expected = -classes[range(6), targets.long()].log().mean()
    found = nomination_win_loss(logits, targets)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found, logits)
    # Films that are not nominated have no gradient in the head of wins.
    assert (gradient[targets == 0, 1] == 0).all()
    assert (gradient[targets > 0] != 0).all()
