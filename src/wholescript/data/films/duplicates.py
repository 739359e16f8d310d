"""Near duplicates among films, such as drafts, remakes and sequels, by TF-IDF cosine."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix, triu
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.neighbors import radius_neighbors_graph

from wholescript.errors import DataError

# Two halves of one script have a higher cosine in 19 of 20 films, two different films in 1 of
# 19,000 pairs: names and setting have the largest weights in these vectors.
NEAR_DUPLICATE_COSINE = 0.4


def group_near_duplicates(
    counts: csr_matrix | csr_array,
    film_ids: Sequence[str],
    threshold: float = NEAR_DUPLICATE_COSINE,
) -> tuple[NDArray[np.object_], pd.DataFrame]:
    """Group films whose TF-IDF vectors (log counts, unit length) have a cosine >= `threshold`.

    Groups are connected components: if a is similar to b and b to c, all three are one group.

    Args:
        counts: word counts, sparse (n, V).
        film_ids: n ids, in the order of the rows.
        threshold: smallest cosine of near duplicates, between 0 and 1.

    Returns:
        The group of each film (n,), named after the group's first film; and the similar pairs,
        most similar first, with the columns film_a, film_b (str) and similarity (float64).

    Raises:
        DataError: rows and ids differ in number, a film has no words, or the threshold is out of
            range.
    """
    ids = np.asarray(film_ids, dtype=object)
    if counts.shape[0] != len(ids):
        raise DataError(f"{counts.shape[0]} rows of word counts for {len(ids)} films.")
    if not 0 < threshold < 1:
        raise DataError(f"threshold={threshold} must be between 0 and 1.")
    empty = ids[np.asarray(counts.sum(axis=1)).ravel() == 0]
    if len(empty):
        raise DataError(f"{empty[0]} has no word of the vocabulary: leave it out.")
    vectors = TfidfTransformer(sublinear_tf=True).fit_transform(csr_matrix(counts))
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
