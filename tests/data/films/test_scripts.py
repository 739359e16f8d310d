import hashlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.data.films.checks import find_text_error
from wholescript.data.films.scripts import (
    ROWS_PER_BATCH,
    ParquetColumn,
    ScreenplayTexts,
    measure_texts,
)
from wholescript.errors import DataError


def column(path: Path, values: list[str | bytes | None], group: int) -> ParquetColumn:
    pq.write_table(pa.table({"text": values}), path, row_group_size=group)
    return ParquetColumn(pq.ParquetFile(path), "text")


@pytest.mark.parametrize("group", [3, 20, 1000])
def test_rows_are_the_same_in_any_order_of_reading(tmp_path: Path, group: int) -> None:
    values = [f"scene {number}" for number in range(50)]
    read = column(tmp_path / "t.parquet", values, group)
    order = [0, 1, 2, 49, 48, 7, 7, 30, 19, 20, 21]
    assert [read(row).decode() for row in order] == [values[row] for row in order]
    assert [read(row).decode() for row in range(50)] == values


@pytest.mark.parametrize(
    "layout",
    [{"row_group_size": 4}, {"row_group_size": 64, "write_batch_size": 4, "use_dictionary": False}],
)
def test_one_pass_keeps_a_few_films_in_memory(tmp_path: Path, layout: dict[str, int]) -> None:
    long = 200_000
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"text": [f"{n:04d} " * (long // 5) for n in range(64)]}), path, **layout
    )
    read = ParquetColumn(pq.ParquetFile(path), "text")
    before, peak = pa.total_allocated_bytes(), 0
    for row in range(64):
        assert read(row).startswith(b"%04d" % row)
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert peak < 3 * ROWS_PER_BATCH * long


def test_texts_are_composed_and_without_invisible_characters(tmp_path: Path) -> None:
    values = ["Cafe\u0301 do\u00ador\u200b", "Café door", b"\xff", "\u200b"]
    texts = ScreenplayTexts(
        dict(zip("abcd", range(4), strict=True)), column(tmp_path / "t", values, 9)
    )
    assert texts["a"] == texts["b"] == "Café door"
    measured = measure_texts(texts.select("ab"))
    assert measured.loc["a"].equals(measured.loc["b"])
    for film_id, message in [("c", "not UTF-8"), ("d", "empty")]:
        with pytest.raises(DataError, match=f"{film_id}: {message}"):
            texts[film_id]


def test_mojibake_is_named_and_a_little_noise_is_not() -> None:
    line = "Now — so the señora says at the café… — “I know it, and they leave. "
    assert "`ftfy.fix_text` repairs it" in str(find_text_error(mojibake(20 * line)))
    assert find_text_error((20 * line).encode()) is None
    assert find_text_error(mojibake("é ") + 2_000 * b"word ") is None


def mojibake(text: str) -> bytes:
    return text.encode().decode("cp1252").encode()


def test_select_returns_texts_in_the_given_order(tmp_path: Path) -> None:
    read = column(tmp_path / "t.parquet", ["one", "two", "three"], 2)
    texts = ScreenplayTexts({"a": 0, "b": 1, "c": 2}, read)
    assert dict(texts) == {"a": "one", "b": "two", "c": "three"}
    assert list(texts.select(["c", "a"]).items()) == [("c", "three"), ("a", "one")]
    with pytest.raises(KeyError):
        texts.select(["a"])["b"]


def test_measure_texts_counts_characters_and_words() -> None:
    values = ["FADE IN:\n\nTwo  words. Café".encode()]
    row = measure_texts(ScreenplayTexts({"a": 0}, values.__getitem__)).loc["a"]
    assert (row["n_chars"], row["n_words"]) == (26, 5)
    assert row["text_sha1"] == hashlib.sha1(values[0]).hexdigest()


def test_error_counts_unreadable_texts_and_lists_five() -> None:
    values = [b"fine", b"", b" \n", b"a\0b", b"caf\xe9", "\ufffd".encode() * 9, b"\xff", b"fine"]
    texts = ScreenplayTexts({f"film{row}": row for row in range(len(values))}, values.__getitem__)
    with pytest.raises(DataError, match=r"6 text") as raised:
        measure_texts(texts)
    message = str(raised.value)
    assert "film1: empty" in message and "film3: binary" in message
    assert "film4: not UTF-8 (byte 3)" in message and "film5: decoded" in message
    assert "film6" not in message and "and 1 more" in message
    with pytest.raises(DataError, match=r"film4"):
        texts["film4"]


def test_null_is_an_empty_text(tmp_path: Path) -> None:
    assert column(tmp_path / "t.parquet", ["one", None], 2)(1) == b""


def test_damaged_page_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"text": [f"{n} scene" * 500 for n in range(40)]}).to_parquet(path)
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4)
    path.write_bytes(content)
    read = ParquetColumn(pq.ParquetFile(path), "text")
    with pytest.raises(DataError, match=r"damaged"):
        read(39)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffd")))
def test_any_text_without_nul_is_accepted(text: str) -> None:
    error = find_text_error(text.encode())
    if text.encode().strip():
        assert error is None or error.startswith("mojibake")
    else:
        assert error == "empty"


def test_one_replacement_character_is_accepted() -> None:
    assert find_text_error(("a scene " * 500 + "\ufffd").encode()) is None
