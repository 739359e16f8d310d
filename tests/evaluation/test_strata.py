import numpy as np
import pytest

from wholescript.evaluation.film_comparison import auc_by_decade
from wholescript.evaluation.film_metrics import weighted_metrics
from wholescript.evaluation.strata import auc_by_stratum, within_stratum_auc


def auc(predictions):
    once = np.ones((1, len(predictions.labels)))
    return weighted_metrics(predictions, once, ["auc"]).mean()


def test_a_single_stratum_changes_nothing(make_predictions):
    predictions = make_predictions()
    table = within_stratum_auc(predictions, np.zeros(120, np.int64))
    assert table.loc["within_stratum_auc", "value"] == pytest.approx(auc(predictions))
    assert table.loc["auc_change", ["value", "low", "high"]].tolist() == [0, 0, 0]


def test_auc_within_strata_excludes_what_the_stratum_predicts(make_predictions):
    predictions = make_predictions(n=400, strength=0.0)
    strata = (predictions.labels == 1) ^ (np.arange(400) % 10 == 0)
    predictions.probabilities[:] += strata
    table = within_stratum_auc(predictions, strata.astype(np.int64))
    assert abs(table.loc["within_stratum_auc", "value"] - 0.5) < 0.1
    assert table.loc["auc_change", "high"] < -0.2


def test_strata_with_few_positives_are_left_out(make_predictions):
    predictions = make_predictions()
    strata = (np.arange(120) >= 100).astype(np.int64)
    table = auc_by_stratum(predictions, strata, ["early", "late"])
    assert table.index.tolist() == ["early"]
    assert table.loc["early", ["n_films", "n_positive"]].tolist() == [100, 25]
    assert table.loc["early", "low"] < table.loc["early", "value"] < table.loc["early", "high"]


def test_auc_by_decade_is_that_of_the_films_of_the_decade(make_predictions):
    predictions = make_predictions(n=400)
    table = auc_by_decade({"a": predictions, "b": make_predictions(n=400, seed=1)}, n_bootstrap=20)
    assert set(table["model"]) == {"a", "b"}
    row = table[table["model"] == "a"].iloc[0]
    rows = np.flatnonzero(predictions.years // 10 == row["decade"] // 10)
    assert (row["n_films"], row["n_positive"]) == (len(rows), predictions.labels[rows].sum())
    assert row["value"] == pytest.approx(auc(predictions.select_films(rows)))
