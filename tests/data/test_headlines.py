import pandas as pd
import pytest

from wholescript.data.headlines import load_headlines, split_headlines
from wholescript.errors import DataError, ParameterError


def written(path, titles):
    pd.DataFrame({"title": titles}).to_parquet(path)
    return path


def test_the_last_tenth_is_held_out(tmp_path):
    titles = [f"Show HN: number {i}" for i in range(60)]
    found = load_headlines(written(tmp_path / "titles.parquet", titles), titles=40)
    assert found.train == titles[:36] and found.validation == titles[36:40]
    assert found.source == "local" and len(found.fingerprint) == 64


def test_titles_are_stripped_and_empty_ones_left_out():
    column = pd.Series(["  Ask HN ", None, " ", *[f"title {i}" for i in range(20)]])
    found = split_headlines(column, 10, "local", "x")
    assert found.train[0] == "Ask HN" and found.train[1] == "title 0"
    assert len(found.train) + len(found.validation) == 10


def test_titles_that_stand_on_both_sides_are_told():
    column = pd.Series([*[f"title {i}" for i in range(18)], "title 3", "new"])
    assert split_headlines(column, 20, "local", "x").shared == 0.5


def test_too_few_titles_are_an_error(tmp_path):
    path = written(tmp_path / "titles.parquet", ["one", "two"] * 6)
    with pytest.raises(DataError, match="12 titles that are not empty, 13 are asked for"):
        load_headlines(path, titles=13)
    with pytest.raises(ParameterError, match="titles=9"):
        load_headlines(path, titles=9)


def test_a_file_without_titles_is_an_error(tmp_path):
    pd.DataFrame({"headline": ["a"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataError, match="title"):
        load_headlines(tmp_path / "other.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"cut\.parquet"):
        load_headlines(tmp_path / "cut.parquet")
