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


def positions(chunks, film):
    return chunks.codes[chunks.offsets[film] : chunks.offsets[film + 1], 0].tolist()


def test_select_words_applies_to_all_matrices(features):
    kept = select_words(features.word_counts, np.array([False, True, True, False]))
    assert kept.vocabulary == ["may", "sees"]
    for part, whole in zip(kept.quarters, features.word_counts.quarters, strict=True):
        np.testing.assert_array_equal(part.toarray(), whole.toarray()[:, 1:3])
    np.testing.assert_array_equal(
        kept.opening.toarray(), features.word_counts.opening.toarray()[:, 1:3]
    )


def test_film_without_selected_chunks_keeps_its_last(features):
    kept = select_chunks(features.chunks, np.zeros(13, bool))
    assert [positions(kept, film) for film in range(3)] == [[3], [7], [0]]


def test_chunk_parts_are_equal_and_in_order(features):
    part = chunk_parts(features.chunks, 4)
    assert part.tolist() == [0, 1, 2, 3, 0, 0, 1, 1, 2, 2, 3, 3, 2]


def test_ablating_a_quarter_removes_words_and_chunks(features):
    ablated = ablate_part(features, 1, 4)
    assert [positions(ablated.chunks, film) for film in range(3)] == [
        [0, 2, 3],
        [0, 1, 4, 5, 6, 7],
        [0],
    ]
    assert ablated.word_counts.quarters[1].nnz == 0
    before, after = features.word_counts.total, ablated.word_counts.total
    assert (before - after != features.word_counts.quarters[1]).nnz == 0
    assert features.word_counts.quarters[1].nnz > 0


def test_ablating_a_smaller_part_removes_chunks_only(features):
    ablated = ablate_part(features, 0, 8)
    assert ablated.word_counts is features.word_counts
    assert positions(ablated.chunks, 1) == [1, 2, 3, 4, 5, 6, 7]


def test_ablating_the_opening_changes_the_first_quarter_and_first_chunks(features):
    ablated = ablate_opening(features, np.array([16_000, 12_000, 3_000]))
    first, opening = (
        features.word_counts.quarters[0].toarray(),
        features.word_counts.opening.toarray(),
    )
    expected = np.maximum(first.astype(int) - opening, 0)
    np.testing.assert_array_equal(ablated.word_counts.quarters[0].toarray(), expected)
    assert (ablated.word_counts.quarters[3] != features.word_counts.quarters[3]).nnz == 0
    # The opening is 1/4 of 4 chunks; 1/3 of 8, rounded up; all of 1, which is kept.
    assert [positions(ablated.chunks, film) for film in range(3)] == [
        [1, 2, 3],
        [3, 4, 5, 6, 7],
        [0],
    ]


def test_concatenated_films_are_those_of_all_parts(features):
    ablated = ablate_part(features, 0, 4)
    both = concatenate_features([features, ablated])
    assert both.film_ids == features.film_ids * 2
    np.testing.assert_array_equal(both.chunks.coordinates(1), features.chunks.coordinates(1))
    np.testing.assert_array_equal(both.chunks.coordinates(4), ablated.chunks.coordinates(1))
    assert (both.word_counts.total[3:] != ablated.word_counts.total).nnz == 0
