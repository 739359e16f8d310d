"""Precomputed embeddings: one vector a film, from a file or from a column of the data set.

A `.npy` file and a tensor of a `.safetensors` file have a row for each film, in the order of the
source. A Parquet file has a column of ids, so that its rows may be in any order, and either a
column of lists or a column for each dimension.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load_file

from wholescript.data.checks import list_some, require_columns
from wholescript.data.films.corpus import Corpus
from wholescript.data.films.labels import TARGETS
from wholescript.data.tables import check_is_file, open_parquet
from wholescript.errors import DataError, ParameterError

FORMATS = (".npy", ".safetensors", ".parquet")
ID_COLUMNS = ("film_id", "imdb_id", "title")
"""Columns that are looked for in a Parquet file, in this order; the last has titles, not ids."""

NO_DIMENSIONS = {*ID_COLUMNS, *TARGETS, "label", "year", "core", "split", "n_words"}
"""Columns that are facts of a film: a label among the dimensions would predict itself."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FilmVectors:
    """Vectors of n films, `values` (n, d) float32: blocks of `widths` columns side by side.

    `identity` says what they are, JSON-able: it is part of the key of a run that uses them.
    """

    values: Floats
    widths: tuple[int, ...]
    identity: Mapping[str, Any] = field(default_factory=dict)

    def select(self, indices: NDArray[np.int64]) -> "FilmVectors":
        """Return the films at `indices`, in that order."""
        return FilmVectors(self.values[indices], self.widths, self.identity)


def join_blocks(blocks: Sequence[Floats], identity: Mapping[str, Any] | None = None) -> FilmVectors:
    """Return blocks (n, d) of vectors side by side; by default their bytes identify them."""
    values = np.concatenate(blocks, axis=1)
    widths = tuple(block.shape[1] for block in blocks)
    if identity is None:
        digest = hashlib.sha256(np.ascontiguousarray(values, "<f4").tobytes()).hexdigest()
        identity = {"widths": list(widths), "sha256": digest}
    return FilmVectors(values, widths, identity)


def load_film_vectors(
    corpus: Corpus,
    files: Sequence[Path] = (),
    columns: Sequence[str] = (),
    *,
    id_column: str | None = None,
    vector_column: str | None = None,
) -> FilmVectors:
    """Read the vectors of all films of a corpus, those of several files or columns side by side.

    Args:
        corpus: the films, before any sample is drawn of them.
        files: files of one of `FORMATS`.
        columns: columns of lists in the data set itself.
        id_column: the column of a Parquet file with the ids of the films; default: the first of
            `ID_COLUMNS` that it has. Called title, it has titles.
        vector_column: the column of lists in a Parquet file, or the name of the tensor; default:
            the only one.

    Raises:
        DataError: a file or column cannot be used; the message names the film or row.
        ParameterError: there is neither a file nor a column.
    """
    if not (files or columns):
        raise ParameterError("no embeddings: give a file or a column of the data set")
    blocks = [_read_column(corpus, name) for name in columns]
    blocks += [_read_file(corpus, path, id_column, vector_column) for path in files]
    return join_blocks(blocks)


def _read_file(
    corpus: Corpus, path: Path, id_column: str | None, vector_column: str | None
) -> Floats:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise DataError(f"{path.name} is none of {', '.join(FORMATS)}: save the vectors as one.")
    check_is_file(path)
    if suffix == ".parquet":
        return _read_parquet(corpus, path, id_column, vector_column)
    if id_column is not None:
        raise DataError(
            f"{path.name} has no column {id_column!r}: only Parquet files have ids; rows of "
            f"{suffix} files are in the order of the films."
        )
    array = _load_npy(path) if suffix == ".npy" else _load_tensor(path, vector_column)
    return _in_corpus_order(corpus, array, path.name)


def _load_npy(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, OSError, EOFError) as error:
        raise DataError(
            f"{path.name} is damaged or holds no numbers ({error}): write it with numpy.save."
        ) from None


