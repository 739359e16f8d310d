import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer

from wholescript.data.films.duplicates import group_near_duplicates
from wholescript.errors import DataError

N_FILMS, N_WORDS, LENGTH = 30, 2000, 3000


@pytest.fixture
def counts() -> np.ndarray:
    """Word counts of 30 films of 3,000 words: common words, and words of one film only."""
    rng = np.random.default_rng(0)
    table = np.zeros((N_FILMS, N_WORDS), dtype=int)
    for film in range(N_FILMS):
        common = rng.integers(0, 500, LENGTH - 600)
        own = rng.integers(500 + 50 * film, 550 + 50 * film, 600)
        table[film] = np.bincount(np.concatenate([common, own]), minlength=N_WORDS)
    return table


IDS = [f"film{number:02d}" for number in range(N_FILMS)]


def idf(counts: np.ndarray) -> np.ndarray:
    return TfidfTransformer().fit(counts).idf_


@pytest.mark.parametrize("kind", [csr_matrix, csr_array])
def test_different_films_are_in_different_groups(counts: np.ndarray, kind: type) -> None:
    groups, pairs = group_near_duplicates(kind(counts), IDS, idf(counts))
    assert groups.tolist() == IDS and groups.dtype == object
    assert pairs.empty and list(pairs) == ["film_a", "film_b", "similarity"]


def test_copy_and_draft_are_in_the_group_of_the_first(counts: np.ndarray) -> None:
    counts[7] = counts[3]
    rng = np.random.default_rng(1)
    counts[20] = rng.binomial(counts[3], 0.8)  # a fifth of the words was cut
    groups, pairs = group_near_duplicates(csr_matrix(counts), IDS, idf(counts))
    assert set(groups[[3, 7, 20]]) == {"film03"} and len(set(groups)) == N_FILMS - 2
    assert (pairs["film_a"][0], pairs["film_b"][0]) == ("film03", "film07")
    assert pairs["similarity"][0] == pytest.approx(1)
    assert len(pairs) == 3 and pairs["similarity"].is_monotonic_decreasing
    strict, copies = group_near_duplicates(csr_matrix(counts), IDS, idf(counts), threshold=0.999)
    assert strict[7] == "film03" and strict[20] == "film20" and len(copies) == 1


def test_groups_are_connected_components(counts: np.ndarray) -> None:
    chain = np.zeros((3, 30), dtype=int)
    for film in range(3):
        chain[film, 10 * film : 10 * film + 20] = 1
    chain[2, 20:] = 1
    groups, pairs = group_near_duplicates(
        csr_matrix(chain), ["a", "b", "c"], idf(chain), threshold=0.3
    )
    found = set(zip(pairs["film_a"], pairs["film_b"], strict=True))
    assert found == {("a", "b"), ("b", "c")} and groups.tolist() == ["a"] * 3


def test_order_of_films_does_not_matter(counts: np.ndarray) -> None:
    counts[7], counts[20] = counts[3], counts[11]
    order = np.random.default_rng(2).permutation(N_FILMS)
    here, _ = group_near_duplicates(csr_matrix(counts), IDS, idf(counts))
    there, _ = group_near_duplicates(
        csr_matrix(counts[order]), np.array(IDS)[order].tolist(), idf(counts)
    )
    members = pd.Series(IDS).groupby(here).agg(frozenset)
    shuffled = pd.Series(np.array(IDS)[order]).groupby(there).agg(frozenset)
    assert set(members) == set(shuffled)


def test_bad_input_is_an_error(counts: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"30 rows of word counts for 2 films"):
        group_near_duplicates(csr_matrix(counts), ["a", "b"], idf(counts))
    with pytest.raises(DataError, match=r"threshold=1 must"):
        group_near_duplicates(csr_matrix(counts), IDS, idf(counts), threshold=1)


def test_a_script_in_another_language_is_similar_to_none(counts: np.ndarray) -> None:
    counts[7] = counts[3]
    n_words = counts.sum(axis=1)
    n_words[3] *= 2  # half of its words are not in the reference corpus
    with pytest.warns(UserWarning, match="1 of 30 films, which are not in English: film03"):
        groups, pairs = group_near_duplicates(csr_matrix(counts), IDS, idf(counts), n_words=n_words)
    assert pairs.empty and groups.tolist() == IDS
