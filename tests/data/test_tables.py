import gzip
from collections.abc import Callable
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wholescript.data.tables import TextFormat, read_table, split_name
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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_byte_order_mark_decides_the_encoding(
    save: Save, capsys: pytest.CaptureFixture[str], suffix: str, encoding: str
) -> None:
    path = save(pd.DataFrame({"text": ODD, "label": range(6)}), f"own{suffix}")
    path.write_bytes(path.read_bytes().decode().encode(encoding))
    assert read_table(path).frame["text"].tolist() == ODD
    assert not capsys.readouterr().out
    assert read_table(path, TextFormat("cp1252")).frame["text"].tolist() == ODD
    assert f"as {encoding[:6]}" in capsys.readouterr().out


def test_utf16_is_named_if_it_has_no_mark_or_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes("text,label\na,1\n".encode("utf-16-le"))
    with pytest.raises(DataError, match=r"own.csv seems to be .* --encoding utf-16-le"):
        read_table(path)
    assert read_table(path, TextFormat("utf-16-le")).frame["text"].tolist() == ["a"]
    path.write_bytes("text,label\na,1\n".encode("utf-16")[:-1])
    with pytest.raises(DataError, match=r"own.csv has the byte order mark of utf-16.*line 2"):
        read_table(path)


@pytest.mark.parametrize("name", ["own.CSV", "own.Tsv", "own.csv.gz", "own.JSONL.GZ", "own.csv"])
def test_capital_suffixes_and_compressed_files_are_read(
    save: Save, tmp_path: Path, name: str
) -> None:
    stem, suffix = split_name(Path(name))
    content = save(pd.DataFrame({"text": ODD, "label": range(6)}), f"{stem}{suffix}").read_bytes()
    path = tmp_path / name
    path.write_bytes(content if path.suffix in (".CSV", ".Tsv") else gzip.compress(content))
    assert read_table(path).frame["text"].tolist() == ODD
    if content != path.read_bytes():
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(DataError, match=rf"{name} is truncated or damaged"):
            read_table(path)


def test_what_differs_from_the_suffix_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.csv"
    path.write_text("text;label\na;1\n")
    assert list(read_table(path).frame) == ["text", "label"]
    assert capsys.readouterr().out == "own.csv was read separated by semicolons\n"
    assert list(read_table(path, TextFormat(delimiter=";")).frame) == ["text", "label"]
    assert not capsys.readouterr().out


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
        ("own.csv", 'text,label\n"never closed,a\n', r"line 2 of own.csv .* never closed"),
        ("own.csv", "text,label\na,b\na,b,c\n", r"line 3 of own.csv has 3 fields"),
        ("own.tsv", "", r"own.tsv has no header with rows"),
        ("own.csv", "text,label\na,1\nb\0,1\n", r"line 3 of own.csv contains the character NUL"),
        ("own.csv", "PK\3\4", r"own.csv is a ZIP archive or an Excel workbook"),
        ("own.jsonl", '{"a": 1}\n{"a": 1, "a": 2}', r"line 2 of own.jsonl has the name 'a' twice"),
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


def test_half_characters_of_json_lines_are_replaced_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        r'{"text": "whole \ud83d\udc4d", "note": "a path \\udead\\x"}',
        r'{"text": "high \uD83D", "note": ["low \udc4d", {"\ude00": 1}]}',
        r'{"text": "plain", "note": "twice \ud83d\ud83d\udc4d"}',
    ]
    (tmp_path / "own.jsonl").write_text("\n".join(lines))
    rows = read_table(tmp_path / "own.jsonl").frame
    assert rows["text"].tolist() == ["whole 👍", "high \ufffd", "plain"]
    notes = ["a path \\udead\\x", ["low \ufffd", {"\ufffd": 1}], "twice \ufffd👍"]
    assert rows["note"].tolist() == notes
    assert "own.jsonl were replaced by U+FFFD: line 2, 3\n" in capsys.readouterr().out


def test_json_lines_are_read_whatever_the_suffix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.tsv"
    path.write_text('{"text": "tea, milk", "label": 1}\n{"text": "rain", "label": 0}\n')
    assert read_table(path).frame.to_dict("list") == {
        "text": ["tea, milk", "rain"],
        "label": [1, 0],
    }
    assert "own.tsv was read as JSON lines" in capsys.readouterr().out


def test_repeated_names_of_columns_are_found_by_line(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("text,label\na cup,x\ntext,label\na hat,y\n")
    with pytest.raises(DataError, match=r"line 3 of own.csv repeats the column names"):
        read_table(path)
