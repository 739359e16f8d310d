import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.planted import D, N, corpus
from wholescript.training.batches import ChunkBatchLoader

LABELS, CHUNKS = corpus()
ALL = np.arange(N)


def loader(rows=ALL, batch_size=16, dimensions=D):
    return ChunkBatchLoader(CHUNKS, LABELS, rows, dimensions, 0.5, batch_size)


def order(batches):
    return np.concatenate([batch.indices for batch in batches]).tolist()


@given(st.sets(st.integers(0, N - 1), min_size=1), st.integers(1, 40), st.integers(0, 99))
def test_each_epoch_has_each_film_once(rows, batch_size, seed):
    found = loader(np.array(sorted(rows)), batch_size)
    assert sorted(order(found.train_batches(seed))) == sorted(rows)
    assert sorted(order(found.eval_batches())) == sorted(rows)
    assert len(list(found.train_batches(seed))) == len(list(found.eval_batches())) == len(found)


def test_order_depends_on_the_seed_only():
    assert order(loader().train_batches(1)) == order(loader().train_batches(1))
    assert order(loader().train_batches(1)) != order(loader().train_batches(2))


def test_eval_batches_have_shortest_films_first():
    lengths = CHUNKS.counts[order(loader().eval_batches())]
    assert (np.diff(lengths) >= 0).all()


def test_lengths_within_a_batch_are_similar():
    spread = [np.ptp(CHUNKS.counts[batch.indices]) for batch in loader().train_batches(0)]
    assert np.mean(spread) < 0.6 * np.ptp(CHUNKS.counts)


@pytest.mark.parametrize("dimensions", [1, D])
def test_batch_has_the_chunks_of_its_films(dimensions):
    for batch in loader(dimensions=dimensions).train_batches(3):
        assert batch.chunks.dtype == torch.float32
        assert batch.chunk_mask.sum(1).tolist() == CHUNKS.counts[batch.indices].tolist()
        assert (batch.chunks[~batch.chunk_mask] == 0).all()
        assert batch.labels.tolist() == LABELS[batch.indices].tolist()
        for place, row in enumerate(batch.indices):
            expected = torch.from_numpy(CHUNKS.coordinates(int(row), dimensions) / 0.5)
            found = batch.chunks[place, : len(expected)]
            torch.testing.assert_close(found, expected)
