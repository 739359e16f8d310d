import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.planted import D, N, corpus
from wholescript.training.batches import ChunkBatchLoader

LABELS, CHUNKS = corpus()
ALL = np.arange(N)


def batches(rows=ALL, batch_size=16, dimensions=D):
    return ChunkBatchLoader(CHUNKS, LABELS, rows, dimensions, 0.5, batch_size)


def order(found):
    return np.concatenate([batch.rows for batch in found]).tolist()


@given(st.sets(st.integers(0, N - 1), min_size=1), st.integers(1, 40), st.integers(0, 99))
def test_each_film_comes_once_whatever_the_order(rows, batch_size, seed):
    found = batches(np.array(sorted(rows)), batch_size)
    assert sorted(order(found.train_batches(seed))) == sorted(rows)
    assert sorted(order(found.eval_batches())) == sorted(rows)
    assert len(list(found.train_batches(seed))) == len(list(found.eval_batches())) == len(found)


def test_the_seed_alone_decides_the_order():
    assert order(batches().train_batches(1)) == order(batches().train_batches(1))
    assert order(batches().train_batches(1)) != order(batches().train_batches(2))


def test_held_out_films_come_shortest_first():
    lengths = CHUNKS.counts[order(batches().eval_batches())]
    assert (np.diff(lengths) >= 0).all()


def test_lengths_within_a_batch_are_near():
    spread = [np.ptp(CHUNKS.counts[batch.rows]) for batch in batches().train_batches(0)]
    assert np.mean(spread) < 0.6 * np.ptp(CHUNKS.counts)


@pytest.mark.parametrize("dimensions", [1, D])
def test_a_batch_holds_the_chunks_of_its_films(dimensions):
    for batch in batches(dimensions=dimensions).train_batches(3):
        assert batch.chunks.dtype == torch.float32
        assert batch.chunk_mask.sum(1).tolist() == CHUNKS.counts[batch.rows].tolist()
        assert (batch.chunks[~batch.chunk_mask] == 0).all()
        assert batch.labels.tolist() == LABELS[batch.rows].tolist()
        for place, row in enumerate(batch.rows):
            expected = torch.from_numpy(CHUNKS.of(int(row), dimensions) / 0.5)
            found = batch.chunks[place, : len(expected)]
            torch.testing.assert_close(found, expected)
