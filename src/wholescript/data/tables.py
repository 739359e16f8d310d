"""Tables in Parquet, CSV, TSV or JSON lines files; each error says what is wrong with the file."""

import codecs
import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ftfy.fixes import fix_surrogates
from tqdm import tqdm

from wholescript.data.checks import list_some
from wholescript.data.delimited import Quoting, parse_delimiter, read_delimited
from wholescript.data.encodings import (
    find_mojibake,
    is_utf8,
    note_on_encoding,
    propose_encodings,
)
from wholescript.errors import DataError, ParameterError, WholeScriptError
from wholescript.files import describe_missing

SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl")
HINT = f"Give a complete file ({', '.join(SUFFIXES)}) or a folder of them, named train, test, ..."
BYTE_ORDER_MARKS = {  # UTF-32 first: its mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
GZIP_MAGIC, ZIP_MAGIC = b"\x1f\x8b", b"PK\x03\x04"


@dataclass(frozen=True)
class TextFormat:
    """How text files are encoded, and how CSV and TSV are written; None is detected."""

    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: Quoting | None = None


@dataclass(frozen=True)
class Table:
    """A file's table, and the class names of those columns for which the file stores them."""

    frame: pd.DataFrame
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)


def split_name(path: Path) -> tuple[str, str]:
    """Return the name of a table's file and its suffix in lower case, both without `.gz`."""
    name = Path(path.stem if path.suffix.lower() == ".gz" else path.name)
    return name.stem, name.suffix.lower()


def read_table(path: Path, text_format: TextFormat | None = None) -> Table:
    """Read one file; all columns of CSV and TSV are strings. Text files may be compressed (.gz).

    What was detected and is not what the suffix implies, such as semicolons, is printed.

    Raises:
        DataError: there is no such file, or it has another format, is damaged, truncated or not in
            the encoding, or can be read in no or in several ways (`delimited.read_delimited`).
        ParameterError: the encoding or the quoting is unknown, or the delimiter no character.
    """
    text_format = text_format or TextFormat()
    check_is_file(path)
    _, suffix = split_name(path)
    if suffix not in SUFFIXES:
        raise DataError(f"{path.name} has an unknown format. {HINT}")
    if suffix == ".parquet":
        return _read_parquet(path)
    text, notes = _decode(path, text_format.encoding)
    if suffix != ".jsonl" and _begins_with_object(text):
        suffix = ".jsonl"
        notes.append("as JSON lines, which it holds")
    if suffix == ".jsonl":
        frame = pd.DataFrame(read_jsonl(text, path.name))
    else:
        given = text_format.delimiter
        frame, detected = read_delimited(
            text,
            path.name,
            default="," if suffix == ".csv" else "\t",
            delimiter=None if given is None else parse_delimiter(given),
            quoting=text_format.quoting,
        )
        notes += detected
    if notes:
        tqdm.write(f"{path.name} was read {', '.join(notes)}")
    return Table(frame)


def read_jsonl(text: str, where: str) -> list[dict[str, Any]]:
    """Return the objects of JSON lines; raise DataError with the number of the first bad line.

    Half characters, which only JSON's escapes can hold, are replaced by U+FFFD, and reported.
    """
    objects, with_half = [], []
    decode = json.JSONDecoder(object_pairs_hook=_distinct_names).decode
    # Not splitlines(): a text may contain U+2028 or U+0085, which end no line of the file.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = decode(line.strip())
            if "\\ud" in line.lower():
                parsed = json.dumps(row, ensure_ascii=False)
                if (repaired := fix_surrogates(parsed)) != parsed:
                    row = decode(repaired)
                    with_half.append(number)
        except _RepeatedNameError as error:
            raise DataError(
                f"line {number} of {where} has the name {error.args[0]!r} twice: rename one."
            ) from None
        except json.JSONDecodeError as error:
            raise DataError(
                f"line {number} of {where} is not JSON ({error.msg}): the file is truncated or "
                "does not have one object per line. Write or copy it again."
            ) from None
        if not isinstance(row, dict):
            raise DataError(
                f"line {number} of {where} is not a JSON object: write one object per line."
            )
        objects.append(row)
    if with_half:
        tqdm.write(
            f"half characters (lone surrogates) of {where} were replaced by U+FFFD: "
            f"line {list_some(with_half)}"
        )
    return objects


def _begins_with_object(text: str) -> bool:
    """Return whether the first line of a text is an object of JSON."""
    first = text.lstrip().partition("\n")[0]
    try:
        return first.startswith("{") and isinstance(json.loads(first), dict)
    except ValueError:
        return False


class _RepeatedNameError(Exception):
    """An object of JSON has two values of one name."""


def _distinct_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedNameError(next(name for name in names if names.count(name) > 1))
    return found


