import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.learning_curves import find_crossover

SIZES = [50, 100, 200, 400, 800]


def curve(start, gain, n_seeds=4, noise=0.0, seed=0):
    """Return scores that grow linearly with each doubling of the size, (seeds, 5)."""
    rng = np.random.default_rng(seed)
    return start + gain * np.arange(5) + rng.normal(scale=noise or 1e-12, size=(n_seeds, 5))


def test_curves_cross_at_the_interpolated_size():
    # On doublings: 0.7 + 0.02 x = 0.6 + 0.06 x at x = 2.5, between 200 and 400.
    slow, fast = curve(0.7, 0.02), curve(0.6, 0.06)
    found = find_crossover(SIZES, fast, slow)
    assert found.n_train == pytest.approx(50 * 2**2.5)
    assert found.best_after == "a"
    assert found.low == pytest.approx(found.n_train)
    assert found.high == pytest.approx(found.n_train)
    assert find_crossover(SIZES, slow, fast).best_after == "b"
    assert find_crossover(SIZES, slow, fast).n_train == pytest.approx(found.n_train)


def test_curves_without_a_crossing_give_none():
    assert find_crossover(SIZES, curve(0.7, 0.02), curve(0.6, 0.02)) is None
    assert find_crossover(SIZES, [[0.5] * 5], [[0.5] * 5]) is None
    equal_at_first = [[0.5, 0.6, 0.7, 0.8, 0.9]]
    assert find_crossover(SIZES, equal_at_first, [[0.5] * 5]) is None
    equal_at_the_end = [[0.1, 0.2, 0.3, 0.4, 0.5]]
    assert find_crossover(SIZES, equal_at_the_end, [[0.5] * 5]) is None


def test_the_last_crossing_counts():
    a = [[0.4, 0.6, 0.4, 0.6, 0.6]]
    found = find_crossover(SIZES, a, [[0.5] * 5])
    assert found.n_train == pytest.approx(np.sqrt(200 * 400))
    assert (found.low, found.high) == (None, None)
    at_a_size = find_crossover(SIZES, [[0.4, 0.5, 0.6, 0.6, 0.6]], [[0.5] * 5])
    assert at_a_size.n_train == pytest.approx(100)


def test_the_interval_is_over_seeds():
    slow, fast = (curve(s, g, noise=0.01, seed=s_) for s, g, s_ in ((0.7, 0.02, 1), (0.6, 0.06, 2)))
    found = find_crossover(SIZES, fast, slow)
    assert 100 < found.low < found.n_train < found.high < 800
    assert find_crossover(SIZES, fast, slow) == found
    noisy = find_crossover(SIZES, curve(0.6, 0.06, noise=0.05, seed=1), slow)
    assert noisy.high - noisy.low > found.high - found.low


def test_bounds_beyond_the_sizes_are_zero_or_infinite():
    late = np.array([[0.4, 0.4, 0.4, 0.4, 0.7], [0.4, 0.4, 0.4, 0.4, 0.4]] * 2)
    assert find_crossover(SIZES, late, np.full((4, 5), 0.5)).high == np.inf
    early = np.array([[0.0, 0.6, 0.7, 0.7, 0.7], [0.8, 0.6, 0.7, 0.7, 0.7]] * 2)
    assert find_crossover(SIZES, early, np.full((4, 5), 0.5)).low == 0


@settings(max_examples=50, deadline=None)
@given(st.floats(0.05, 3.95), st.floats(0.01, 0.2))
def test_any_planted_crossing_is_found(doublings, slope):
    rising = [slope * (np.arange(5) - doublings)]
    found = find_crossover(SIZES, rising, [[0.0] * 5])
    assert found.n_train == pytest.approx(50 * 2**doublings)


@pytest.mark.parametrize("sizes", [[50], [50, 50, 100, 200, 400], [0, 1, 2, 3, 4], [5, 4, 3, 2, 1]])
def test_sizes_must_ascend(sizes):
    with pytest.raises(ParameterError, match=r"two or more sizes in ascending order"):
        find_crossover(sizes, [[0.5] * 5], [[0.5] * 5])


def test_scores_must_fit_the_sizes():
    good = [[0.5] * 5]
    with pytest.raises(DataError, match=r"curve b have the shape \(1, 4\); \(seeds, 5\) is needed"):
        find_crossover(SIZES, good, [[0.5] * 4])
    with pytest.raises(DataError, match=r"curve a have the shape \(5,\)"):
        find_crossover(SIZES, good[0], good)
    with pytest.raises(DataError, match=r"curve a has a score that is not finite at n_train=200"):
        find_crossover(SIZES, [[0.5, 0.5, np.nan, 0.5, 0.5]], good)
