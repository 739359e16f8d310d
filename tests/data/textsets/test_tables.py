from collections.abc import Callable
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wholescript.data.labelled.tables import read_split, read_table, split_files, split_from_name
from wholescript.errors import DataError, ParameterError

Make = Callable[..., pd.DataFrame]
Save = Callable[..., Path]

ODD = ['with "quotes", commas', "two\nlines", "a line\u2028separator", "NA", "Ünï\tcode", "null"]


@pytest.mark.parametrize("name", ["own.parquet", "own.csv", "own.tsv", "own.jsonl"])
def test_every_format_gives_the_same_texts(save: Save, name: str) -> None:
    rows = read_table(save(pd.DataFrame({"text": ODD, "label": range(6)}), name)).rows
    assert rows["text"].tolist() == ODD
    assert rows["label"].astype(int).tolist() == list(range(6))


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes("text,label\nÜber,a\n".encode("utf-8-sig"))
    assert list(read_table(tmp_path / "own.csv").rows) == ["text", "label"]


def test_another_encoding_is_named_by_its_line_and_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(b"text,label\nplain,a\n" + "Café,b\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"own.csv is not utf-8: line 3 holds.*0xe9.*--encoding"):
        read_table(path)
    assert read_table(path, "cp1252").rows["text"].tolist() == ["plain", "Café"]
    with pytest.raises(ParameterError, match=r"no encoding 'utf-9'"):
        read_table(path, "utf-9")


def test_broken_utf8_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    latin = pa.array(["Café".encode("latin-1")], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": latin}), path)
    with pytest.raises(DataError, match=r"own.parquet is damaged or not UTF-8"):
        read_table(path)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_truncated_parquet_file(questions: Make, save: Save, kept: float) -> None:
    path = save(questions(90), "own.parquet")
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(DataError, match=r"truncated"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("own.jsonl", '{"text": "a"}\n\n{"text": "b', r"line 3 of own.jsonl is no JSON"),
        ("own.jsonl", '{"text": "a"}\n["b"]\n', r"line 2 of own.jsonl is no JSON object"),
        ("own.csv", 'text,label\n"never closed,a\n', r"own.csv is no csv table"),
        ("own.csv", "text,label\na,b\na,b,c\n", r"own.csv is no csv table.*line 3"),
        ("own.tsv", "", r"own.tsv is no tsv table"),
        ("own.xlsx", "x", r"own.xlsx is not of a kind.*\.jsonl"),
    ],
)
def test_a_damaged_file(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / name)


def test_class_names_that_datasets_stored(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["low", "high"])}
    )
    part = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    part.to_parquet(tmp_path / "train.parquet")
    assert read_table(tmp_path / "train.parquet").names == {"label": ["low", "high"]}


@pytest.mark.parametrize(
    ("word", "split"),
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
def test_the_split_of_a_word(word: str, split: str | None) -> None:
    assert split_from_name(word) == split


def test_the_files_of_a_folder(questions: Make, save: Save, tmp_path: Path) -> None:
    save(questions(6), "test.csv")
    save(questions(6), "train_6.jsonl")
    save(questions(6), "valid.tsv")
    save(questions(6), ".hidden/test.csv")
    (tmp_path / "README.md").write_text("words")
    found = split_files(tmp_path)
    assert {split: [file.name for file in files] for split, files in found.items()} == {
        "train": ["train_6.jsonl"],
        "validation": ["valid.tsv"],
        "test": ["test.csv"],
    }


@pytest.mark.parametrize(
    "names",
    [
        ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
        ["default/train/0000.parquet", "default/train/0001.parquet"],
    ],
)
def test_the_numbered_parts_of_a_split(
    questions: Make, save: Save, tmp_path: Path, names: list[str]
) -> None:
    for number, name in enumerate(names):
        save(questions(3, first=3 * number), name)
    files = split_files(tmp_path)["train"]
    pd.testing.assert_frame_equal(read_split(files).rows, questions(6))


def test_a_lone_file_is_train(questions: Make, save: Save, tmp_path: Path) -> None:
    path = save(questions(3), "mine.csv")
    assert split_files(path) == split_files(tmp_path) == {"train": [path]}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], r"no train file; it holds no such file"),
        (["test.csv"], r"no train file; it holds test.csv"),
        (["a.csv", "b.csv"], r"no train file; it holds a.csv, b.csv"),
        (["train.csv", "train.jsonl"], r"more than one train file: train.csv, train.jsonl"),
        (["train.csv", "train_10k.csv"], r"more than one train file"),
        (["train.csv", "a/train.csv"], r"more than one train file"),
    ],
)
def test_a_folder_that_is_not_clear(
    questions: Make, save: Save, tmp_path: Path, names: list[str], message: str
) -> None:
    for name in names:
        save(questions(3), name)
    with pytest.raises(DataError, match=message):
        split_files(tmp_path)


def test_a_path_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.csv does not exist.*Give a whole file"):
        split_files(tmp_path / "absent.csv")