def open_parquet(
    path: Path, hint: str, error: type[WholeScriptError] = DataError
) -> pq.ParquetFile:
    """Open a Parquet file; raise `error`, ending in `hint`, when it is absent or damaged."""
    try:
        return pq.ParquetFile(path, memory_map=True)
    except FileNotFoundError as cause:
        raise error(f"{describe_missing(path)} {hint}") from cause
    except (OSError, pa.ArrowException) as cause:
        raise error(f"{path} is truncated or not a Parquet file ({cause}). {hint}") from cause


def read_columns(
    file: pq.ParquetFile,
    columns: list[str],
    hint: str,
    error: type[WholeScriptError] = DataError,
) -> pd.DataFrame:
    """Read some columns of an open Parquet file; raise `error` when their pages are damaged."""
    try:
        return file.read(columns=columns).to_pandas()
    except (OSError, pa.ArrowException, UnicodeDecodeError) as cause:
        raise error(f"the Parquet file is damaged ({cause}). {hint}") from cause


def class_names_from_features(features: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the class names of each column that is a ClassLabel of the library `datasets`."""
    return {column: list(f.names) for column, f in features.items() if hasattr(f, "str2int")}


def _read_parquet(path: Path) -> Table:
    file = open_parquet(path, HINT)
    try:
        table = file.read()
        table.validate(full=True)  # otherwise invalid UTF-8 fails later, without the file's name
        return Table(table.to_pandas(), _stored_class_names(table.schema))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path.name} is damaged or not UTF-8 ({error}). {HINT}") from error


def _stored_class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the class names that `datasets` stores in the Parquet files that it writes."""
    if not schema.metadata or b"huggingface" not in schema.metadata:
        return {}
    from datasets import Features

    return class_names_from_features(Features.from_arrow_schema(schema))


def _decode(path: Path, encoding: str) -> tuple[str, list[str]]:
    """Return the text of a file, and a note if its byte order mark contradicts `encoding`."""
    raw = _read_bytes(path)
    # Spreadsheet programs write a byte order mark before UTF-8 and UTF-16.
    marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if raw.startswith(mark)), None)
    try:
        is_contradicted = (
            marked is not None
            and encoding != "utf-8"
            and codecs.lookup(encoding).name[:6] != codecs.lookup(marked).name[:6]
        )
        text = raw.decode(marked or encoding)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode(marked or encoding, "ignore")
        line = max(before.count("\n"), before.count("\r")) + 1
        problem = f"line {line} contains the byte 0x{raw[error.start]:02x}"
        if marked:
            raise DataError(
                f"{path.name} has the byte order mark of {marked[:6]}, but {problem}: it is "
                "truncated or damaged. Write or copy it again."
            ) from None
        raise DataError(
            f"{path.name} is not {encoding}: {problem}. {propose_encodings(raw, encoding)}"
        ) from None
    except LookupError:
        raise ParameterError(
            f"unknown encoding {encoding!r}: use utf-8, cp1252, latin-1, utf-16, ..."
        ) from None
    if "\0" in text:
        raise _contains_nul(path, raw, text)
    if marked:
        return text, [f"as {marked[:6]}, which its first bytes state"] if is_contradicted else []
    if reason := find_mojibake(raw, text, encoding):
        remedy = "Leave out --encoding."
        if not is_utf8(raw):
            remedy = propose_encodings(raw, encoding)
        raise DataError(f"{path.name} is not {encoding}: {reason}. {remedy}")
    return text, note_on_encoding(raw, encoding)


def check_is_file(path: Path) -> None:
    """Raise DataError if a path does not exist, or is a folder."""
    if path.is_dir():
        raise DataError(f"{path} is a folder: give one file.")
    if not path.exists():
        raise DataError(describe_missing(path))


def _read_bytes(path: Path) -> bytes:
    """Return the content of a file, decompressed."""
    raw = path.read_bytes()
    if raw.startswith(ZIP_MAGIC):
        raise DataError(
            f"{path.name} is a ZIP archive or an Excel workbook: unpack it, or save its sheet as "
            "CSV."
        )
    if not raw.startswith(GZIP_MAGIC):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is truncated or damaged ({error}). Copy it again.") from None


def _contains_nul(path: Path, raw: bytes, text: str) -> DataError:
    """Return the error for a text with NUL, which is every second byte of UTF-16 in Latin."""
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if raw[start::2].count(0) > len(raw) / 4:
            return DataError(
                f"{path.name} seems to be {encoding} without a byte order mark: save it as UTF-8, "
                "or pass its encoding (`wholescript data prepare` and `wholescript predict text` "
                f"have the option --encoding {encoding})."
            )
    line = text.count("\n", 0, text.index("\0")) + 1
    return DataError(
        f"line {line} of {path.name} contains the character NUL: the file is damaged or no text. "
        "Write it again, or remove the character."
    )
