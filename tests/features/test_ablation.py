import numpy as np
import pytest

from tests.features.films import some_features
from wholescript.features.ablation import (
    ablate_opening,
    ablate_part,
    chunk_parts,
    concatenate_features,
    select_chunks,
    select_words,
)


@pytest.fixture
def features():
    return some_features()


def places(chunks, film):
    return chunks.codes[chunks.offsets[film] : chunks.offsets[film + 1], 0].tolist()


def test_words_are_dropped_from_every_part(features):
    kept = select_words(features.words, np.array([False, True, True, False]))
    assert kept.vocabulary == ["may", "sees"]
    for part, whole in zip(kept.quarters, features.words.quarters, strict=True):
        np.testing.assert_array_equal(part.toarray(), whole.toarray()[:, 1:3])
    np.testing.assert_array_equal(kept.opening.toarray(), features.words.opening.toarray()[:, 1:3])


def test_a_film_keeps_at_least_its_last_chunk(features):
    kept = select_chunks(features.chunks, np.zeros(13, bool))
    assert [places(kept, film) for film in range(3)] == [[3], [7], [0]]


def test_parts_are_equal_and_in_order(features):
    part = chunk_parts(features.chunks, 4)
    assert part.tolist() == [0, 1, 2, 3, 0, 0, 1, 1, 2, 2, 3, 3, 2]


def test_a_quarter_takes_words_and_chunks_with_it(features):
    hidden = ablate_part(features, 1, 4)
    assert [places(hidden.chunks, film) for film in range(3)] == [
        [0, 2, 3],
        [0, 1, 4, 5, 6, 7],
        [0],
    ]
    assert hidden.words.quarters[1].nnz == 0
    whole, rest = features.words.total, hidden.words.total
    assert (whole - rest != features.words.quarters[1]).nnz == 0
    assert features.words.quarters[1].nnz > 0


def test_smaller_parts_leave_the_words_alone(features):
    hidden = ablate_part(features, 0, 8)
    assert hidden.words is features.words
    assert places(hidden.chunks, 1) == [1, 2, 3, 4, 5, 6, 7]


def test_the_opening_is_taken_off_the_first_quarter_and_off_the_first_chunks(features):
    hidden = ablate_opening(features, np.array([16_000, 12_000, 3_000]))
    first, opening = features.words.quarters[0].toarray(), features.words.opening.toarray()
    expected = np.maximum(first.astype(int) - opening, 0)
    np.testing.assert_array_equal(hidden.words.quarters[0].toarray(), expected)
    assert (hidden.words.quarters[3] != features.words.quarters[3]).nnz == 0
    # A quarter of 4 chunks; a third of 8, and the chunk it ends in; all of 1, which stays.
    assert [places(hidden.chunks, film) for film in range(3)] == [[1, 2, 3], [3, 4, 5, 6, 7], [0]]


def test_joined_films_are_those_of_all_parts(features):
    hidden = ablate_part(features, 0, 4)
    joined = concatenate_features([features, hidden])
    assert joined.film_ids == features.film_ids * 2
    np.testing.assert_array_equal(joined.chunks.coordinates(1), features.chunks.coordinates(1))
    np.testing.assert_array_equal(joined.chunks.coordinates(4), hidden.chunks.coordinates(1))
    assert (joined.words.total[3:] != hidden.words.total).nnz == 0
