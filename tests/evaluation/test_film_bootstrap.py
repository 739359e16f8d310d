from dataclasses import replace

import numpy as np
import pytest

from wholescript.errors import DataError
from wholescript.evaluation.film_bootstrap import bootstrap, paired_difference
from wholescript.evaluation.film_metrics import METRICS, weighted_metrics


def test_the_value_lies_within_its_interval(make_predictions):
    p = make_predictions()
    table = bootstrap(p, n_bootstrap=300).set_index("metric")
    assert list(table.index) == list(METRICS)
    values = weighted_metrics(p, np.ones((1, 120)), list(METRICS)).mean(axis=(0, 2))
    assert table["value"].to_numpy() == pytest.approx(values)
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    assert table.loc["auc", "std"] > 0
    assert bootstrap(p, n_bootstrap=300).equals(bootstrap(p, n_bootstrap=300))
    assert not bootstrap(p, n_bootstrap=300).equals(bootstrap(p, n_bootstrap=300, seed=1))


def test_intervals_have_their_nominal_coverage(make_predictions):
    # AUC of N(1, 1) against N(0, 1) is Phi(1 / sqrt 2).
    truth, covered = 0.7602, 0
    for seed in range(60):
        p = make_predictions(n=200, n_repeats=1, n_folds=1, seed=seed)
        p = replace(p, groups=np.array(p.film_ids, dtype=object))
        low, high = bootstrap(p, ["auc"], n_bootstrap=200).loc[0, ["low", "high"]]
        covered += low < truth < high
    assert 51 <= covered <= 60  # 95% of 60 is 57


def test_whole_groups_are_resampled(make_predictions):
    p = make_predictions(n=60, n_folds=1)
    paired = replace(p, groups=np.array([f"g{i // 10}" for i in range(60)], dtype=object))
    alone = replace(p, groups=np.array(p.film_ids, dtype=object))
    p_wide, p_narrow = (
        replace(x, probabilities=np.repeat(p.probabilities[:, ::10], 10, axis=1))
        for x in (paired, alone)
    )
    wide, narrow = (bootstrap(x, ["brier"], n_bootstrap=400).loc[0] for x in (p_wide, p_narrow))
    assert wide["high"] - wide["low"] > 0
    assert narrow["high"] - narrow["low"] != pytest.approx(wide["high"] - wide["low"], rel=0.05)


def test_the_difference_of_a_model_from_itself_is_exactly_zero(make_predictions):
    p = make_predictions()
    table = paired_difference(p, p, n_bootstrap=100)
    assert (table[["value", "low", "high", "std"]] == 0).all(axis=None)
    assert (table["p"] == 1).all()


def test_pairing_narrows_the_interval_of_a_difference(make_predictions):
    good = make_predictions(strength=1.5)
    noise = np.random.default_rng(1).normal(scale=0.02, size=good.probabilities.shape)
    near, far = (
        replace(good, probabilities=good.probabilities + noise),
        make_predictions(seed=5, strength=0.0),
    )
    close = paired_difference(good, near, ["auc"], n_bootstrap=300).loc[0]
    clear = paired_difference(good, far, ["auc"], n_bootstrap=300).loc[0]
    alone = bootstrap(good, ["auc"], n_bootstrap=300).loc[0]
    assert close["high"] - close["low"] < (alone["high"] - alone["low"]) / 2
    assert clear["low"] > 0
    assert clear["p"] < 0.02
    first, second = (bootstrap(x, ["auc"], n_bootstrap=1).loc[0, "value"] for x in (good, far))
    assert clear["value"] == pytest.approx(first - second)


def test_differences_need_the_same_films(make_predictions):
    with pytest.raises(DataError, match=r"120 films in 2 repeats, the other 100 in 2"):
        paired_difference(make_predictions(), make_predictions(n=100))
    unscored = make_predictions()
    unscored.probabilities[:, :30] = np.nan
    unscored.folds[:, :30] = -1
    paired_difference(unscored, unscored.drop_unscored(), ["auc"], n_bootstrap=10)


def test_resamples_with_one_class_are_left_out(make_predictions):
    p = make_predictions(n=8, n_folds=1)
    assert np.isfinite(bootstrap(p, n_bootstrap=200)[["low", "high"]]).all(axis=None)
