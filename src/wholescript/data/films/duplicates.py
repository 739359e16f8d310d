"""Near duplicates among films, such as drafts, remakes and sequels, by TF-IDF cosine."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix, diags, triu
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import radius_neighbors_graph
from sklearn.preprocessing import normalize

from wholescript.data.checks import list_some
from wholescript.errors import DataError

# Two halves of one script have a higher cosine in 19 of 20 films, two different films in 1 of
# 19,000 pairs: names and setting have the largest weights in these vectors.
NEAR_DUPLICATE_COSINE = 0.4

# The bundled scripts know at least 0.80 of each other's words, French ones two thirds of theirs:
# what other languages share with English, such as "la", would weigh like the name of a character.
MIN_KNOWN_SHARE = 0.75


def group_near_duplicates(
    counts: csr_matrix | csr_array,
    film_ids: Sequence[str],
    idf: NDArray[np.float64],
    *,
    n_words: NDArray[np.int64] | None = None,
    threshold: float = NEAR_DUPLICATE_COSINE,
) -> tuple[NDArray[np.object_], pd.DataFrame]:
    """Group films whose TF-IDF vectors (log counts, unit length) have a cosine >= `threshold`.

    Weights from the films at hand would depend on their number: of 20 films every word is rare.
    `idf` comes from a large reference corpus instead, so two films have the same similarity in any
    company. Groups are connected components: if a is similar to b and b to c, all three are one
    group.

    Args:
        counts: counts of the V words of the reference corpus, sparse (n, V).
        film_ids: n ids, in the order of the rows.
        idf: inverse document frequency of each word in the reference corpus, (V,).
        n_words: number of words of each film, in the reference corpus or not, (n,); default: the
            sums of the rows. A film with less than `MIN_KNOWN_SHARE` in it is similar to none.
        threshold: smallest cosine of near duplicates, between 0 and 1.

    Returns:
        The group of each film (n,), named after the group's first film; and the similar pairs,
        most similar first, with the columns film_a, film_b (str) and similarity (float64).

    Raises:
        DataError: rows and ids differ in number, or the threshold is out of range.
    """
    ids = np.asarray(film_ids, dtype=object)
    if counts.shape[0] != len(ids):
        raise DataError(f"{counts.shape[0]} rows of word counts for {len(ids)} films.")
    if not 0 < threshold < 1:
        raise DataError(f"threshold={threshold} must be between 0 and 1.")
    weights = csr_matrix(counts, dtype=np.float64)
    n_known = np.asarray(weights.sum(axis=1)).ravel()
    known = n_known >= MIN_KNOWN_SHARE * np.maximum(n_known if n_words is None else n_words, 1)
    if not known.all():
        warnings.warn(
            f"near duplicates are not looked for among {(~known).sum()} of {len(ids)} films, which "
            f"are not in English: {list_some(ids[~known].tolist())}. Give drafts, remakes and "
            "sequels the same value in a column `group`.",
            stacklevel=2,
        )
    weights.data = 1 + np.log(weights.data)
    vectors = normalize(diags(known.astype(float)) @ weights @ diags(idf))
    distances = radius_neighbors_graph(vectors, 1 - threshold, mode="distance", metric="cosine")
    near = triu(distances, k=1)
    component = connected_components(near, directed=False)[1]
    first = np.unique(component, return_index=True)[1]
    pairs = pd.DataFrame(
        {
            "film_a": ids[near.coords[0]],
            "film_b": ids[near.coords[1]],
            "similarity": 1 - near.data,
        }
    )
    order = ["similarity", "film_a", "film_b"]
    pairs = pairs.sort_values(order, ascending=[False, True, True], ignore_index=True)
    return ids[first[component]], pairs
