"""Delimited text: the one way to read a table in which all rows have the columns of the header.

Detection by statistics (csv.Sniffer, clevercsv, DuckDB) takes the likeliest dialect, and a
quotation mark inside a text then merges rows. Here the strict reader of the standard library tries
each dialect on the whole text. The table is refused if no dialect fits, and if two of them fit and
give different tables.
"""

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pandas as pd

from wholescript.errors import DataError, ParameterError

Quoting = Literal["doubled", "backslash", "none"]
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
OPTIONS: dict[Quoting, dict[str, Any]] = {
    "doubled": {},
    "backslash": {"escapechar": "\\"},
    "none": {"quoting": csv.QUOTE_NONE},
}
QUOTING_NOTES = {
    "backslash": "with escapes by backslash",
    "none": "with quotation marks as characters of the texts",
}
WITH_OPTIONS = "`wholescript data prepare` and `wholescript predict text` have the option"
SEPARATOR_LINE = re.compile(
    r'"?sep=([^"\\\r\n])"?[,;\t|]*(?:\r\n|\n|\r)', re.IGNORECASE
)  # of Excel
MIN_WITH_COMMA = 3  # fields that imply a rule, if all of them are quoted

csv.field_size_limit(sys.maxsize)  # the default, 128 KiB, is shorter than a screenplay


class _MisfitError(Exception):
    """A dialect does not fit; the message begins with the number of the line."""


@dataclass(frozen=True)
class _Reading:
    """Rows as one dialect reads them, the header first, and the line where each begins."""

    delimiter: str
    quoting: Quoting
    rows: list[list[str]]
    lines: list[int]
    drops_last: bool = False  # an empty field that ends each row and has no name


def parse_delimiter(delimiter: str) -> str:
    r"""Return a delimiter as one character; `tab` and `\t` are a tab."""
    parsed = "\t" if delimiter in ("tab", "\\t") else delimiter
    if len(parsed) != 1 or parsed in '"\\\r\n':
        raise ParameterError(
            f"--delimiter {delimiter!r} must be one character, such as ';', or the word tab"
        )
    return parsed


