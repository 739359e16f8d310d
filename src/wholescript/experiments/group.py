"""The files of one group of runs: `runs.json`, a Parquet file per kind of predictions, histories.

A kill at any moment leaves the old or the new run. Tables are written before runs.json, which
decides which runs there are. Rows that take the place of others first stand beside them, under
a label that only the new entry of runs.json points to (`results.staged_label`).
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from wholescript.errors import RunError
from wholescript.experiments.key import canonical_json
from wholescript.experiments.results import (
    HISTORIES_FILE,
    RUNS,
    SHARED,
    Entry,
    read_histories,
    read_runs,
    staged_label,
)
from wholescript.files import write_atomic

LABEL = "run"  # the first column of each table
LOCK = ".lock"
# 1% larger than with level 19, and three times as fast: each new run rewrites the file.
COMPRESSION_LEVEL = 9

Rows = list[dict[str, str]]
Part: TypeAlias = pa.Table | Rows


def put_run(folder: Path, name: str, entry: Entry, parts: Mapping[str, Part]) -> None:
    """Store a run, or replace it; `parts` has its rows by the name of the file.

    Processes that store runs at the same time wait for each other.
    """
    entry = json.loads(canonical_json(entry))
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / LOCK):
        before = read_runs(folder)
        _settle(folder, before)
        after = {**before, name: entry}
        label = staged_label(name, entry) if name in before else name
        for file, part in parts.items():
            stored = _read_parts(folder / file)
            if name not in stored or not _equal(stored[name], part):
                _write_parts(folder / file, {**stored, label: part}, after)
        _write_runs(folder, after)
        _settle(folder, after)


def change_metadata(folder: Path, name: str, metadata: Mapping[str, Any]) -> None:
    """Change metadata of a stored run.

    Raises:
        RunError: the run has been removed.
    """
    with FileLock(folder.parent / LOCK):
        runs = read_runs(folder)
        if name not in runs:
            raise RunError(f"the run {folder.name}/{name} is gone: make it again")
        _settle(folder, runs)
        _write_runs(folder, {**runs, name: json.loads(canonical_json({**runs[name], **metadata}))})


def read_table(folder: Path, name: str, file: str) -> pa.Table:
    """Return the rows of one run in a Parquet file of its group, without the label.

    Raises:
        RunError: the file is missing or damaged, or lacks the run.
    """
    entry = read_runs(folder).get(name, {})
    try:
        with pq.ParquetFile(folder / file) as parquet:
            row_groups = _row_groups(parquet)
            for label in (staged_label(name, entry), name):
                if label in row_groups:
                    return _own_columns(parquet.read_row_group(row_groups[label]))
    except (OSError, pa.ArrowException) as error:
        raise RunError(_damaged(folder / file)) from error
    raise RunError(f"{file} of {folder.name} lacks the run {name!r}: make it again")


def _settle(folder: Path, runs: Mapping[str, Entry]) -> None:
    """Let the tables hold the rows that `runs` point to, under their names, and no others."""
    for path in (*folder.glob("*.parquet"), folder / HISTORIES_FILE):
        labels = _labels(path)
        wanted = {}
        for name, entry in runs.items():
            if path.name in _files(entry):
                staged = staged_label(name, entry)
                wanted[name] = staged if staged in labels else name
        if set(labels) != set(wanted):
            parts = _read_parts(path)
            kept = {name: parts[label] for name, label in wanted.items() if label in parts}
            _write_parts(path, kept, runs)


def _files(entry: Entry) -> list[str]:
    return [*entry.get("tables", []), *([HISTORIES_FILE] if "history" in entry else [])]


def _write_runs(folder: Path, runs: Mapping[str, Entry]) -> None:
    """Write runs.json: the same bytes for the same runs, what many of them share once."""
    shared: dict[str, dict[str, str]] = {"data": {}, "provenance": {}}

    def refer(kind: str, block: Mapping[str, Any]) -> str:
        ids = shared[kind]
        return ids.setdefault(canonical_json(block), f"{kind[0]}{len(ids) + 1}")

    entries = {}
    for name, entry in sorted(runs.items()):
        block = {key: entry[key] for key in SHARED if key in entry}
        own = {key: value for key, value in entry.items() if key not in block}
        own |= {"data": refer("data", entry["data"]), "provenance": refer("provenance", block)}
        entries[name] = json.loads(canonical_json(own))
    blocks = {
        kind: {block_id: json.loads(text) for text, block_id in ids.items()}
        for kind, ids in shared.items()
    }
    content = {**blocks, "runs": entries}
    write_atomic(folder / RUNS, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _labels(path: Path) -> Iterable[str]:
    if not path.exists():
        return ()
    if path.suffix == ".csv":
        return read_histories(path)
    with _open(path) as parquet:
        return _row_groups(parquet)


def _read_parts(path: Path) -> dict[str, Part]:
    """Return all rows of a file by label; none if there is no file."""
    if not path.exists():
        return {}
    if path.suffix == ".csv":
        return dict(read_histories(path))
    with _open(path) as parquet:
        return {
            label: _own_columns(parquet.read_row_group(index))
            for label, index in _row_groups(parquet).items()
        }


def _write_parts(path: Path, parts: Mapping[str, Part], runs: Mapping[str, Entry]) -> None:
    if not parts:
        path.unlink(missing_ok=True)
    elif path.suffix == ".csv":
        write_atomic(path, _to_csv(parts, runs))
    else:
        write_atomic(path, _to_parquet(parts))


def _equal(a: Part, b: Part) -> bool:
    return a.equals(b) if isinstance(a, pa.Table) else a == b


def _to_parquet(tables: Mapping[str, Any]) -> bytes:
    """Return a Parquet file with one row group per run, sorted by label; zstd.

    A column that one run lacks is null there. The column `id`, of unique strings, has delta
    encoding; all others have a dictionary.
    """
    # The metadata of pandas holds its version, so the bytes would differ between versions.
    own = [table.schema.remove_metadata() for _, table in sorted(tables.items())]
    schema = pa.unify_schemas(own, promote_options="permissive")
    label_field = pa.field(LABEL, pa.dictionary(pa.int32(), pa.string()))
    buffer = io.BytesIO()
    with pq.ParquetWriter(
        buffer,
        pa.schema([label_field, *schema]),
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=[LABEL, *(name for name in schema.names if name != "id")],
        column_encoding={"id": "DELTA_BYTE_ARRAY"} if "id" in schema.names else None,
    ) as writer:
        for label, table in sorted(tables.items()):
            n = len(table)
            columns = [pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), [label])]
            for field in schema:
                known = field.name in table.column_names
                columns.append(
                    table[field.name].cast(field.type) if known else pa.nulls(n, field.type)
                )
            rows = pa.Table.from_arrays(columns, schema=writer.schema)
            writer.write_table(rows, row_group_size=n)
    return buffer.getvalue()


def _to_csv(histories: Mapping[str, Any], runs: Mapping[str, Entry]) -> str:
    """Return a table with the columns of all runs, sorted by label; a run has some of them."""
    columns = dict.fromkeys(c for _, run in sorted(runs.items()) for c in run.get("history", []))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([LABEL, *columns])
    for label, rows in sorted(histories.items()):
        writer.writerows([label, *(row.get(column, "") for column in columns)] for row in rows)
    return text.getvalue()


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise RunError(_damaged(path)) from error


def _row_groups(parquet: pq.ParquetFile) -> dict[str, int]:
    """Return the number of the row group of each label, from the statistics of the file."""
    groups = map(parquet.metadata.row_group, range(parquet.num_row_groups))
    return {group.column(0).statistics.min: index for index, group in enumerate(groups)}


def _own_columns(table: pa.Table) -> pa.Table:
    """Return a table without the label and the columns that only other runs have."""
    return table.select(
        [name for name in table.column_names[1:] if table[name].null_count < len(table)]
    )


def _damaged(path: Path) -> str:
    return (
        f"cannot read {path.parent.name}/{path.name}: restore it, such as with git, or delete the "
        "folder and make its runs again"
    )
