import math

import numpy as np
import pytest

from wholescript.errors import DataError
from wholescript.studies.headlines.losses import (
    HeadlineLosses,
    mean_bits_per_byte,
    paired_difference,
)

N_BYTES = np.random.default_rng(0).integers(20, 80, 400).astype(np.int32)


def losses(seed, level=1.0, noise=0.2):
    bits_per_byte = np.random.default_rng(seed).normal(level, noise, len(N_BYTES))
    return HeadlineLosses((bits_per_byte * N_BYTES * math.log(2)).astype(np.float32), N_BYTES)


def test_losses_are_summed_over_tokens_and_divided_by_utf8_bytes():
    token_nll = [np.array([1.0, 2.0], np.float32), np.array([0.5], np.float32)]
    found = HeadlineLosses.from_token_nll(["café", "x"], token_nll)
    assert found.nats.tolist() == [3.0, 0.5] and found.n_bytes.tolist() == [6, 2]
    assert found.bits_per_byte == pytest.approx(3.5 / 8 / math.log(2))


def test_interval_covers_headlines_and_seeds():
    value, low, high = mean_bits_per_byte([losses(1)])
    assert low < value < high
    expected = 1.96 * 0.2 / math.sqrt(400)
    assert (high - low) / 2 == pytest.approx(expected, rel=0.3)
    _, seeds_low, seeds_high = mean_bits_per_byte([losses(1, 0.9), losses(2, 1.0), losses(3, 1.1)])
    assert seeds_high - seeds_low > 3 * (high - low)


def test_pairing_narrows_the_interval_of_a_difference():
    baseline = losses(1)
    lower = HeadlineLosses(baseline.nats * np.float32(0.6), N_BYTES)
    found = paired_difference([lower], [baseline])
    assert found["ratio"] == pytest.approx(0.6, abs=1e-5)
    assert found["ratio_high"] - found["ratio_low"] < 1e-5
    assert found["high"] < 0
    assert found["value"] == pytest.approx(lower.bits_per_byte - baseline.bits_per_byte)
    same = paired_difference([baseline], [baseline])
    assert same[["value", "low", "high"]].tolist() == [0, 0, 0]


def test_different_headlines_cannot_be_paired():
    other = HeadlineLosses(losses(1).nats[::-1].copy(), N_BYTES[::-1].copy())
    with pytest.raises(DataError, match="different headlines"):
        paired_difference([losses(1)], [other])


def test_stored_losses_have_three_decimals():
    found = HeadlineLosses.from_frame(losses(1).to_frame())
    np.testing.assert_allclose(found.nats, losses(1).nats, atol=1e-3)
    assert found.bits_per_byte == pytest.approx(losses(1).bits_per_byte, rel=1e-5)


def test_invalid_losses_raise():
    with pytest.raises(DataError, match="2 losses for 1 headlines"):
        HeadlineLosses(np.ones(2, np.float32), np.ones(1, np.int32))
    with pytest.raises(DataError, match="not finite"):
        HeadlineLosses(np.array([np.nan], np.float32), np.ones(1, np.int32))
