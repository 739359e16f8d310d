import pytest

from wholescript.publish.tables.units import compact, duration

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (5.6, "5.6 s"),
        (13.3, "13 s"),
        (59.4, "59 s"),
        (59.6, "1.0 min"),
        (100, "1.7 min"),
        (1_717.7, "29 min"),
        (3_590, "1.0 h"),
        (7_482.4, "2.1 h"),
        (43_000, "12 h"),
    ],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown.replace(" ", SPACE)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (8_993, "8,993"),
        (29_645, "29.6 k"),
        (836_301, "836 k"),
        (2_486_669, "2.49 M"),
        (9_996_000, "10.0 M"),
        (137_001_677, "137 M"),
        (1.3e9, "1.30 B"),
    ],
)
def test_compact(value: float, shown: str) -> None:
    assert compact(value) == shown.replace(" ", SPACE)
