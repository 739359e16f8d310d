from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tests.training.planted import D, N, corpus
from wholescript.data.films.folds import Fold
from wholescript.models.aggregators import Reading
from wholescript.models.task import Task
from wholescript.studies.screenplays.attention import Look, look, train_member
from wholescript.studies.screenplays.models.aggregation import Aggregation
from wholescript.training.batches import FilmBatches
from wholescript.training.loop import TrainingSettings


class Summing(nn.Module):
    """The logit is the sum of one coordinate; attention goes to where it is large."""

    def forward(self, chunks, chunk_mask):
        value = chunks[..., 2] * chunk_mask
        attention = value.abs().masked_fill(~chunk_mask, 0)
        return Reading(value.sum(1), attention / attention.sum(1, keepdim=True))


@pytest.fixture
def films():
    labels, chunks = corpus()
    return FilmBatches(chunks, labels, np.arange(N)[::-1].copy(), D, 1.0, 16)


def test_removal_is_what_a_chunk_adds(films):
    seen = look(Summing(), films, parts=4)
    assert sorted(seen.rows) == list(range(N))
    for row, whole, moves, removal in zip(
        seen.rows, seen.logits, seen.moves, seen.removal, strict=True
    ):
        values = films.chunks.of(int(row))[:, 2]
        assert whole == pytest.approx(values.sum(), abs=1e-5)
        if len(values) > 1:  # a film of one chunk keeps it
            np.testing.assert_allclose(removal, values, atol=1e-5)
        if len(values) == 4:
            np.testing.assert_allclose(moves, values, atol=1e-5)


def test_attention_that_is_the_removal_agrees_with_it(films):
    seen = look(Summing(), films, parts=4)
    agreement = seen.agreement()
    long = np.array([len(weight) > 1 for weight in seen.attention])
    assert np.isnan(agreement[~long]).all()
    # Two chunks of equal size are a tie for one and rounding for the other.
    assert np.nanmin(agreement[long]) > 0.8 and np.nanmedian(agreement[long]) > 0.999
    assert (seen.share_of_attended()[long] > 1).mean() > 0.9


def test_the_most_attended_chunks_are_judged_beside_the_mean():
    weights = [np.array([0.1, 0.6, 0.1, 0.2]), np.full(4, 0.25)]
    removal = [np.array([1.0, -3.0, 0.0, 0.0]), np.zeros(4)]
    seen = Look(np.arange(2), np.zeros(2), np.zeros((2, 1)), weights, removal)
    np.testing.assert_allclose(seen.share_of_attended(0.25), [3.0, 1.0])
    assert np.isnan(seen.agreement()[1])


def test_a_member_is_trained_on_the_fold_and_asked_about_its_test_films():
    labels, chunks = corpus()
    rows = np.random.default_rng(2).permutation(N)
    films = pd.DataFrame({"film_id": [f"film{row}" for row in range(N)]})
    groups = films["film_id"].to_numpy(object)
    task = Task(films, labels, groups, SimpleNamespace(chunks=chunks))
    settings = TrainingSettings(epochs=15, learning_rate=1e-2, patience=3)
    options = {"d_model": 16, "d_attention": 8}
    model = Aggregation("gated_attention", D, 3, 16, settings, options)
    fold = Fold(0, 0, rows[:66], rows[66:])
    network, tested = train_member(model, task, fold, seed=0)
    seen = look(network, tested, parts=2)
    assert sorted(seen.rows) == sorted(rows[66:])
    positive = labels[seen.rows] == 1
    assert seen.logits[positive].mean() > seen.logits[~positive].mean() + 0.5
    again, _ = train_member(model, task, fold, seed=0)
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
