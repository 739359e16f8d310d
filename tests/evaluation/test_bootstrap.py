import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.evaluation.bootstrap import (
    RESAMPLES_PER_BATCH,
    BootstrapResult,
    draw_counts,
    draw_group_counts,
    draw_multinomial_counts,
    draw_seed_counts,
    holm,
    mean_over_resampled_seeds,
    percentile_interval,
    two_sided_p_value,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_counts_do_not_depend_on_the_batches():
    n_bootstrap = 2 * RESAMPLES_PER_BATCH + 7
    batches = list(draw_counts(9, n_bootstrap, rng()))
    assert [len(batch) for batch in batches] == [RESAMPLES_PER_BATCH, RESAMPLES_PER_BATCH, 7]
    drawn = rng().integers(9, size=(n_bootstrap, 9))
    expected = [np.bincount(row, minlength=9) for row in drawn]
    np.testing.assert_array_equal(np.concatenate(batches), expected)


def test_whole_groups_are_drawn():
    groups = np.array(["b", "a", "b", "c"], object)
    counts = draw_group_counts(groups, 50, rng())
    assert counts.shape == (50, 4)
    np.testing.assert_array_equal(counts[:, 0], counts[:, 2])
    assert (counts[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_cells_are_drawn_by_their_share():
    counts = draw_multinomial_counts([90, 10], 2000, rng())
    assert (counts.sum(axis=1) == 100).all()
    assert counts[:, 1].mean() == pytest.approx(10, rel=0.05)
    assert counts[:, 1].var() == pytest.approx(9, rel=0.1)


def test_one_seed_is_always_drawn_and_of_several_all_but_one():
    assert (draw_seed_counts(1, 5, rng()) == 1).all()
    assert (draw_seed_counts(4, 50, rng()).sum(axis=1) == 3).all()


def test_resampled_seeds_give_the_unbiased_variance_of_their_mean():
    scores = rng().normal(size=(3, 1, 1))
    resampled = mean_over_resampled_seeds(np.repeat(scores, 20_000, axis=2), rng(1))
    assert resampled.mean() == pytest.approx(scores.mean(), abs=0.02)
    assert resampled.var() == pytest.approx(scores.var(ddof=1) / 3, rel=0.05)


def test_undefined_resamples_are_left_out_of_the_interval():
    values = np.arange(101.0)
    resampled = np.stack([np.append(values, np.nan), np.append(values, 50)])
    low, high = percentile_interval(resampled, 0.9)
    assert (low[0], high[0]) == pytest.approx((5, 95))
    assert low[1] > 5


def test_p_values_are_two_sided_and_never_zero():
    differences = np.array([[1.0] * 97 + [-1.0] * 2, [1.0] * 99, [0.0] * 99])
    assert two_sided_p_value(differences) == pytest.approx([0.06, 0.02, 1])


def test_differences_and_ratios_pair_the_resamples():
    drawn = rng().normal(2, 0.1, size=(1, 500))
    a = BootstrapResult(("error",), np.array([[1.0], [3.0]]), drawn)
    b = BootstrapResult(("error",), np.array([[4.0]]), 2 * drawn)
    table = a.table().loc[0]
    assert (table["value"], table["std"]) == (2, pytest.approx(np.sqrt(2)))
    assert table["low"] < 2 < table["high"]
    difference, ratio = a.difference_from(b).loc[0], a.ratio_to(b).loc[0]
    assert (difference["value"], difference["p"]) == (-2, pytest.approx(2 / 501))
    assert ratio[["value", "low", "high"]].tolist() == pytest.approx([0.5, 0.5, 0.5])
    zero = BootstrapResult(("error",), np.array([[0.0]]), drawn)
    assert a.ratio_to(zero).loc[0, "value"] == np.inf


def test_holm_adjusts_a_known_example():
    # 0.01 * 4, 0.02 * 3, 0.03 * 2 (at least the one before), 0.9.
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.6, 0.7]).tolist() == [1, 1]
    assert holm([0.2]).tolist() == [0.2]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_is_at_most_bonferroni(p_values):
    p, adjusted = np.array(p_values), holm(p_values)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(p * len(p) + 1e-12, 1)).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()
