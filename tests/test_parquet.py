import pandas as pd
import pytest

from wholescript.errors import RunError
from wholescript.parquet import read_parquet, write_parquet

FRAME = pd.DataFrame({"id": ["tt1", "tt2"], "score": [0.25, None], "year": [1931, 2001]})


@pytest.mark.parametrize("ids", ["id", None])
def test_what_is_packed_is_unpacked(tmp_path, ids):
    write_parquet(FRAME, tmp_path / "p.parquet", ids=ids)
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "p.parquet"), FRAME, check_dtype=False)


def test_the_same_values_are_the_same_bytes(tmp_path):
    other = FRAME.set_index(pd.Index([7, 9]))
    other.attrs["note"] = "of no account"
    for name, frame in (("a", FRAME), ("b", other)):
        write_parquet(frame, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_that_is_cut_off_or_missing_is_an_error(tmp_path):
    write_parquet(FRAME, tmp_path / "p.parquet")
    (tmp_path / "p.parquet").write_bytes((tmp_path / "p.parquet").read_bytes()[:-9])
    for name in ("p.parquet", "q.parquet"):
        with pytest.raises(RunError, match=f"{name} of the run .* cannot be read"):
            read_parquet(tmp_path / name)
