import pandas as pd
import pytest

from wholescript.errors import RunError
from wholescript.parquet import read_parquet, write_parquet

FRAME = pd.DataFrame({"id": ["tt1", "tt2"], "score": [0.25, None], "year": [1931, 2001]})


def test_tables_survive_a_round_trip(tmp_path):
    write_parquet(FRAME, tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "p.parquet"), FRAME, check_dtype=False)


def test_equal_values_give_equal_bytes(tmp_path):
    other = FRAME.set_index(pd.Index([7, 9]))
    other.attrs["note"] = "ignored"
    for name, frame in (("a", FRAME), ("b", other)):
        write_parquet(frame, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_truncated_or_missing_file_is_an_error(tmp_path):
    write_parquet(FRAME, tmp_path / "p.parquet")
    (tmp_path / "p.parquet").write_bytes((tmp_path / "p.parquet").read_bytes()[:-9])
    for name in ("p.parquet", "q.parquet"):
        with pytest.raises(RunError, match=f"cannot read {name} of the run"):
            read_parquet(tmp_path / name)