def read_delimited(
    text: str,
    where: str,
    default: str,
    delimiter: str | None = None,
    quoting: Quoting | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table in a text, all its columns strings, and what was detected, for the user.

    The names of the columns are stripped. A column without a name is called `Unnamed: n`, as
    pandas does, or dropped if it is empty.

    Args:
        text: what the file contains, line ends as they are.
        where: the name of the file, for messages.
        default: the delimiter that the suffix of the file implies.
        delimiter: the character between fields; detected if None.
        quoting: how a quotation mark inside a field is written; detected if None.

    Raises:
        DataError: no dialect fits or several do, two columns have one name, or there are no rows.
        ParameterError: there is no such quoting.
    """
    if quoting is not None and quoting not in OPTIONS:
        raise ParameterError(f"quoting={quoting!r} must be one of {', '.join(get_args(Quoting))}")
    n_skipped, separator = 0, None
    if found := SEPARATOR_LINE.match(text):
        text, separator, n_skipped = text[found.end() :], found[1], 1
    try:
        if given := delimiter or separator:
            reading = _read(text, given, quoting)
        else:
            reading = _detect_delimiter(text, default, quoting)
    except _MisfitError as error:
        line, problem = error.args
        raise DataError(f"line {line + n_skipped} of {where} {problem}") from None
    notes = []
    if not delimiter and reading.delimiter != default:
        notes.append(f"separated by {_name(reading.delimiter)}")
    if not quoting and reading.quoting in QUOTING_NOTES:
        notes.append(QUOTING_NOTES[reading.quoting])
    if reading.drops_last:
        notes.append("without the empty field that ends each row")
    return _to_frame(reading, where), notes


def _detect_delimiter(text: str, default: str, quoting: Quoting | None) -> _Reading:
    """Return the reading with the only delimiter that fits and occurs in the header."""
    first_line = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    goes_on = first_line.count('"') % 2 or first_line.endswith("\\")  # a name has two lines
    counts = Counter(one for one in (text if goes_on else first_line) if one in DELIMITERS)
    candidates = sorted(counts, key=lambda one: (one != default, -counts[one]))
    readings, problem = [], None
    for candidate in candidates or [default]:
        try:
            readings.append(_read(text, candidate, quoting))
        except _MisfitError as error:
            problem = problem or error
    if not readings:
        assert problem is not None
        raise problem
    several = [reading for reading in readings if len(reading.rows[0]) > 1]
    if len(several) > 1:
        names = [_name(reading.delimiter) for reading in several]
        raise _MisfitError(
            several[0].lines[0],
            f"can be separated by {' or by '.join(names)}, and so can all rows: name the "
            f"delimiter ({WITH_OPTIONS} --delimiter {_shown(several[0].delimiter)}).",
        )
    return (several or readings)[0]


def _read(text: str, delimiter: str, quoting: Quoting | None) -> _Reading:
    """Return the reading with the only quoting that fits."""
    readings: dict[Quoting, _Reading] = {}
    problems: dict[Quoting, _MisfitError] = {}
    for candidate in [quoting] if quoting else _possible_quotings(text, delimiter):
        try:
            readings[candidate] = _parse_with_spaces(text, delimiter, candidate)
        except _MisfitError as error:
            problems[candidate] = error
    if not readings or quoting:
        for problem in problems.values():
            raise problem
    doubled, backslash, none = (readings.get(one) for one in get_args(Quoting))
    if doubled and backslash and doubled.rows != backslash.rows:
        if delimiter == "\t" or not _leaves_escapes(doubled, text):
            raise _ambiguous(doubled, backslash)
        doubled = None
    quoted = doubled or backslash
    if quoted and none:
        # A quotation mark that begins one text and one that ends another merge what is between.
        shapes = [(len(one.rows), one.drops_last) for one in (quoted, none)]
        merges = shapes[0] != shapes[1]
        # Texts with tabs between them are often written without any quoting.
        if merges or (delimiter == "\t" and not (doubled and _is_regular(doubled, none))):
            raise _ambiguous(quoted, none)
    elif none and not quoting and (delimiter != "\t" or _has_enclosed_fields(none)):
        line, reason = problems["doubled"].args
        raise _MisfitError(
            line, f"{reason} If these are characters of the texts: {WITH_OPTIONS} --quoting none."
        )
    chosen = quoted or none
    assert chosen is not None
    return chosen


def _possible_quotings(text: str, delimiter: str) -> Iterable[Quoting]:
    yield "doubled"
    # Whoever escapes by backslash escapes the backslash too: none is before a letter.
    if "\\" in text and _first_backslash(text, delimiter) is None:
        yield "backslash"
    if '"' in text:
        yield "none"


def _first_backslash(text: str, delimiter: str) -> int | None:
    """Return the line of the first backslash that escapes nothing."""
    for found in re.finditer(r"\\(.|$)", text, re.DOTALL):
        if found[1] not in ("\\", '"', "\n", delimiter):
            return text.count("\n", 0, found.start()) + 1
    return None


def _parse_with_spaces(text: str, delimiter: str, quoting: Quoting) -> _Reading:
    """Parse; spaces between a delimiter and a quotation mark are not part of the field."""
    if quoting == "backslash" and (line := _first_backslash(text, delimiter)):
        raise _MisfitError(
            line,
            "has a backslash that escapes nothing: double it, or read it as a character of the "
            f"text ({WITH_OPTIONS} --quoting doubled).",
        )
    if quoting == "none" or not re.search(re.escape(delimiter) + ' +"', text):
        return _parse(text, delimiter, quoting)
    try:
        spaced = _parse(text, delimiter, quoting, skipinitialspace=True)
    except _MisfitError:
        return _parse(text, delimiter, quoting)
    try:
        plain = _parse(text, delimiter, quoting)
    except _MisfitError:
        return spaced
    stripped = [[field.lstrip(" ") for field in row] for row in plain.rows]
    same = stripped == [[field.lstrip(" ") for field in row] for row in spaced.rows]
    return plain if same else spaced


def _parse(
    text: str, delimiter: str, quoting: Quoting, *, skipinitialspace: bool = False
) -> _Reading:
    """Parse strictly; raise _MisfitError for a row that has more or fewer fields than the first."""
    reader = csv.reader(
        _lines(text),
        delimiter=delimiter,
        strict=True,
        skipinitialspace=skipinitialspace,
        **OPTIONS[quoting],
    )
    rows: list[list[str]] = []
    lines: list[int] = []
    n_longer, line = 0, 1
    try:
        for fields in reader:
            is_blank = not fields or (len(fields) == 1 and not fields[0].strip())
            if fields and (not is_blank or (rows and len(rows[0]) == 1)):
                if rows and len(fields) != len(rows[0]):
                    if len(fields) != len(rows[0]) + 1 or fields[-1].strip():
                        raise _wrong_length(line, fields, rows[0], delimiter)
                    n_longer += 1
                rows.append(fields)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise _MisfitError(line, _describe(error)) from None
    if n_longer and n_longer < len(rows) - 1:
        number = next(n for n, fields in enumerate(rows) if len(fields) != len(rows[0]))
        raise _wrong_length(lines[number], rows[number], rows[0], delimiter)
    if n_longer:
        rows[1:] = [fields[:-1] for fields in rows[1:]]
    if len(rows) < 2:
        raise _MisfitError(1, "has no header with rows below it: the table is empty.")
    return _Reading(delimiter, quoting, rows, lines, drops_last=n_longer > 0)


def _lines(text: str) -> Iterable[str]:
    """Split at the line end of the header only: another one in a row then is an error."""
    first = re.search(r"\r\n|\n|\r", text.lstrip("\r\n"))
    if first and first[0] == "\r":
        return (f"{line}\r" for line in text.removesuffix("\r").split("\r"))
    return io.StringIO(text, newline="\n")


def _wrong_length(line: int, fields: list[str], header: list[str], delimiter: str) -> _MisfitError:
    if len(fields) > len(header):
        remedy = (
            "name all columns in the first line, and enclose texts that contain "
            f"{_name(delimiter)} in double quotes."
        )
    else:
        remedy = (
            "complete or remove the row, and enclose texts that contain line breaks in double "
            "quotes."
        )
    names = ", ".join(name.strip()[:40] for name in header[:5])
    noun = "field" if len(fields) == 1 else "fields"
    return _MisfitError(
        line,
        f"has {len(fields)} {noun}, but the header has {len(header)} ({names}): {remedy}",
    )


def _describe(error: csv.Error) -> str:
    """Return what is wrong with a row, in words that follow the number of its line."""
    if "new-line" in str(error):
        return (
            "contains another line end than the first line, outside double quotes: enclose the "
            "text in double quotes, or write all line ends alike."
        )
    if "unexpected end" in str(error):
        problem = "begins a row with a quotation mark that is never closed"
    else:
        problem = f"begins a row with a quotation mark in the wrong place ({error})"
    return f'{problem}: enclose such texts in double quotes and double those inside ("").'


def _is_regular(quoted: _Reading, none: _Reading) -> bool:
    """Return whether each column has quotes around all its fields, or only where needed.

    Excel puts them around fields with commas too. No program writes them otherwise: they then may
    be characters of the texts.
    """
    columns = [
        [(value, value != raw) for value, raw in zip(values, raw_values, strict=True)]
        for values, raw_values in zip(
            zip(*quoted.rows, strict=True), zip(*none.rows, strict=True), strict=True
        )
    ]
    with_comma = [is_quoted for column in columns for value, is_quoted in column if "," in value]
    needs = '",' if len(with_comma) >= MIN_WITH_COMMA and all(with_comma) else '"'
    for column in columns:
        needless = any(is_quoted and not set(needs) & set(value) for value, is_quoted in column)
        if needless and not all(is_quoted or not value for value, is_quoted in column):
            return False
    return True


def _leaves_escapes(reading: _Reading, text: str) -> bool:
    """Return whether fields have an escaped quotation mark that no doubled one follows."""
    return '\\""' not in text and any('\\"' in field for row in reading.rows for field in row)


def _has_enclosed_fields(reading: _Reading) -> bool:
    return any(
        len(field) > 1 and field[0] == field[-1] == '"' for row in reading.rows for field in row
    )


def _ambiguous(one: _Reading, other: _Reading) -> _MisfitError:
    """Return the error for two readings, at the first row in which they differ."""
    pairs = zip(one.rows, other.rows, strict=False)
    number = next((n for n, (a, b) in enumerate(pairs) if a != b), 0)
    return _MisfitError(
        one.lines[number],
        f"can be read in two ways, --quoting {one.quoting} ({len(one.rows) - 1:,} rows in all) and "
        f"--quoting {other.quoting} ({len(other.rows) - 1:,} rows): choose one ({WITH_OPTIONS}).",
    )


def _to_frame(reading: _Reading, where: str) -> pd.DataFrame:
    header, *rows = reading.rows
    names = [name.strip() for name in header]
    columns = list(zip(*rows, strict=True))
    kept = [n for n, name in enumerate(names) if name or any(value.strip() for value in columns[n])]
    shown = {n: names[n] or f"Unnamed: {n}" for n in kept}
    for name, count in Counter(shown.values()).items():
        if count > 1:
            numbers = [str(n + 1) for n in kept if shown[n] == name]
            raise DataError(
                f"line {reading.lines[0]} of {where}: the columns {' and '.join(numbers)} have one "
                f"name, {name!r}. Rename them in the file. If this line is a row, add a line of "
                "column names above it."
            )
    for line, row in zip(reading.lines[1:], rows, strict=True):
        if len(kept) > 1 and [value.strip() for value in row] == names:
            raise DataError(
                f"line {line} of {where} repeats the column names: remove it. If the first line is "
                "a row, add a line of column names above it."
            )
    return pd.DataFrame({shown[n]: columns[n] for n in kept}, dtype="str")


def _name(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, repr(delimiter))


def _shown(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else f"'{delimiter}'"
