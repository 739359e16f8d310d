"""Numbers for readers: decimals of intervals, zeros without a sign, durations."""

import pytest

from wholescript.number_format import duration, interval_format, unsigned_zero


@pytest.mark.parametrize(
    ("seconds", "short", "in_full"),
    [
        (0.0, "0 s", "0 seconds"),
        (0.0042, "0.0042 s", "0.0042 seconds"),
        (1.0, "1 s", "1 second"),
        (2.51, "2.5 s", "2.5 seconds"),
        (89, "89 s", "89 seconds"),
        (90, "1.5 min", "1.5 minutes"),
        (1_711, "29 min", "29 minutes"),
        (5_400, "1.5 h", "1.5 hours"),
        (100_000, "28 h", "28 hours"),
    ],
)
def test_a_duration_is_in_seconds_minutes_or_hours(
    seconds: float, short: str, in_full: str
) -> None:
    assert duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == short
    assert duration(seconds, in_full=True).replace("\N{NO-BREAK SPACE}", " ") == in_full


@pytest.mark.parametrize(
    ("interval", "spec"),
    [
        ((0.751, 0.710, 0.791), ".3f"),
        ((0.0312, 0.0308, 0.04), ".4f"),  # 0.031 (0.031 to 0.040)
        ((0.018, -0.0004, 0.04), ".4f"),  # the sign of the lower bound
        ((0.0, 0.0, 0.0), ".3f"),
        ((0.5, 0.5000001, 0.5), ".3f"),
        ((2e-5, 1e-6, 3.4e-5), ".5f"),
    ],
)
def test_bounds_differ_from_the_value_as_shown(interval: tuple[float, ...], spec: str) -> None:
    assert interval_format(".3f", *interval) == spec


def test_formats_without_decimals_stay() -> None:
    assert interval_format(",.0f", 10.2, 10.1, 12) == ",.1f"
    assert interval_format("d", 10, 10, 12) == "d"


def test_zero_has_no_sign() -> None:
    assert [unsigned_zero(shown) for shown in ("-0.000", "+0.0%", "-0.001")] == [
        "0.000", "0.0%", "-0.001"
    ]  # fmt: skip
