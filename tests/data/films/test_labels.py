from pathlib import Path

import pandas as pd
import pytest

from wholescript.data.films.labels import (
    TARGETS,
    award_labels,
    check_target,
    read_awards,
    to_bool_labels,
)
from wholescript.errors import DataError, ParameterError


def test_labels_are_computed_from_the_awards(awards: Path) -> None:
    ids = pd.Series(["tt0000000", "tt0000004", "tt0000008", "tt0000005", "tt0000006", None])
    found = award_labels(ids, read_awards(awards))
    assert list(found) == list(TARGETS)
    assert found.to_numpy().astype(int).tolist() == [
        [1, 1, 1, 1],  # writing, won
        [1, 0, 1, 0],  # writing, listed together with another film
        [1, 0, 1, 1],  # writing nominee and music winner
        [0, 0, 1, 1],  # music only
        [0, 0, 0, 0],  # honorary award, which is not a nomination
        [0, 0, 0, 0],  # no id; the table also has rows without one
    ]


def test_invalid_awards_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read.*oscar_data"):
        read_awards(tmp_path / "absent.tsv")
    (tmp_path / "commas.csv").write_text("Class,FilmId,Winner\n")
    with pytest.raises(DataError, match=r"no column"):
        read_awards(tmp_path / "commas.csv")


def test_unknown_target_suggests_the_nearest() -> None:
    with pytest.raises(ParameterError, match=r"mean 'won_writing'"):
        check_target("won_writting")


@pytest.mark.parametrize("values", [[True, False], [1, 0], [1.0, 0.0]])
def test_true_false_and_0_1_are_labels(values: list[object]) -> None:
    assert to_bool_labels(pd.Series(values), "won").tolist() == [True, False]


@pytest.mark.parametrize("values", [[0, 2], ["yes", "no"], [True, None], [1.0, float("nan")]])
def test_other_labels_are_an_error(values: list[object]) -> None:
    with pytest.raises(DataError, match=r"'won' has .* in [12] row"):
        to_bool_labels(pd.Series(values), "won")
