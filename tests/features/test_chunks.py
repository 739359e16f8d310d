import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.errors import ParameterError
from wholescript.features.chunks import Chunking, pad_batch


@st.composite
def chunkings(draw):
    length = draw(st.integers(1, 60))
    return Chunking(length, draw(st.integers(0, length - 1)))


@given(n=st.integers(0, 500), length=st.integers(1, 60))
def test_without_overlap_each_token_is_in_one_chunk(n, length):
    ids = np.arange(n)
    np.testing.assert_array_equal(np.concatenate(Chunking(length).split(ids)), ids)


@given(n=st.integers(0, 500), chunking=chunkings())
def test_with_overlap_each_chunk_repeats_the_end_of_the_previous_one(n, chunking):
    ids = np.arange(n)
    first, *others = chunks = chunking.split(ids)
    for before, after in zip(chunks, others, strict=False):
        np.testing.assert_array_equal(
            before[len(before) - chunking.overlap :], after[: chunking.overlap]
        )
    restored = np.concatenate([first, *(chunk[chunking.overlap :] for chunk in others)])
    np.testing.assert_array_equal(restored, ids)


@given(n=st.integers(0, 500), chunking=chunkings())
def test_only_the_last_chunk_may_be_short_and_it_has_new_tokens(n, chunking):
    *full, last = chunks = chunking.split(np.arange(n))
    assert all(len(chunk) == chunking.length for chunk in full)
    assert len(last) > chunking.overlap or len(chunks) == 1
    expected = -(-(n - chunking.overlap) // (chunking.length - chunking.overlap))
    assert len(chunks) == max(1, expected)


@pytest.mark.parametrize(("length", "overlap"), [(0, 0), (10, 10), (10, -1), (10, 11)])
def test_overlap_outside_zero_to_length_is_an_error(length, overlap):
    with pytest.raises(ParameterError, match=r"(length|overlap)=-?\d+ must be"):
        Chunking(length, overlap)


def test_batch_is_padded_on_the_right():
    ids, mask = pad_batch([np.array([5, 6, 7]), np.array([8])], pad_id=1)
    assert ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert pad_batch([np.array([5])], length=3)[0].tolist() == [[5, 0, 0]]
