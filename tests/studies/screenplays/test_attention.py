import numpy as np
import pytest
import torch
from torch import nn

from tests.training.planted import D, N, corpus
from wholescript.data.films.folds import Fold
from wholescript.models.aggregators import AggregatorOutput
from wholescript.studies.screenplays.attention import (
    OcclusionResult,
    occlude_network,
    train_first_member,
)
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.loop import TrainConfig


class Summing(nn.Module):
    """The logit is the sum of one coordinate; attention is proportional to its size."""

    def forward(self, chunks, chunk_mask):
        value = chunks[..., 2] * chunk_mask
        attention = value.abs().masked_fill(~chunk_mask, 0)
        return AggregatorOutput(value.sum(1), attention / attention.sum(1, keepdim=True))


@pytest.fixture
def loader():
    labels, chunks = corpus()
    return ChunkBatchLoader(chunks, labels, np.arange(N)[::-1].copy(), D, 1.0, 16)


def test_logit_change_is_the_contribution_of_a_chunk(loader):
    result = occlude_network(Summing(), loader, n_parts=4)
    assert sorted(result.indices) == list(range(N))
    for row, whole, logit_changes, chunk_logit_changes in zip(
        result.indices,
        result.logits,
        result.logit_changes,
        result.chunk_logit_changes,
        strict=True,
    ):
        values = loader.chunks.coordinates(int(row))[:, 2]
        assert whole == pytest.approx(values.sum(), abs=1e-5)
        if len(values) > 1:  # the only chunk of a film is not occluded
            np.testing.assert_allclose(chunk_logit_changes, values, atol=1e-5)
        if len(values) == 4:
            np.testing.assert_allclose(logit_changes, values, atol=1e-5)


def test_rank_correlation_of_attention_equal_to_occlusion(loader):
    result = occlude_network(Summing(), loader, n_parts=4)
    rank_correlation = result.rank_correlation()
    long = np.array([len(weight) > 1 for weight in result.attention])
    assert np.isnan(rank_correlation[~long]).all()
    # Equal chunks are ties in one ranking, and differ by rounding in the other.
    assert np.nanmin(rank_correlation[long]) > 0.8 and np.nanmedian(rank_correlation[long]) > 0.999
    assert (result.top_attended_ratio()[long] > 1).mean() > 0.9


def test_top_attended_ratio_is_relative_to_the_mean_chunk():
    weights = [np.array([0.1, 0.6, 0.1, 0.2]), np.full(4, 0.25)]
    chunk_logit_changes = [np.array([1.0, -3.0, 0.0, 0.0]), np.zeros(4)]
    result = OcclusionResult(
        np.arange(2), np.zeros(2), np.zeros((2, 1)), weights, chunk_logit_changes
    )
    np.testing.assert_allclose(result.top_attended_ratio(0.25), [3.0, 1.0])
    assert np.isnan(result.rank_correlation()[1])


def test_network_is_trained_on_the_fold_and_occluded_on_its_test_films(dataset, rows):
    settings = TrainConfig(epochs=15, learning_rate=1e-2, patience=3)
    options = {"d_model": 16, "d_attention": 8}
    model = MILClassifier("gated_attention", D, 3, 16, settings, options)
    fold = Fold(0, 0, *rows)
    network, test_loader = train_first_member(model, dataset, fold, seed=0)
    result = occlude_network(network, test_loader, n_parts=2)
    assert sorted(result.indices) == sorted(rows[1])
    positive = dataset.labels[result.indices] == 1
    assert result.logits[positive].mean() > result.logits[~positive].mean() + 0.5
    again, _ = train_first_member(model, dataset, fold, seed=0)
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
