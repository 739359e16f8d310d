from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from wholescript.errors import DataError, ParameterError
from wholescript.evaluation import film_metrics as metrics
from wholescript.evaluation.film_metrics import ScoredFilms, weighted_metrics

HALF = {"macro_f1_at_half": "macro_f1", "mcc_at_half": "mcc"}


def mean_metrics(predictions, names):
    once = np.ones((1, len(predictions.labels)))
    means = weighted_metrics(predictions, once, names).mean(axis=(0, 2))
    return dict(zip(names, means, strict=True))


@st.composite
def weighted_films(draw):
    n = draw(st.integers(4, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    positive = rng.permutation(np.arange(n) % draw(st.integers(2, 4)) == 0)
    scores = rng.random(n).round(draw(st.integers(1, 6)))
    weights = rng.integers(0, 4, (3, n)).astype(float)
    weights[:, [positive.argmax(), positive.argmin()]] += 1  # both classes in every resample
    films = ScoredFilms(positive, scores, np.full(n, 0.4), np.zeros(n, int), np.full(n, 1999))
    return films, weights


@settings(max_examples=60, deadline=None)
@given(weighted_films())
def test_metrics_equal_scikit_learn_under_every_weighting(drawn):
    films, weights = drawn
    predicted = films.probabilities >= 0.4
    expected = {
        "auc": lambda w: reference.roc_auc_score(
            films.positive, films.probabilities, sample_weight=w
        ),
        "within_decade_auc": lambda w: reference.roc_auc_score(
            films.positive, films.probabilities, sample_weight=w
        ),
        "average_precision": lambda w: reference.average_precision_score(
            films.positive, films.probabilities, sample_weight=w
        ),
        "macro_f1": lambda w: reference.f1_score(
            films.positive,
            predicted,
            average="macro",
            sample_weight=w,
            labels=[0, 1],
            zero_division=0,
        ),
        "mcc": lambda w: reference.matthews_corrcoef(films.positive, predicted, sample_weight=w),
        "brier": lambda w: reference.brier_score_loss(
            films.positive, films.probabilities, sample_weight=w
        ),
    }
    for name, by_reference in expected.items():
        found = metrics.METRICS[name](films, weights)
        np.testing.assert_allclose(found, [by_reference(w) for w in weights], atol=1e-9)


def test_a_weight_of_two_equals_a_duplicated_film(make_predictions):
    p = make_predictions(n_repeats=1)
    twice = np.r_[np.arange(120), np.arange(40)]
    films = ScoredFilms(p.labels == 1, p.probabilities[0], p.thresholds[0], p.folds[0], p.years)
    doubled = ScoredFilms(*(column[twice] for column in vars(films).values()))
    weights = np.where(np.arange(120) < 40, 2.0, 1.0)[None]
    for name in set(metrics.METRICS) - {"ece"}:  # its bins are those of the unweighted films
        metric = metrics.METRICS[name]
        np.testing.assert_allclose(metric(films, weights), metric(doubled, np.ones((1, 160))))


def test_ranking_metrics_compare_within_folds_and_decades(make_predictions):
    p = make_predictions(n_repeats=1, strength=0.5)
    shifted = replace(p, probabilities=p.probabilities + 10.0 * p.folds)
    by_decade = replace(p, probabilities=p.probabilities + 10.0 * (p.years // 10))
    assert mean_metrics(p, ["auc"]) == pytest.approx(mean_metrics(shifted, ["auc"]))
    assert mean_metrics(p, ["average_precision"]) == pytest.approx(
        mean_metrics(shifted, ["average_precision"])
    )
    within = mean_metrics(p, ["within_decade_auc"])
    assert within == pytest.approx(mean_metrics(by_decade, ["within_decade_auc"]))
    assert mean_metrics(p, ["auc"])["auc"] != pytest.approx(
        mean_metrics(by_decade, ["auc"])["auc"], abs=0.01
    )
    pairs, concordant = 0, 0.0
    for i in np.flatnonzero(p.labels == 1):
        for j in np.flatnonzero(p.labels == 0):
            if p.folds[0, i] == p.folds[0, j] and p.years[i] // 10 == p.years[j] // 10:
                pairs += 1
                concordant += p.probabilities[0, i] > p.probabilities[0, j]
    assert within["within_decade_auc"] == pytest.approx(concordant / pairs)


def test_ece_is_the_weighted_gap_of_ten_bins():
    scores = np.repeat(np.linspace(0.05, 0.95, 10), 20)
    positive = np.concatenate([np.arange(20) < round(20 * s) for s in np.linspace(0.05, 0.95, 10)])
    films = ScoredFilms(positive, scores, scores, np.zeros(200, int), np.full(200, 1999))
    assert metrics.ece(films, np.ones((1, 200)))[0] == pytest.approx(0, abs=1e-12)
    off = replace(films, probabilities=scores + 0.1)
    assert metrics.ece(off, np.ones((1, 200)))[0] == pytest.approx(0.1)


def test_unscored_films_are_ignored(make_predictions):
    p = make_predictions(n_repeats=3)
    scores = np.where(np.arange(120) < 60, np.nan, p.probabilities)
    rows = np.arange(60, 120)
    half = mean_metrics(replace(p, probabilities=scores), ["auc", "brier", "mcc_at_half", "ece"])
    alone = replace(
        p,
        film_ids=p.film_ids[60:],
        labels=p.labels[rows],
        groups=p.groups[rows],
        years=p.years[rows],
        probabilities=p.probabilities[:, rows],
        thresholds=p.thresholds[:, rows],
        folds=p.folds[:, rows],
    )
    assert half == pytest.approx(mean_metrics(alone, list(half)))


@pytest.mark.parametrize(("name", "own"), HALF.items())
def test_metrics_at_half_ignore_the_chosen_thresholds(make_predictions, name, own):
    p = make_predictions()
    at_half = replace(p, thresholds=np.full_like(p.thresholds, 0.5))
    assert mean_metrics(p, [name])[name] == mean_metrics(at_half, [own])[own]
    assert mean_metrics(p, [name])[name] != mean_metrics(p, [own])[own]


def test_one_class_and_unknown_metrics_are_errors(make_predictions):
    p = make_predictions()
    with pytest.raises(DataError, match=r"0 of the 120 films scored in repeat 0 are positive"):
        mean_metrics(replace(p, labels=np.zeros(120, np.int8)), ["auc"])
    with pytest.raises(DataError, match="both classes"):
        mean_metrics(
            replace(p, probabilities=np.where(p.labels == 1, p.probabilities, np.nan)), ["auc"]
        )
    with pytest.raises(ParameterError, match=r"\['acu'\].*auc, average_precision"):
        mean_metrics(p, ["auc", "acu"])
