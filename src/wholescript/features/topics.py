"""Topics of a corpus by non-negative matrix factorization (NMF) of TF-IDF weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import TfidfTransformer

from wholescript.features.ablation import select_words
from wholescript.features.word_counts import WordCounts

DOCUMENT_FREQUENCY = (0.02, 0.5)  # shares of films that have a word
N_TOP_WORDS = 4  # in the name of a topic


@dataclass(frozen=True)
class Topics:
    """`names` (k), the top words of each topic; `film_topics` (n,), the main topic of each film."""

    names: list[str]
    film_topics: NDArray[np.int64]


def fit_topics(
    word_counts: WordCounts,
    excluded: frozenset[str],
    n_topics: int,
    *,
    seed: int,
) -> Topics:
    """Factorize TF-IDF weights into `n_topics` topics (Lee and Seung, 1999).

    Words in `excluded` and words outside `DOCUMENT_FREQUENCY` are not used. `excluded` should have
    proper names, which would make a topic of every sequel; words of most films would make a topic
    of style.
    """
    counts = word_counts.total
    share = np.bincount(counts.indices, minlength=counts.shape[1]) / counts.shape[0]
    in_range = (share >= DOCUMENT_FREQUENCY[0]) & (share <= DOCUMENT_FREQUENCY[1])
    is_excluded = np.array([word in excluded for word in word_counts.vocabulary], bool)
    kept = select_words(word_counts, in_range & ~is_excluded)
    weights = TfidfTransformer(sublinear_tf=True).fit_transform(kept.total)
    model = NMF(n_topics, init="nndsvda", random_state=seed, max_iter=2000)
    films = model.fit_transform(weights)
    top_words = np.argsort(-model.components_, axis=1, kind="stable")[:, :N_TOP_WORDS]
    names = [", ".join(kept.vocabulary[word] for word in row) for row in top_words]
    # The scale of a topic is arbitrary: divide by its mean over films.
    return Topics(names, (films / films.mean(0)).argmax(1))
