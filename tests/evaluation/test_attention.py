from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tests.training.planted import D, N, corpus
from wholescript.data.films.folds import Fold
from wholescript.models.aggregators import AggregatorOutput
from wholescript.models.task import Task
from wholescript.studies.screenplays.attention import (
    OcclusionResult,
    occlude_network,
    train_fold_network,
)
from wholescript.studies.screenplays.models.aggregation import MILClassifier
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.loop import TrainConfig


class Summing(nn.Module):
    """The logit is the sum of one coordinate; attention goes to where it is large."""

    def forward(self, chunks, chunk_mask):
        value = chunks[..., 2] * chunk_mask
        attention = value.abs().masked_fill(~chunk_mask, 0)
        return AggregatorOutput(value.sum(1), attention / attention.sum(1, keepdim=True))


@pytest.fixture
def films():
    labels, chunks = corpus()
    return ChunkBatchLoader(chunks, labels, np.arange(N)[::-1].copy(), D, 1.0, 16)


def test_removal_is_what_a_chunk_adds(films):
    seen = occlude_network(Summing(), films, parts=4)
    assert sorted(seen.rows) == list(range(N))
    for row, whole, logit_changes, chunk_logit_changes in zip(
        seen.rows, seen.logits, seen.logit_changes, seen.chunk_logit_changes, strict=True
    ):
        values = films.chunks.of(int(row))[:, 2]
        assert whole == pytest.approx(values.sum(), abs=1e-5)
        if len(values) > 1:  # a film of one chunk keeps it
            np.testing.assert_allclose(chunk_logit_changes, values, atol=1e-5)
        if len(values) == 4:
            np.testing.assert_allclose(logit_changes, values, atol=1e-5)


def test_attention_that_is_the_removal_agrees_with_it(films):
    seen = occlude_network(Summing(), films, parts=4)
    rank_correlation = seen.rank_correlation()
    long = np.array([len(weight) > 1 for weight in seen.attention])
    assert np.isnan(rank_correlation[~long]).all()
    # Two chunks of equal size are a tie for one and rounding for the other.
    assert np.nanmin(rank_correlation[long]) > 0.8 and np.nanmedian(rank_correlation[long]) > 0.999
    assert (seen.top_attended_ratio()[long] > 1).mean() > 0.9


def test_the_most_attended_chunks_are_judged_beside_the_mean():
    weights = [np.array([0.1, 0.6, 0.1, 0.2]), np.full(4, 0.25)]
    chunk_logit_changes = [np.array([1.0, -3.0, 0.0, 0.0]), np.zeros(4)]
    seen = OcclusionResult(
        np.arange(2), np.zeros(2), np.zeros((2, 1)), weights, chunk_logit_changes
    )
    np.testing.assert_allclose(seen.top_attended_ratio(0.25), [3.0, 1.0])
    assert np.isnan(seen.rank_correlation()[1])


def test_a_member_is_trained_on_the_fold_and_asked_about_its_test_films():
    labels, chunks = corpus()
    rows = np.random.default_rng(2).permutation(N)
    films = pd.DataFrame({"film_id": [f"film{row}" for row in range(N)]})
    groups = films["film_id"].to_numpy(object)
    task = Task(films, labels, groups, SimpleNamespace(chunks=chunks))
    settings = TrainConfig(epochs=15, learning_rate=1e-2, patience=3)
    options = {"d_model": 16, "d_attention": 8}
    model = MILClassifier("gated_attention", D, 3, 16, settings, options)
    fold = Fold(0, 0, rows[:66], rows[66:])
    network, tested = train_fold_network(model, task, fold, seed=0)
    seen = occlude_network(network, tested, parts=2)
    assert sorted(seen.rows) == sorted(rows[66:])
    positive = labels[seen.rows] == 1
    assert seen.logits[positive].mean() > seen.logits[~positive].mean() + 0.5
    again, _ = train_fold_network(model, task, fold, seed=0)
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
