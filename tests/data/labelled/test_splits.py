import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from wholescript.data.labelled.splits import read_split, split_files, split_from_name, unused_files
from wholescript.errors import DataError

Make = Callable[..., pd.DataFrame]
Save = Callable[..., Path]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("train_10k", "train"),
        ("Test-00000-of-00001", "test"),
        ("dev", "validation"),
        ("unsupervised", "unsupervised"),
        ("trainer", None),
        ("0000", None),
        ("notes", None),
    ],
)
def test_split_from_name(name: str, split: str | None) -> None:
    assert split_from_name(name) == split


def test_files_of_a_folder(questions: Make, save: Save, tmp_path: Path) -> None:
    save(questions(6), "test.csv").rename(tmp_path / "test.CSV")
    save(questions(6), "train_6.jsonl")
    save(questions(6), "valid.tsv")
    save(questions(6), ".hidden/test.csv")
    (tmp_path / "README.md").write_text("text")
    found = split_files(tmp_path)
    assert {split: [file.name for file in files] for split, files in found.items()} == {
        "train": ["train_6.jsonl"],
        "validation": ["valid.tsv"],
        "test": ["test.CSV"],
    }
    used = [file for files in found.values() for file in files]
    assert unused_files(tmp_path, used) == ["README.md"]
    assert unused_files(tmp_path, used[1:]) == ["README.md", "train_6.jsonl"]
    assert unused_files(tmp_path / "test.csv", used) == []


def test_capital_suffixes_are_tables_too(questions: Make, save: Save, tmp_path: Path) -> None:
    save(questions(6), "train.csv")
    save(questions(6), "test.csv").rename(tmp_path / "TEST.CSV")
    assert [file.name for file in split_files(tmp_path)["test"]] == ["TEST.CSV"]


@pytest.mark.parametrize(
    "names",
    [
        ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
        ["train-00000-of-00002.csv.gz", "train-00001-of-00002.csv.gz"],
        ["default/train/0000.parquet", "default/train/0001.parquet"],
    ],
)
def test_shards_of_a_split_are_concatenated(
    questions: Make, save: Save, tmp_path: Path, names: list[str]
) -> None:
    for number, name in enumerate(names):
        path = save(questions(3, first=3 * number), name.removesuffix(".gz"))
        if name.endswith(".gz"):
            (tmp_path / name).write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    files = split_files(tmp_path)["train"]
    pd.testing.assert_frame_equal(read_split(files).frame, questions(6))


def test_single_file_is_train(questions: Make, save: Save, tmp_path: Path) -> None:
    path = save(questions(3), "mine.csv")
    assert split_files(path) == split_files(tmp_path) == {"train": [path]}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], r"no train file; it has no table"),
        (["test.csv"], r"no train file; it has test.csv"),
        (["a.csv", "b.csv"], r"no train file; it has a.csv, b.csv"),
        (["train.csv", "train.jsonl"], r"more than one train file: train.csv, train.jsonl"),
        (["train.csv", "train_10k.csv"], r"more than one train file"),
        (["train.csv", "a/train.csv"], r"more than one train file"),
    ],
)
def test_ambiguous_folder_is_an_error(
    questions: Make, save: Save, tmp_path: Path, names: list[str], message: str
) -> None:
    for name in names:
        save(questions(3), name)
    with pytest.raises(DataError, match=message):
        split_files(tmp_path)


def test_absent_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.csv does not exist.*Give a complete file"):
        split_files(tmp_path / "absent.csv")
