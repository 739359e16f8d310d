import numpy as np
import pandas as pd

from tests.features.films import some_features
from wholescript.features.date_words import DATE_WORDS
from wholescript.models.films.estimator import FilmDataset
from wholescript.studies.screenplays.interpretation_runs import ablations, film_strata


def test_strata_are_decades_topics_and_topics_by_half_of_the_years():
    films = pd.DataFrame({"year": [1931, 1939, 1994, 2014]})
    strata = film_strata(films, np.array([0, 1, 0, 1]))
    assert strata["decade"].tolist() == [3, 3, 9, 11]
    assert strata["topic"].tolist() == [0, 1, 0, 1]
    assert strata["topic and half"].tolist() == [0, 2, 1, 3]


def test_names_only_and_without_names_share_no_word():
    features = some_features(counts=(2, 2, 2))
    films = pd.DataFrame({"film_id": features.film_ids})
    dataset = FilmDataset(films, np.array([0, 1, 0], np.int8), features.groups, features)
    vocabulary = list(features.word_counts.vocabulary)
    name = next(word for word in vocabulary if word not in DATE_WORDS)
    removed = ablations(frozenset({name}))
    kept = {
        key: list(removed[key].ablate(dataset).features.word_counts.vocabulary)
        for key in ("names only", "without names")
    }
    assert kept["names only"] == [name]
    assert kept["without names"] == [word for word in vocabulary if word != name]
