import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, matthews_corrcoef

from wholescript.evaluation.thresholds import best_threshold

REFERENCE = {
    "macro_f1": lambda y, predicted: f1_score(y, predicted, average="macro", zero_division=0),
    "mcc": matthews_corrcoef,
}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 30), st.sampled_from(sorted(REFERENCE)))
def test_no_threshold_gives_a_higher_metric(seed, n, metric):
    rng = np.random.default_rng(seed)
    labels, scores = (np.arange(n) % 3 == 0).astype(np.int8), rng.random(n).round(1)
    value = REFERENCE[metric]
    candidates = [
        (a + b) / 2 for a, b in zip(np.unique(scores), np.unique(scores)[1:], strict=False)
    ]
    found = value(labels, scores >= best_threshold(labels, scores, metric))
    assert found == pytest.approx(
        max((value(labels, scores >= cut) for cut in candidates), default=found)
    )


def test_a_single_score_is_its_own_threshold():
    assert best_threshold(np.array([0, 1], np.int8), np.array([0.2, 0.2])) == 0.2


def test_the_threshold_of_separable_scores_is_the_midpoint_of_the_gap():
    assert best_threshold(np.array([0, 0, 1], np.int8), np.array([0.1, 0.2, 0.6])) == pytest.approx(
        0.4
    )
