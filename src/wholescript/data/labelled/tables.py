"""Files of labelled texts as tables: Parquet, CSV, TSV and JSON lines, alone or in a folder."""

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from wholescript.data.films.guards import list_some
from wholescript.data.films.scripts import open_parquet
from wholescript.errors import DataError, ParameterError

SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl")
SPLITS = ("train", "validation", "test", "unsupervised")
# What others call the splits; the hub's library knows the same words.
SPLIT_ALIASES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "unsupervised": "unsupervised",
    "unlabelled": "unsupervised",
    "unlabeled": "unsupervised",
}
REMEDY = f"Give a whole file ({', '.join(SUFFIXES)}) or a folder of them, named train, test, ..."
# The parts of a split on the hub: train-00000-of-00002, or train/0000 in its exports.
SHARD_SUFFIX = re.compile(r"-\d+-of-\d+$|^\d+$")


@dataclass(frozen=True)
class Table:
    """Rows as published, and the class names of those columns whose file knows them."""

    rows: pd.DataFrame
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)


def split_from_name(word: str) -> str | None:
    """Return which split a file or a split called `word` is, such as `train-00000-of-00002`."""
    found = re.match(r"[a-z]+", word.lower())
    return SPLIT_ALIASES.get(found.group()) if found else None


def split_files(path: Path) -> dict[str, list[Path]]:
    """Find the files of each split at `path`, a file or a folder; a lone file is `train`.

    In a folder the start of a file's name tells its split, or the name of its subfolder; the
    numbered parts of one split belong together, as on the hub. Raises DataError for a path that
    does not exist, a folder without a train file, and a split that several files claim.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist. {REMEDY}")
    if path.is_file():
        return {"train": [path]}
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    found: dict[str, list[Path]] = {}
    for file in files:
        if split := split_from_name(file.stem) or split_from_name(
            file.parent.relative_to(path).name
        ):
            found.setdefault(split, []).append(file)
    if not found and len(files) == 1:
        return {"train": files}
    if "train" not in found:
        holds = list_some([file.name for file in files]) or "no such file"
        raise DataError(f"the folder {path} has no train file; it holds {holds}. {REMEDY}")
    for split, parts in found.items():
        wholes = {(part.parent, SHARD_SUFFIX.sub("", part.stem), part.suffix) for part in parts}
        if len(wholes) > 1 or (len(parts) > 1 and not SHARD_SUFFIX.search(parts[0].stem)):
            raise DataError(
                f"the folder {path} has more than one {split} file: "
                f"{list_some([part.name for part in parts])}. Keep the one that is meant."
            )
    return {split: found[split] for split in SPLITS if split in found}


def read_split(files: Sequence[Path], encoding: str = "utf-8") -> Table:
    """Read the files of a split, one after the other; raise DataError for an unusable one."""
    tables = [read_table(file, encoding) for file in files]
    rows = pd.concat([table.rows for table in tables], ignore_index=True)
    return Table(rows, tables[0].names)


def read_table(path: Path, encoding: str = "utf-8") -> Table:
    """Read one file; all columns of CSV and TSV are text. `encoding` is that of text files.

    Raises:
        DataError: the file is of another kind, damaged, truncated or not in the encoding.
        ParameterError: there is no such encoding.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path)
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path.name} is not of a kind that can be read. {REMEDY}")
    text = _decoded(path, encoding)
    if path.suffix == ".jsonl":
        return Table(pd.DataFrame(read_jsonl(text, path.name)))
    try:
        rows = pd.read_csv(
            io.StringIO(text),
            sep="," if path.suffix == ".csv" else "\t",
            dtype=str,
            keep_default_na=False,  # a text may well read "NA" or "null"
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
        raise DataError(
            f"{path.name} is no {path.suffix[1:]} table ({problem}). {REMEDY}"
        ) from None
    return Table(rows)


def read_jsonl(text: str, where: str) -> list[dict[str, Any]]:
    """Return the objects of JSON lines; raise DataError naming the first line that is none."""
    objects = []
    # Not splitlines(): a text may hold U+2028 or U+0085, which end no line of the file.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as problem:
            raise DataError(
                f"line {number} of {where} is no JSON ({problem.msg}): the file is truncated or "
                "not one object a line. Write or copy it again."
            ) from None
        if not isinstance(row, dict):
            raise DataError(f"line {number} of {where} is no JSON object: write one a line.")
        objects.append(row)
    return objects


def _decoded(path: Path, encoding: str) -> str:
    raw = path.read_bytes()
    try:
        # Spreadsheets put a mark of the byte order before UTF-8.
        return raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as problem:
        line, byte = raw.count(b"\n", 0, problem.start) + 1, raw[problem.start]
        raise DataError(
            f"{path.name} is not {encoding}: line {line} holds the byte 0x{byte:02x}. "
            "Say in what encoding it is (--encoding cp1252, for instance) or save it as UTF-8."
        ) from None
    except LookupError:
        raise ParameterError(
            f"there is no encoding {encoding!r}: utf-8, cp1252, latin-1, utf-16, ..."
        ) from None


def _read_parquet(path: Path) -> Table:
    file = open_parquet(path, REMEDY)
    try:
        table = file.read()
        table.validate(full=True)  # or broken UTF-8 would come up where no file is known
        return Table(table.to_pandas(), _stored_names(table.schema))
    except (OSError, pa.ArrowException) as problem:
        raise DataError(f"{path.name} is damaged or not UTF-8 ({problem}). {REMEDY}") from problem


def _stored_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the class names that `datasets` stores in a Parquet file it writes."""
    if not schema.metadata or b"huggingface" not in schema.metadata:
        return {}
    from datasets import Features

    return class_names_from_features(Features.from_arrow_schema(schema))


def class_names_from_features(features: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of each column that is a ClassLabel of `datasets`."""
    return {column: list(f.names) for column, f in features.items() if hasattr(f, "str2int")}
