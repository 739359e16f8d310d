import io
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from wholescript.evaluation.film_predictions import PREDICTION_COLUMNS, FilmPredictions


def _assert_same(a, b):
    assert a.film_ids == b.film_ids
    for name in ("labels", "groups", "years", "probabilities", "thresholds", "folds"):
        assert_array_equal(getattr(a, name), getattr(b, name))
        assert getattr(a, name).dtype == getattr(b, name).dtype


def test_predictions_survive_a_csv_round_trip(make_predictions):
    p = make_predictions()
    text = p.to_frame().to_csv(index=False)
    frame = pd.read_csv(io.StringIO(text))
    assert list(frame.columns) == PREDICTION_COLUMNS
    assert len(frame) == 240
    _assert_same(FilmPredictions.from_frame(frame), p)


def test_unscored_films_are_dropped(make_predictions):
    p = make_predictions(n_repeats=1)
    p.probabilities[0, :50] = np.nan
    p.folds[0, :50] = -1
    _assert_same(FilmPredictions.from_frame(p.to_frame()), p.drop_unscored())
    assert len(p.drop_unscored().film_ids) == 70


def test_numeric_film_ids_stay_strings(make_predictions):
    p = make_predictions(n=8)
    p = replace(p, film_ids=[str(100 + i) for i in range(8)])
    frame = pd.read_csv(io.StringIO(p.to_frame().to_csv(index=False)))
    assert FilmPredictions.from_frame(frame).film_ids == p.film_ids


def test_fold_ranks_are_uniform_within_each_fold(make_predictions):
    p = make_predictions(n_repeats=1)
    p.probabilities[0, :10] = np.nan
    p.folds[0, :10] = -1
    ranks = p.fold_ranks()[0]
    assert np.isnan(ranks[:10]).all()
    for fold in range(3):
        rows = np.flatnonzero(p.folds[0] == fold)
        assert_array_equal(np.argsort(ranks[rows]), np.argsort(p.probabilities[0, rows]))
        np.testing.assert_allclose(ranks[rows].mean(), 0.5)
