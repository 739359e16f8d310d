"""Tables in Parquet, CSV, TSV or JSON lines files; each error says what is wrong with the file."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from wholescript.errors import DataError, ParameterError, WholeScriptError

SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl")
HINT = f"Give a complete file ({', '.join(SUFFIXES)}) or a folder of them, named train, test, ..."


@dataclass(frozen=True)
class Table:
    """A file's table, and the class names of those columns for which the file stores them."""

    frame: pd.DataFrame
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_table(path: Path, encoding: str = "utf-8") -> Table:
    """Read one file; all columns of CSV and TSV are strings. `encoding` applies to text files.

    Raises:
        DataError: the file has another format, is damaged, truncated or not in the encoding.
        ParameterError: the encoding is unknown.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path)
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path.name} has an unknown format. {HINT}")
    text = _decode(path, encoding)
    if path.suffix == ".jsonl":
        return Table(pd.DataFrame(read_jsonl(text, path.name)))
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep="," if path.suffix == ".csv" else "\t",
            dtype=str,
            keep_default_na=False,  # a text may be "NA" or "null"
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path.name} is not a {path.suffix[1:]} table ({error}). {HINT}") from None
    return Table(frame)


def read_jsonl(text: str, where: str) -> list[dict[str, Any]]:
    """Return the objects of JSON lines; raise DataError with the number of the first bad line."""
    objects = []
    # Not splitlines(): a text may contain U+2028 or U+0085, which end no line of the file.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
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
    return objects


def open_parquet(
    path: Path, hint: str, error: type[WholeScriptError] = DataError
) -> pq.ParquetFile:
    """Open a Parquet file; raise `error`, ending in `hint`, when it is absent or damaged."""
    try:
        return pq.ParquetFile(path, memory_map=True)
    except FileNotFoundError as cause:
        raise error(f"{path} does not exist. {hint}") from cause
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


def _decode(path: Path, encoding: str) -> str:
    raw = path.read_bytes()
    try:
        # Spreadsheet programs write a byte order mark before UTF-8.
        return raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line, byte = raw.count(b"\n", 0, error.start) + 1, raw[error.start]
        raise DataError(
            f"{path.name} is not {encoding}: line {line} contains the byte 0x{byte:02x}. "
            "Pass its encoding (for instance --encoding cp1252) or save it as UTF-8."
        ) from None
    except LookupError:
        raise ParameterError(
            f"unknown encoding {encoding!r}: use utf-8, cp1252, latin-1, utf-16, ..."
        ) from None
