import numpy as np
import pytest

from wholescript.errors import DataError, ParameterError
from wholescript.studies.headlines.batches import TokenStreamBatchLoader, whole_headlines

STREAM = np.arange(100)


def targets(batches):
    return [token for batch in batches for token in batch.input_ids[:, 1:].flatten().tolist()]


def test_file_order_yields_full_batches_in_the_same_order_every_epoch():
    loader = TokenStreamBatchLoader(STREAM, block_size=8, batch_size=4, order="file")
    assert len(loader) == 3
    first, other = (targets(loader.train_batches(seed)) for seed in (0, 5))
    assert first == other == list(range(1, 97))


def test_shuffled_order_has_another_offset_and_permutation_each_epoch():
    loader = TokenStreamBatchLoader(STREAM, block_size=8, batch_size=4)
    epochs = [targets(loader.train_batches(seed)) for seed in range(12)]
    assert epochs[3] == targets(loader.train_batches(3))
    for epoch in epochs:
        assert sorted(epoch) == list(range(min(epoch), min(epoch) + 96))
    assert {min(epoch) for epoch in epochs} == {1, 2, 3, 4}
    assert len({tuple(epoch) for epoch in epochs}) == 12


@pytest.mark.parametrize("length", [97, 98, 100, 105])
def test_eval_batches_have_every_token_once(length):
    loader = TokenStreamBatchLoader(np.arange(length), block_size=8, batch_size=4)
    assert targets(loader.eval_batches()) == list(range(1, length))


def test_whole_headlines_are_cut_only_where_longer_than_a_window():
    eos = 99
    headlines = [[1, 2], [3, 4, 5], [6], [7, 8, 9, 10, 11], list(range(12, 30)), [30, 31]]
    stream = np.array([eos, *(token for headline in headlines for token in (*headline, eos))])
    found = [window.tolist() for window in whole_headlines(stream, eos, block_size=8)]
    assert found[:2] == [[eos, 1, 2, eos, 3, 4, 5, eos], [eos, 6, eos, 7, 8, 9, 10, 11, eos]]
    long = [[eos, *range(12, 20)], list(range(19, 28)), [27, 28, 29, eos]]
    assert found[2:] == [*long, [eos, 30, 31, eos]]
    predicted = [token for window in found for token in window[1:]]
    assert predicted == stream[1:].tolist(), "each token is a target once"


def test_stream_without_a_batch_raises():
    with pytest.raises(DataError, match="32 tokens do not fill a batch of 4 windows of 8"):
        TokenStreamBatchLoader(STREAM[:32], block_size=8, batch_size=4)
    with pytest.raises(ParameterError, match="block_size=0"):
        TokenStreamBatchLoader(STREAM, block_size=0, batch_size=4)
