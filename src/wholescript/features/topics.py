"""Topics of a corpus: what films are about, found from words alone, with no label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import TfidfTransformer

from wholescript.features.ablation import select_words
from wholescript.features.word_counts import WordCounts


@dataclass(frozen=True)
class Topics:
    """`names` (k), each the strongest words of a topic; `film_topics` (n,), the strongest of each."""

    names: list[str]
    film_topics: NDArray[np.int64]


def fit_topics(
    words: WordCounts,
    excluded: frozenset[str],
    n_topics: int,
    *,
    seed: int,
    document_frequency: tuple[float, float] = (0.02, 0.5),
    n_top_words: int = 4,
) -> Topics:
    """Factorise TF-IDF weights into `n_topics` topics (Lee and Seung, 1999).

    Words in `excluded`, in which names should be, and words outside of `document_frequency` of the films
    play no part: names would make a topic of every sequel, and words of all films one of style.
    """
    counts = words.total
    share = np.bincount(counts.indices, minlength=counts.shape[1]) / counts.shape[0]
    inside = (share >= document_frequency[0]) & (share <= document_frequency[1])
    named = np.array([word in excluded for word in words.vocabulary], bool)
    kept = select_words(words, inside & ~named)
    weights = TfidfTransformer(sublinear_tf=True).fit_transform(kept.total)
    model = NMF(n_topics, init="nndsvda", random_state=seed, max_iter=2000)
    films = model.fit_transform(weights)
    strongest = np.argsort(-model.components_, axis=1, kind="stable")[:, :n_top_words]
    names = [", ".join(kept.vocabulary[word] for word in row) for row in strongest]
    # A topic's scale is arbitrary: a film's share of it is judged against that of other films.
    return Topics(names, (films / films.mean(0)).argmax(1))
