"""Strata and topics of the interpretation notebook."""

import numpy as np
import pandas as pd

from wholescript.studies.screenplays.interpretation_runs import ablations, film_strata


def test_strata_are_decades_topics_and_topics_by_half_of_the_years():
    films = pd.DataFrame({"year": [1931, 1939, 1994, 2014]})
    strata = film_strata(films, np.array([0, 1, 0, 1]))
    assert strata["decade"].tolist() == [3, 3, 9, 11]
    assert strata["topic"].tolist() == [0, 1, 0, 1]
    assert strata["topic and half"].tolist() == [0, 2, 1, 3]


def test_names_and_dates_are_removed_together_or_alone():
    removed = ablations(frozenset({"rick"}))
    both = removed["without names and dates"].words
    assert both == removed["without names"].words | removed["without dates"].words
    assert removed["names only"].keep_only