def _load_tensor(path: Path, name: str | None) -> NDArray[Any]:
    try:
        tensors = load_file(path)
    except (safetensors.SafetensorError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path.name} is damaged, or its type is unknown to NumPy ({error}): write float32 "
            "with safetensors.numpy.save_file."
        ) from None
    if name is None and len(tensors) == 1:
        return next(iter(tensors.values()))
    if name not in tensors:
        problem = "several tensors" if name is None else f"no tensor {name!r}"
        raise DataError(
            f"{path.name} has {problem}; there are: {list_some(sorted(tensors)) or 'none'}. Name "
            "one: --vector-column NAME."
        )
    return tensors[name]


def _in_corpus_order(corpus: Corpus, array: NDArray[Any], where: str) -> Floats:
    """Check an array without ids, with a row for each film of the corpus or of the whole source."""
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise DataError(
            f"{where} has {array.dtype} of shape {array.shape}: give numbers of shape (films, "
            "dimensions)."
        )
    source_ids = _source_ids(corpus)
    if len(array) == len(corpus):
        return _finite(array, corpus.film_ids, where)
    if len(array) == len(source_ids):
        row_of = {film_id: row for row, film_id in enumerate(source_ids)}
        rows = [row_of[film_id] for film_id in corpus.film_ids]
        return _finite(array[rows], corpus.film_ids, where)
    left_out = len(source_ids) - len(corpus)
    whole = f" ({len(source_ids):,} with those that are left out)" if left_out else ""
    raise DataError(
        f"{where} has {len(array):,} rows for {len(corpus):,} films{whole}: give one row a film, "
        "in the order of the films, or a Parquet file with a column film_id."
    )


def _read_parquet(
    corpus: Corpus, path: Path, id_column: str | None, vector_column: str | None
) -> Floats:
    hint = "Write the file again."
    file = open_parquet(path, hint)
    present = file.schema_arrow.names
    candidates = [name for name in ID_COLUMNS if name in present]
    key = id_column or (candidates[0] if candidates else None)
    if key is None:
        raise DataError(
            f"{path.name} has none of the columns {', '.join(ID_COLUMNS)}; it has "
            f"{', '.join(present)}. Name the one with the ids of the films: --id-column COLUMN."
        )
    wanted = (key, vector_column) if vector_column else (key,)
    options = {key: "--id-column"} | ({vector_column: "--vector-column"} if vector_column else {})
    require_columns(present, wanted, path.name, options=options)
    try:
        table = file.read()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path.name} is damaged ({error}). {hint}") from None
    rows = _rows_of_films(corpus, table.column(key), key, path.name)
    ids = corpus.film_ids
    if vector_column is None:
        vector_column = _only_list_column(table, key, path.name)
    if vector_column is not None:
        return _from_lists(table.column(vector_column).take(rows), ids, vector_column, path.name)
    return _from_wide(table.drop_columns([key]).take(rows), ids, path.name)


def _rows_of_films(
    corpus: Corpus, column: pa.ChunkedArray, key: str, where: str
) -> NDArray[np.int64]:
    """Return the row of each film of the corpus, by ids or titles; all rows must be of films."""
    is_title = key == "title"
    films = corpus.films if corpus.origin is None else corpus.origin.films
    own = corpus.films["title" if is_title else "film_id"].astype(str)
    known = films["title" if is_title else "film_id"].astype(str)
    given = pd.Series(column.to_pylist(), dtype=object)
    if given.isna().any():
        empty = list_some(np.flatnonzero(given.isna()).tolist())
        raise DataError(f"the column {key!r} of {where} is empty in row {empty}: give each an id.")
    given = given.astype(str)
    if is_title and own.duplicated().any():
        shared = own[own.duplicated()].unique().tolist()
        raise DataError(
            f"{len(shared)} title(s) are those of several films: {list_some(shared)}. Give the "
            "vectors a column film_id."
        )
    if (repeated := given[given.duplicated()].unique().tolist()) != []:
        raise DataError(
            f"{len(repeated)} value(s) of {key!r} occur more than once in {where}: "
            f"{list_some(repeated)}. Keep one row a film."
        )
    if unknown := given[~given.isin(known)].tolist():
        raise DataError(
            f"{len(unknown)} of the {len(given)} rows of {where} have a {key} of no film: "
            f"{list_some(unknown)}. Leave them out, or name another column: --id-column COLUMN."
        )
    if missing := own[~own.isin(given)].tolist():
        raise DataError(
            f"{len(missing)} of the {len(own)} films have no row in {where}: {list_some(missing)}. "
            "Add their vectors."
        )
    return pd.Index(given).get_indexer(pd.Index(own)).astype(np.int64)


