"""Settings: fields and arguments are checked by their annotations."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest

from wholescript.errors import ParameterError
from wholescript.settings import (
    Grid,
    NgramRange,
    PositiveFloat,
    PositiveInt,
    Seed,
    Settings,
    bounds,
    check_fields,
    checked,
)


@dataclass
class Example(Settings):
    n: PositiveInt = 1
    rate: PositiveFloat = 1e-3
    kind: Literal["full", "lora"] = "full"
    n_layer: PositiveInt | None = None
    Cs: Grid = (1.0,)
    ngrams: NgramRange = (1, 2)
    anything: object = None


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("n", 0, "n=0 must be a whole number, at least 1"),
        ("n", 1.5, "n=1.5 must be a whole number, at least 1"),
        ("n", "1", "n='1' must be a whole number, at least 1"),
        ("n", True, "n=True must be"),
        ("rate", float("nan"), "rate=nan must be a number, above 0"),
        ("rate", float("inf"), "rate=inf must be a number, above 0"),
        ("kind", "lroa", "kind='lroa' is none of full, lora; did you mean 'lora'?"),
        ("n_layer", 0, "n_layer=0 must be a whole number, at least 1"),
        ("Cs", (), "not empty"),
        ("Cs", (1.0, -1.0), "each a number, above 0"),
        ("ngrams", (1, 2, 3), "must be 2 values, each a whole number, at least 1"),
    ],
)
def test_value_out_of_range_is_refused(field, value, message):
    with pytest.raises(ParameterError) as error:
        Example(**{field: value})
    assert message in str(error.value)


def test_value_in_range_is_kept_as_it_is():
    made = Example(np.int64(3), 1, "lora", 2, [1.0], [1, 3], object())
    assert type(made.n) is np.int64 and type(made.rate) is int and made.Cs == [1.0]
    made.n = -1
    with pytest.raises(ParameterError, match="n=-1"):
        check_fields(made)


def test_arguments_of_a_checked_function():
    @checked
    def draw(texts: list[str], *, seed: Seed = 0) -> int:
        return seed

    assert draw(["a"], seed=7) == 7
    with pytest.raises(ParameterError, match=r"seed=-1 must be .* below 4,294,967,296"):
        draw(["a"], seed=-1)


def test_bounds_are_those_of_the_help():
    assert bounds(PositiveInt | None) == "at least 1"
    assert bounds(int) == ""
