import math

import numpy as np
import pytest

from wholescript.errors import DataError, RunError
from wholescript.studies.headlines.losses import HeadlineLosses, difference, mean_bits_per_byte

SIZES = np.random.default_rng(0).integers(20, 80, 400).astype(np.int32)


def losses(seed, level=1.0, noise=0.2):
    drawn = np.random.default_rng(seed).normal(level, noise, len(SIZES))
    return HeadlineLosses((drawn * SIZES * math.log(2)).astype(np.float32), SIZES)


def test_a_titles_loss_is_that_of_its_tokens_and_its_bytes_those_of_utf_8():
    parts = [np.array([1.0, 2.0], np.float32), np.array([0.5], np.float32)]
    found = HeadlineLosses.of(["café", "x"], parts)
    assert found.nats.tolist() == [3.0, 0.5] and found.bytes.tolist() == [6, 2]
    assert found.bits_per_byte == pytest.approx(3.5 / 8 / math.log(2))


def test_the_interval_is_over_titles_and_seeds():
    value, low, high = mean_bits_per_byte([losses(1)])
    assert low < value < high
    expected = 1.96 * 0.2 / math.sqrt(400)
    assert (high - low) / 2 == pytest.approx(expected, rel=0.3)
    apart = mean_bits_per_byte([losses(1, 0.9), losses(2, 1.0), losses(3, 1.1)])
    assert apart[2] - apart[1] > 3 * (high - low)


def test_pairing_narrows_the_difference():
    base = losses(1)
    lower = HeadlineLosses(base.nats * np.float32(0.6), SIZES)
    found = difference([lower], [base])
    assert found["ratio"] == pytest.approx(0.6, abs=1e-5)
    assert found["ratio_high"] - found["ratio_low"] < 1e-5
    assert found["high"] < 0
    assert found["value"] == pytest.approx(lower.bits_per_byte - base.bits_per_byte)
    same = difference([base], [base])
    assert same[["value", "low", "high"]].tolist() == [0, 0, 0]


def test_other_titles_cannot_be_paired():
    other = HeadlineLosses(losses(1).nats[::-1].copy(), SIZES[::-1].copy())
    with pytest.raises(DataError, match="other titles"):
        difference([losses(1)], [other])


def test_what_is_written_is_read_again(tmp_path):
    losses(1).write(tmp_path / "titles.parquet")
    again = HeadlineLosses.read(tmp_path / "titles.parquet")
    np.testing.assert_allclose(again.nats, losses(1).nats, atol=1e-3)
    assert again.bits_per_byte == pytest.approx(losses(1).bits_per_byte, rel=1e-5)
    (tmp_path / "titles.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match=r"titles\.parquet"):
        HeadlineLosses.read(tmp_path / "titles.parquet")


def test_what_has_no_mean_is_refused():
    with pytest.raises(DataError, match="2 losses are of 1 titles"):
        HeadlineLosses(np.ones(2, np.float32), np.ones(1, np.int32))
    with pytest.raises(DataError, match="not finite"):
        HeadlineLosses(np.array([np.nan], np.float32), np.ones(1, np.int32))
