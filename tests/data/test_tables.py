from collections.abc import Callable
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wholescript.data.tables import TextFormat, read_table
from wholescript.errors import DataError, ParameterError

Make = Callable[..., pd.DataFrame]
Save = Callable[..., Path]

ODD = ['with "quotes", commas', "two\nlines", "a line\u2028separator", "NA", "Ünï\tcode", "null"]


@pytest.mark.parametrize("name", ["own.parquet", "own.csv", "own.tsv", "own.jsonl"])
def test_every_format_gives_the_same_texts(save: Save, name: str) -> None:
    rows = read_table(save(pd.DataFrame({"text": ODD, "label": range(6)}), name)).frame
    assert rows["text"].tolist() == ODD
    assert rows["label"].astype(int).tolist() == list(range(6))


def test_byte_order_mark_is_not_part_of_a_column_name(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes("text,label\nÜber,a\n".encode("utf-8-sig"))
    assert list(read_table(tmp_path / "own.csv").frame) == ["text", "label"]


def test_encoding_error_gives_the_line_and_encoding_can_be_passed(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(b"text,label\nplain,a\n" + "Café,b\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"own.csv is not utf-8: line 3 contains.*0xe9.*--encoding"):
        read_table(path)
    assert read_table(path, TextFormat("cp1252")).frame["text"].tolist() == ["plain", "Café"]
    with pytest.raises(ParameterError, match=r"unknown encoding 'utf-9'"):
        read_table(path, TextFormat("utf-9"))


def test_invalid_utf8_in_parquet_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    latin = pa.array(["Café".encode("latin-1")], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": latin}), path)
    with pytest.raises(DataError, match=r"own.parquet is damaged or not UTF-8"):
        read_table(path)


@pytest.mark.parametrize("length", [0, 10, 0.5, 0.99])
def test_truncated_parquet_file_is_an_error(questions: Make, save: Save, length: float) -> None:
    path = save(questions(90), "own.parquet")
    content = path.read_bytes()
    path.write_bytes(content[: length if isinstance(length, int) else int(length * len(content))])
    with pytest.raises(DataError, match=r"truncated"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("own.jsonl", '{"text": "a"}\n\n{"text": "b', r"line 3 of own.jsonl is not JSON"),
        ("own.jsonl", '{"text": "a"}\n["b"]\n', r"line 2 of own.jsonl is not a JSON object"),
        ("own.csv", 'text,label\n"never closed,a\n', r"own.csv is not a csv table"),
        ("own.csv", "text,label\na,b\na,b,c\n", r"own.csv is not a csv table.*line 3"),
        ("own.tsv", "", r"own.tsv is not a tsv table"),
        ("own.xlsx", "x", r"own.xlsx has an unknown format.*\.jsonl"),
    ],
)
def test_damaged_file_is_an_error(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / name)


def test_class_names_stored_by_datasets_are_read(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["low", "high"])}
    )
    part = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    part.to_parquet(tmp_path / "train.parquet")
    assert read_table(tmp_path / "train.parquet").class_names == {"label": ["low", "high"]}
