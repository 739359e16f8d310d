"""Topics of a corpus: what films are about, found from words alone, with no label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import TfidfTransformer

from wholescript.features.ablation import keep_words
from wholescript.features.word_counts import WordCounts


@dataclass(frozen=True)
class Topics:
    """`names` (k), each the strongest words of a topic; `of_films` (n,), the strongest of each."""

    names: list[str]
    of_films: NDArray[np.int64]


def find_topics(
    words: WordCounts,
    hidden: frozenset[str],
    n_topics: int,
    *,
    seed: int,
    film_share: tuple[float, float] = (0.02, 0.5),
    shown: int = 4,
) -> Topics:
    """Factorise TF-IDF weights into `n_topics` topics (Lee and Seung, 1999).

    Words in `hidden`, in which names should be, and words outside of `film_share` of the films
    play no part: names would make a topic of every sequel, and words of all films one of style.
    """
    counts = words.whole
    share = np.bincount(counts.indices, minlength=counts.shape[1]) / counts.shape[0]
    inside = (share >= film_share[0]) & (share <= film_share[1])
    named = np.array([word in hidden for word in words.vocabulary], bool)
    kept = keep_words(words, inside & ~named)
    weights = TfidfTransformer(sublinear_tf=True).fit_transform(kept.whole)
    model = NMF(n_topics, init="nndsvda", random_state=seed, max_iter=2000)
    films = model.fit_transform(weights)
    strongest = np.argsort(-model.components_, axis=1, kind="stable")[:, :shown]
    names = [", ".join(kept.vocabulary[word] for word in row) for row in strongest]
    # A topic's scale is arbitrary: a film's share of it is judged against that of other films.
    return Topics(names, (films / films.mean(0)).argmax(1))
