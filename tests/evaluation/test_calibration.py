import numpy as np

from wholescript.evaluation.calibration import calibration_curve, equal_mass_bins


def test_bins_have_equal_mass_and_keep_ties_together():
    rng = np.random.default_rng(0)
    bins = equal_mass_bins(rng.random(200))
    assert (np.bincount(bins) == 20).all()
    tied = equal_mass_bins(np.repeat([0.1, 0.5], [150, 50]))
    assert set(tied[:150]) == {0}
    assert len(set(tied[150:])) == 1


def test_calibration_curve_of_a_calibrated_model_is_the_diagonal():
    rng = np.random.default_rng(0)
    scores = rng.random(5000)
    curve = calibration_curve((rng.random(5000) < scores).astype(np.int8), scores)
    assert list(curve.columns) == ["n", "predicted", "observed", "low", "high"]
    assert len(curve) == 10
    assert curve["n"].sum() == 5000
    assert np.abs(curve["predicted"] - curve["observed"]).max() < 0.06
    assert ((curve["low"] < curve["observed"]) & (curve["observed"] < curve["high"])).all()
    unscored = np.append(scores, np.nan)
    labels = np.append((scores > 0.5).astype(np.int8), 1)
    assert calibration_curve(labels, unscored)["n"].sum() == 5000
