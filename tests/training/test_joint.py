from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from tests.training.planted import D, N, corpus
from wholescript.models.task import Task
from wholescript.studies.screenplays.models.multitask import MultiTaskMILClassifier, win_probability
from wholescript.training.loop import TrainConfig
from wholescript.training.losses import NOMINATED, WON

QUICK = TrainConfig(epochs=15, learning_rate=1e-2, patience=4)


@pytest.fixture
def joint():
    options = {"d_model": 16, "d_attention": 8}
    return MultiTaskMILClassifier(
        "gated_attention", D, 2, 16, QUICK, options, auxiliary_label="shortlisted"
    )


@pytest.fixture
def task(films):
    """The planted films are nominated; every second of them won."""
    nominated, chunks = corpus()
    films["shortlisted"] = nominated == 1
    won = nominated * (np.arange(N) % 2 == 0)
    groups = films["film_id"].to_numpy(object)
    return Task(films, won.astype(np.int8), groups, SimpleNamespace(chunks=chunks))


def test_wins_are_ranked_and_judged_by_their_own_label(joint, task):
    order = np.random.default_rng(2).permutation(N)
    train, test = order[:66], order[66:]
    scores = joint.fit_predict(task, train, test, seed=0)
    assert roc_auc_score(task.labels[test], scores.test) > 0.75
    # P(win) is calibrated as such: far below the rate of nominations.
    assert scores.test.mean() < 0.25
    assert max(row["held_out_auc"] for row in scores.history) > 0.75
    assert scores.inner.shape == train.shape


def test_outcomes_are_three(joint, task):
    targets = joint.targets(task)
    assert set(targets) == {0, NOMINATED, WON}
    np.testing.assert_array_equal(targets == WON, task.labels == 1)
    assert joint.config["nomination"] == "shortlisted"


def test_the_probability_of_a_win_is_the_product_of_both():
    logits = np.array([[0.0, 0.0], [2.0, -1.0]])
    np.testing.assert_allclose(win_probability(logits), [0.25, expit(2) * expit(-1)])
