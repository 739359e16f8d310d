"""Tables come back as they were written, or are refused with the line."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from wholescript.data.delimited import MIN_WITH_COMMA, parse_delimiter, read_delimited
from wholescript.errors import DataError, ParameterError

COMMAS = [["a, b", "1"], ["c, d", "2"], ["e, f", "1"]]
LONG = "x" * 200_000
Rows = Sequence[Sequence[str]]

QUOTED = [
    ["text", "label"],
    ["cheap, and cheerful", "good"],
    ['the so-called "best" of all', "bad"],
    ["two\nlines", "good"],
    ["plain", "bad"],
]
PLAIN = [["text", "label"], ["a long walk", "good"], ["a short walk", "bad"], ["no walk", "bad"]]


def write(rows: Rows, **dialect: Any) -> str:
    written = io.StringIO(newline="")
    csv.writer(written, **dialect).writerows(rows)
    return written.getvalue()


def write_with_pandas(rows: Rows, **options: Any) -> str:
    table = pd.DataFrame(rows[1:], columns=pd.Index(rows[0]))
    return str(table.to_csv(index=False, **options))


DIALECTS: dict[str, Callable[[Rows], str]] = {
    "excel": write,
    "excel-tab": lambda rows: write(rows, dialect="excel-tab"),
    "unix": lambda rows: write(rows, dialect="unix"),
    "all quoted": lambda rows: write(rows, quoting=csv.QUOTE_ALL),
    "semicolons": lambda rows: write(rows, delimiter=";"),
    "bars": lambda rows: write(rows, delimiter="|"),
    "sep=": lambda rows: "sep=;\r\n" + write(rows, delimiter=";"),
    "carriage returns": lambda rows: write(rows, lineterminator="\r", quoting=csv.QUOTE_ALL),
    "backslash": lambda rows: write(rows, doublequote=False, escapechar="\\"),
    "backslash, all quoted": lambda rows: write(
        rows, doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL
    ),
    "backslash, no quotes": lambda rows: write(rows, quoting=csv.QUOTE_NONE, escapechar="\\"),
    "pandas": write_with_pandas,
    "pandas, tabs": lambda rows: write_with_pandas(rows, sep="\t"),
    "pandas, backslash": lambda rows: write_with_pandas(rows, escapechar="\\", doublequote=False),
    "unquoted tabs": lambda rows: "".join("\t".join(row) + "\n" for row in rows),
}
SPECIAL = st.text(st.sampled_from("ab ,;|\t\n\r\"'\\é\u2028\u3000=")).filter(
    lambda text: not text.endswith("\r")  # before a line feed that ends the row
)
VALUES = SPECIAL | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))
# A name of one column with a delimiter in it could as well be two names.
NAMES = st.text("abC ,\"'\n", min_size=1).filter(str.strip) | st.sampled_from(["text", "Label "])


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    names = draw(st.lists(NAMES, min_size=2, max_size=3, unique_by=str.strip))
    row = st.lists(VALUES, min_size=len(names), max_size=len(names))
    return [names, *draw(st.lists(row, min_size=1, max_size=4))]


def normal(rows: Rows) -> list[list[str]]:
    """Return the rows with the line ends of the names and the names stripped, no blank rows."""
    return [[name.strip() for name in rows[0]], *map(list, rows[1:])]


def read(text: str, default: str = ",", **options: Any) -> list[list[str]]:
    frame, _ = read_delimited(text, "own.csv", default, **options)
    return [list(frame), *frame.to_numpy().tolist()]


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=tables(), default=st.sampled_from([",", "\t"]))
@example(rows=[["a", "b"], ['"x', "1"], ["y", "2"], ['z"', "3"]], default="\t")
@example(rows=[["a", "b"], ["c", 'd\\\\"']], default=",")
@example(rows=[["a", "b"], ["c", "\\\r;"]], default=",")
@example(rows=[["a", "b"], ["c:\\\\d", "1"]], default=",")
@example(rows=[["a", "b"], ['"x"', "1"], ["y", "2"]], default="\t")
def test_any_table_comes_back_or_is_refused(dialect: str, rows: Rows, default: str) -> None:
    if dialect == "unquoted tabs":
        values = [value for row in rows for value in row]
        assume(not any(re.search(r"[\t\r\n]", value) for value in values))
        assume(sum("," in value for value in values) < MIN_WITH_COMMA)
    written = DIALECTS[dialect](rows)
    try:
        found = read(written, default)
    except DataError as error:
        assert "own.csv" in str(error)
    else:
        assert found == normal(rows)


@settings(max_examples=150, deadline=None)
@example(text=';"\r\t')
@given(text=st.text(st.sampled_from('ab,;\t\n\r"\\ =|s'), max_size=60))
def test_any_text_is_a_table_or_refused(text: str) -> None:
    try:
        read(text)
    except DataError as error:
        assert "own.csv" in str(error)


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "unquoted tabs"])
def test_usual_tables_are_not_refused(dialect: str) -> None:
    assert read(DIALECTS[dialect](QUOTED)) == QUOTED
    assert read(DIALECTS[dialect](PLAIN), "\t") == PLAIN


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text,label\na,1\nb, c,2\n", r"line 3 of own.csv has 3 fields, but the header has 2"),
        ("text,label,note\na,1,x\nb,2\n", r"line 3 of own.csv has 2 fields, .* has 3 \(text, la"),
        ("text,label\na,1,\nb,2\n", r"line 2 of own.csv has 3 fields"),
        ("Export\n\ntext,label\na,1\n", r"line 3 of own.csv has 2 fields, but the header has 1"),
        ("sep=;\ntext;label\na;1\nb;c;2\n", r"line 4 of own.csv has 3 fields"),
        ('text,label\na,1\n"never closed,1\nb,2\n', r"line 3 .* never closed.*--quoting none"),
        ('text,label\n"Up" is fun,1\n"a, b",2\n', r"line 2 .* in the wrong place"),
        ('text\tlabel\na\t1\n"open\t1\nb\t1\nshut"\t2\n', r"line 3 .*doubled \(2 rows.*none \(4 r"),
        ('text\tlabel\n"one"\t1\ntwo\t2\n', r"line 2 .* two ways, --quoting doubled"),
        ("text,label\na\\\\b,1\n", r"line 2 .* two ways, --quoting doubled .*backslash"),
        ("a,b;c\n1,2;3\n", r"separated by commas or by semicolons.*--delimiter ','"),
        ("text,label\na\rb,1\n", r"line 2 of own.csv contains another line end"),
        ("text, text,label\na,b,1\n", r"line 1 of own.csv: the columns 1 and 2 have one name"),
        ("text,label\n\n", r"line 1 of own.csv has no header with rows below it"),
        ("\n\n", r"own.csv has no header with rows"),
    ],
)
def test_what_is_not_one_table_is_refused_with_the_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(text)


@pytest.mark.parametrize(
    ("text", "rows", "note"),
    [
        ("text;label\na, b;1\n", [["a, b", "1"]], "separated by semicolons"),
        ("text,label\na,1,\nb,2,\n", [["a", "1"], ["b", "2"]], "without the empty field"),
        ("text,label,,\na,1,,\n", [["a", "1"]], ""),
        (' text ,label\n"a", "b, c"\n', [["a", "b, c"]], ""),
        ("text,label\ra,1\r", [["a", "1"]], ""),
        ("\ntext,label\n\na,1\n   \nb,2\n\n", [["a", "1"], ["b", "2"]], ""),
        ('text,label\n5" wide,1\n', [['5" wide', "1"]], ""),
        ('text,label\nD:\\new,1\n"a, b",2\n', [["D:\\new", "1"], ["a, b", "2"]], ""),
        ('text\tlabel\n"Up" is fun\t1\nb\t2\n', [['"Up" is fun', "1"], ["b", "2"]], "characters"),
        ('text\tlabel\n"a, b"\t1\n"c, d"\t2\n"e, f"\t1\n', COMMAS, ""),
        ('text,label\n"say \\"hi\\"",1\n', [['say "hi"', "1"]], "escapes by backslash"),
        pytest.param(f"text,label\n{LONG},1\n", [[LONG, "1"]], "", id="long"),
    ],
)
def test_dialect_is_detected_and_told(text: str, rows: Rows, note: str) -> None:
    default = "\t" if text.startswith("text\t") else ","
    frame, notes = read_delimited(text, "own.csv", default)
    assert [list(frame), *frame.to_numpy().tolist()] == [["text", "label"], *rows]
    assert note in " ".join(notes) and bool(note) == bool(notes)


def test_index_that_pandas_writes_is_a_column_without_a_name() -> None:
    assert read(",text\n0,a\n1,b\n") == [["Unnamed: 0", "text"], ["0", "a"], ["1", "b"]]


def test_dialect_can_be_given() -> None:
    assert read("a,b;c\n1,2;3\n", delimiter=";") == [["a,b", "c"], ["1,2", "3"]]
    raw = 'text,label\n"open,1\nb,2\nshut",3\n'
    assert read(raw, quoting="none")[1] == ['"open', "1"]
    assert read(raw, quoting="doubled")[1] == ["open,1\nb,2\nshut", "3"]
    assert read("text,label\na\\\\b,1\n", quoting="backslash")[1] == ["a\\b", "1"]
    with pytest.raises(DataError, match=r"line 3 .*backslash that escapes nothing"):
        read('text,label\n\\",1\na\\b,1\n', quoting="backslash")
    assert parse_delimiter("tab") == parse_delimiter("\\t") == "\t"
    for wrong in ("", "::", '"'):
        with pytest.raises(ParameterError, match=r"must be one character"):
            parse_delimiter(wrong)
