import numpy as np
import pytest

from wholescript.evaluation.metrics import score
from wholescript.evaluation.strata import auc_by_stratum, within_stratum_auc


def test_one_stratum_for_all_loses_nothing(make_predictions):
    predictions = make_predictions()
    table = within_stratum_auc(predictions, np.zeros(120, np.int64))
    assert table.loc["within", "value"] == pytest.approx(score(predictions, ["auc"])["auc"])
    assert table.loc["lost", ["value", "low", "high"]].tolist() == [0, 0, 0]


def test_what_the_stratum_alone_tells_is_lost(make_predictions):
    predictions = make_predictions(n=400, strength=0.0)
    strata = (predictions.labels == 1) ^ (np.arange(400) % 10 == 0)
    predictions.scores[:] += strata
    table = within_stratum_auc(predictions, strata.astype(np.int64))
    assert abs(table.loc["within", "value"] - 0.5) < 0.1
    assert table.loc["lost", "high"] < -0.2


def test_strata_of_few_positives_have_no_auc_of_their_own(make_predictions):
    predictions = make_predictions()
    strata = (np.arange(120) >= 100).astype(np.int64)
    table = auc_by_stratum(predictions, strata, ["early", "late"])
    assert table.index.tolist() == ["early"]
    assert table.loc["early", ["films", "positive"]].tolist() == [100, 25]
    assert table.loc["early", "low"] < table.loc["early", "value"] < table.loc["early", "high"]
