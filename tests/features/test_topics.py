import numpy as np
import scipy.sparse as sp

from wholescript.features.topics import fit_topics
from wholescript.features.word_counts import WordCounts

SEA, WAR, NAMES, ALL = ["boat", "sail", "wave"], ["army", "rifle", "tank"], ["ann", "bob"], ["the"]


def corpus(n=60):
    """Return sea films, then war films; names only in war films, and a word in all films."""
    rng = np.random.default_rng(0)
    vocabulary = sorted(SEA + WAR + NAMES + ALL)
    sea = np.arange(n) < n // 2
    counts = np.zeros((n, len(vocabulary)), np.uint16)
    for word, rows in [(w, sea) for w in SEA] + [(w, ~sea) for w in WAR + NAMES]:
        counts[rows, vocabulary.index(word)] = rng.integers(1, 9, rows.sum())
    counts[:, vocabulary.index("the")] = 50
    empty = sp.csr_matrix(counts.shape, dtype=np.uint16)
    return sea, WordCounts((sp.csr_matrix(counts), empty, empty, empty), empty, vocabulary)


def test_topics_separate_films_without_names():
    sea, words = corpus()
    found = fit_topics(words, frozenset(NAMES), 2, seed=0)
    assert [set(name.split(", ")) >= set(kind) for name in found.names for kind in (SEA, WAR)] in (
        [True, False, False, True],
        [False, True, True, False],
    )
    assert len(set(found.film_topics[sea])) == len(set(found.film_topics[~sea])) == 1
    assert found.film_topics[0] != found.film_topics[-1]
    top_words = ", ".join(found.names)
    assert not any(word in top_words.split(", ") for word in NAMES + ALL)
