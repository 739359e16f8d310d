import pandas as pd
import pytest

from wholescript.data.headlines import BUNDLED_FILE, load_headlines, split_headlines
from wholescript.errors import DataError, ParameterError
from wholescript.files import sha256_of
from wholescript.project import Project


def write_table(path, headlines):
    pd.DataFrame({"title": headlines}).to_parquet(path)
    return path


def test_last_tenth_is_the_validation_split(tmp_path):
    headlines = [f"Show HN: number {i}" for i in range(60)]
    found = split_headlines(pd.Series(headlines), 40, "local", "x")
    assert found.train == headlines[:36] and found.validation == headlines[36:40]


@pytest.mark.parametrize("name", ["h.parquet", "h.txt", "h.csv"])
def test_a_sorted_file_is_not_cut_at_its_ends(tmp_path, name):
    headlines = [f"{chr(97 + i // 40)} headline of the day {i}" for i in range(1_000)]
    path = tmp_path / name
    if path.suffix == ".parquet":
        write_table(path, headlines)
    else:
        path.write_text("\n".join(["title"] * (name == "h.csv") + headlines))
    found = load_headlines(path, n_headlines=500)
    for part in (found.train, found.validation):
        assert len({headline[0] for headline in part}) > 15
    assert not set(found.train) & set(found.validation)
    assert found == load_headlines(path, n_headlines=500) and found.source == "local"
    assert found.fingerprint != sha256_of(path)  # that of a run on the first ones, in their order


def test_the_bundled_file_keeps_its_order():
    bundled = Project().root / BUNDLED_FILE
    found = load_headlines(bundled, n_headlines=20)
    assert [*found.train, *found.validation] == pd.read_parquet(bundled)["title"].head(20).tolist()
    assert found.fingerprint == sha256_of(bundled)


def test_headlines_are_stripped_and_empty_ones_dropped():
    column = pd.Series(["  Ask HN ", None, " ", *[f"headline {i}" for i in range(20)]])
    found = split_headlines(column, 10, "local", "x")
    assert found.train[0] == "Ask HN" and found.train[1] == "headline 0"
    assert len(found.train) + len(found.validation) == 10


def test_val_overlap_is_the_share_of_validation_headlines_in_train():
    column = pd.Series([*[f"headline {i}" for i in range(18)], "headline 3", "new"])
    assert split_headlines(column, 20, "local", "x").val_overlap == 0.5


def test_too_few_headlines_raise(tmp_path):
    path = write_table(tmp_path / "h.parquet", ["one", "two"] * 6)
    with pytest.raises(DataError, match="n_headlines=13, but there are only 12"):
        load_headlines(path, n_headlines=13)
    with pytest.raises(ParameterError, match="n_headlines=9"):
        load_headlines(path, n_headlines=9)


def test_lines_of_a_text_file_are_headlines(tmp_path):
    path = tmp_path / "headlines.txt"
    path.write_text("\ufeff" + "\n".join(f"Über {i}\u2028, all of it" for i in range(20)) + "\n\n")
    found = load_headlines(path, n_headlines=None)
    assert found.counts == {"train": 18, "validation": 2}
    assert "Über 0\u2028, all of it" in [*found.train, *found.validation]
    path.write_bytes(b"caf\xe9\n" * 20)
    with pytest.raises(DataError, match=r"headlines\.txt is not UTF-8"):
        load_headlines(path)


@pytest.mark.parametrize("name", ["titels.txt", "titels.csv", "titels.parquet"])
def test_a_mistyped_file_is_told_with_the_nearest(tmp_path, name):
    near = (tmp_path / name.replace("titels", "titles")).name
    (tmp_path / near).touch()
    with pytest.raises(DataError, match=f"{name} does not exist; did you mean '{near}'"):
        load_headlines(tmp_path / name)
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(DataError, match=r"folder\.txt is a folder: give one file"):
        load_headlines(tmp_path / "folder.txt")


def test_first_headlines_are_split_again(tmp_path):
    path = write_table(tmp_path / "h.parquet", [f"number {i}" for i in range(60)])
    first = load_headlines(path, n_headlines=None).first(20)
    direct = load_headlines(path, n_headlines=20)
    assert first == direct and first.counts == {"train": 18, "validation": 2}
    assert direct.first(100) == direct


def test_headlines_of_another_column(tmp_path):
    pd.DataFrame({"Body": [f"number {i}" for i in range(20)]}).to_csv(tmp_path / "h.csv")
    found = load_headlines(tmp_path / "h.csv", n_headlines=20, text_column="Body")
    assert sorted([*found.train, *found.validation]) == sorted(f"number {i}" for i in range(20))


def test_file_without_title_column_raises(tmp_path):
    pd.DataFrame({"headline": ["a"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataError, match="title"):
        load_headlines(tmp_path / "other.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"cut\.parquet"):
        load_headlines(tmp_path / "cut.parquet")