def _only_list_column(table: pa.Table, key: str, where: str) -> str | None:
    lists = [each.name for each in table.schema if _is_list(each.type) and each.name != key]
    if len(lists) > 1:
        raise DataError(
            f"{where} has several columns of vectors: {', '.join(lists)}. Name one: "
            "--vector-column COLUMN."
        )
    return lists[0] if lists else None


def _read_column(corpus: Corpus, name: str) -> Floats:
    """Return the vectors in a column of the data set of a corpus."""
    origin = corpus.origin
    if origin is None or origin.read_column is None:
        raise ParameterError(
            f"embeddings of the column {name!r}: bundled films have no such columns; use source "
            "local with a path, or hub, or give a file"
        )
    require_columns(origin.columns, [name], f"the data set {origin.location}")
    row_of = {film_id: row for row, film_id in enumerate(origin.films["film_id"])}
    rows = np.array([row_of[film_id] for film_id in corpus.film_ids], np.int64)
    return _from_lists(
        origin.read_column(name).take(rows),
        corpus.film_ids,
        name,
        f"the data set {origin.location}",
    )


def _from_lists(column: pa.ChunkedArray, film_ids: Sequence[str], name: str, where: str) -> Floats:
    """Return the lists of numbers of a column as an array, (n, d)."""
    named = f"the column {name!r} of {where}"
    if not _is_list(column.type) or not _is_number(column.type.value_type):
        raise DataError(
            f"{named} is {column.type}: a vector is a list of numbers. Name another column."
        )
    if column.null_count:
        missing = [film_ids[i] for i in np.flatnonzero(column.is_null().to_numpy()).tolist()]
        raise DataError(f"{named} is empty for {len(missing)} film(s): {list_some(missing)}.")
    lengths = np.array([len(value) for value in column], np.int64)
    usual = int(np.bincount(lengths).argmax())
    if (lengths != usual).any() or not usual:
        row = int(np.argmax(lengths != usual))
        raise DataError(
            f"{named} has vectors of {lengths.min()} to {lengths.max()} numbers, {lengths[row]} "
            f"for the film {film_ids[row]}: all must have the same length, at least 1."
        )
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return _finite(flat.reshape(len(column), usual), film_ids, named)


def _from_wide(table: pa.Table, film_ids: Sequence[str], where: str) -> Floats:
    """Return a table with a column for each dimension as an array, (n, d).

    The index that pandas writes is left out; labels and other facts of films are refused.
    """
    names = [name for name in table.column_names if not name.startswith("__index_level_")]
    if facts := [name for name in names if name in NO_DIMENSIONS]:
        raise DataError(
            f"the column {facts[0]!r} of {where} would be read as a dimension of the vectors: "
            "without a column of lists all columns but the ids are; leave it out of the file"
        )
    table = table.select(names)
    if other := [each.name for each in table.schema if not _is_number(each.type)]:
        dtype = table.schema.field(other[0]).type
        raise DataError(
            f"the column {other[0]!r} of {where} is {dtype}, and there is no column of lists: "
            "without one all columns but the ids are numbers. Name the column of the vectors: "
            "--vector-column COLUMN."
        )
    if not table.num_columns:
        raise DataError(f"{where} has no column beside the ids: add the vectors.")
    columns = [column.to_numpy(zero_copy_only=False) for column in table.columns]
    return _finite(np.column_stack(columns), film_ids, where)


def _finite(array: NDArray[Any], film_ids: Sequence[str], where: str) -> Floats:
    """Return an array as float32; raise DataError that names the films with NaN or infinity."""
    values = np.asarray(array, np.float32)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise DataError(
            f"{where} has NaN, infinity or nothing in {len(bad)} of {len(values)} vectors, those "
            f"of {list_some([film_ids[row] for row in bad.tolist()])}: embed these films again."
        )
    return values


def _source_ids(corpus: Corpus) -> list[str]:
    films = corpus.films if corpus.origin is None else corpus.origin.films
    return films["film_id"].tolist()


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
