from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from wholescript.data.films import Corpus, load_corpus
from wholescript.errors import DataError, ParameterError
from wholescript.features.film_vectors import join_blocks, load_film_vectors

N, D = 12, 3
VECTORS = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
IDS = [f"tt{number:02}" for number in range(N)]
LEFT_OUT = [2, 7]  # films that are not core


@pytest.fixture
def films() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "film_id": IDS,
            "title": [f"Film {number}" for number in range(N)],
            "year": 2000,
            "text": [f"A script about number {number}." for number in range(N)],
            "core": [number not in LEFT_OUT for number in range(N)],
            "nominated_for_writing": [number % 3 == 0 for number in range(N)],
            "vector": list(VECTORS.astype(np.float64)),
        }
    )


@pytest.fixture
def load(films: pd.DataFrame, tmp_path: Path) -> Callable[..., Corpus]:
    """Return a function that loads the films, with columns replaced."""

    def load(core_only: bool = True, **columns: Any) -> Corpus:
        path = tmp_path / "own.parquet"
        films.assign(**columns).to_parquet(path, index=False)
        return load_corpus("local", path, core_only=core_only)

    return load


@pytest.fixture
def corpus(load: Callable[..., Corpus]) -> Corpus:
    return load(core_only=False)


def wide(ids: list[str] = IDS, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"film_id": ids} | columns)


def in_lists(vectors: Any = None, ids: list[str] = IDS, key: str = "film_id") -> pd.DataFrame:
    return pd.DataFrame({key: ids, "e5": list(VECTORS if vectors is None else vectors)})


def test_arrays_are_in_the_order_of_the_films(corpus: Corpus, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", VECTORS)
    save_file({"any name": VECTORS}, tmp_path / "v.safetensors")
    for name in ("v.npy", "v.safetensors"):
        found = load_film_vectors(corpus, [tmp_path / name])
        np.testing.assert_array_equal(found.values, VECTORS)
        assert found.values.dtype == np.float32 and found.widths == (D,)
    save_file({"a": VECTORS, "b": 2 * VECTORS}, tmp_path / "two.safetensors")
    found = load_film_vectors(corpus, [tmp_path / "two.safetensors"], vector_column="b")
    np.testing.assert_array_equal(found.values, 2 * VECTORS)
    for given, problem in ((None, "several tensors"), ("c", "no tensor 'c'")):
        with pytest.raises(DataError, match=f"{problem}; there are: a, b.*--vector-column"):
            load_film_vectors(corpus, [tmp_path / "two.safetensors"], vector_column=given)


def test_rows_are_those_of_all_films_or_of_the_core(
    load: Callable[..., Corpus], tmp_path: Path
) -> None:
    core = load()
    assert len(core) == N - len(LEFT_OUT)
    expected = np.delete(VECTORS, LEFT_OUT, axis=0)
    for rows in (VECTORS, expected):
        np.save(tmp_path / "v.npy", rows)
        np.testing.assert_array_equal(
            load_film_vectors(core, [tmp_path / "v.npy"]).values, expected
        )
    np.save(tmp_path / "v.npy", VECTORS[:-1])
    with pytest.raises(DataError, match=r"v.npy has 11 rows for 10 films \(12 with those that are"):
        load_film_vectors(core, [tmp_path / "v.npy"])


def test_rows_of_parquet_are_found_by_id_or_title(corpus: Corpus, tmp_path: Path) -> None:
    path, shuffled = tmp_path / "v.parquet", np.random.default_rng(1).permutation(N)
    dimensions = {f"d{i}": VECTORS[:, i] for i in range(D)}
    titles = [f"Film {number}" for number in range(N)]
    tables: list[tuple[pd.DataFrame, dict[str, str]]] = [
        (in_lists(), {}),
        (wide(**dimensions), {}),
        (in_lists(ids=titles, key="title"), {}),
        (in_lists(key="tconst"), {"id_column": "tconst"}),
        (in_lists().assign(source="x"), {}),
        (in_lists().assign(other=list(2 * VECTORS)), {"vector_column": "e5"}),
    ]
    for table, options in tables:
        table.iloc[shuffled].to_parquet(path, index=False)
        np.testing.assert_array_equal(load_film_vectors(corpus, [path], **options).values, VECTORS)


def test_fixed_size_lists_and_half_precision_are_read(corpus: Corpus, tmp_path: Path) -> None:
    half = VECTORS.astype(np.float16)
    column = pa.FixedSizeListArray.from_arrays(pa.array(half.ravel()), D)
    pq.write_table(pa.table({"film_id": IDS, "v": column}), tmp_path / "v.parquet")
    found = load_film_vectors(corpus, [tmp_path / "v.parquet"])
    np.testing.assert_array_equal(found.values, half.astype(np.float32))


def test_several_files_and_columns_are_side_by_side(corpus: Corpus, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", 2 * VECTORS[:, :2])
    found = load_film_vectors(corpus, [tmp_path / "v.npy"], ["vector"])
    np.testing.assert_array_equal(found.values, np.hstack([VECTORS, 2 * VECTORS[:, :2]]))
    assert found.widths == (3, 2)
    np.testing.assert_array_equal(found.select(np.array([4, 1])).values, found.values[[4, 1]])


def test_a_column_of_the_data_set_follows_the_films(load: Callable[..., Corpus]) -> None:
    core = load()
    expected = np.delete(VECTORS, LEFT_OUT, axis=0)
    np.testing.assert_array_equal(load_film_vectors(core, (), ["vector"]).values, expected)
    with pytest.raises(DataError, match=r"own.parquet has no column 'vectr'; .*mean 'vector'"):
        load_film_vectors(core, (), ["vectr"])
    for name in ("text", "year"):
        with pytest.raises(
            DataError, match=rf"'{name}' of the data set own.parquet is (large_)?\w+"
        ):
            load_film_vectors(core, (), [name])


def test_vectors_are_identified_by_their_values() -> None:
    first = join_blocks([VECTORS]).identity
    assert join_blocks([VECTORS.copy()]).identity == first
    assert join_blocks([VECTORS[:, :1], VECTORS[:, 1:]]).identity != first
    assert join_blocks([VECTORS + 1e-3]).identity != first


def changed(row: int, value: object) -> list[Any]:
    rows: list[Any] = list(VECTORS.astype(np.float64))
    rows[row] = value
    return rows


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (in_lists(changed(5, [1.0, np.nan, 2.0])), "NaN, infinity or nothing in 1 of 12.*tt05"),
        (in_lists(changed(5, [1.0, None, 2.0])), "NaN, infinity or nothing in 1 of 12.*tt05"),
        (in_lists(changed(5, [1.0, np.inf, 2.0])), "1 of 12 vectors, those of tt05"),
        (in_lists(changed(5, [1.0, 2.0])), "vectors of 2 to 3 numbers, 2 for the film tt05"),
        (in_lists([[]] * N), "null|at least 1"),
        (in_lists(changed(5, None)), "'e5' of v.parquet is empty for 1 film.*tt05"),
        (in_lists([["a", "b"]] * N), "'e5' of v.parquet is list<.*a vector is a list of numbers"),
        (wide(d0=VECTORS[:, 0], kind="x"), "the column 'kind' of v.parquet is .*string.*numbers"),
        (wide(d0=[None, *VECTORS[1:, 0]]), "NaN, infinity or nothing in 1 of 12.*tt00"),
        (wide(), "v.parquet has no column beside the ids"),
        (in_lists().head(10), "2 of the 12 films have no row in v.parquet: tt10, tt11"),
        (in_lists(ids=[*IDS[:-1], "tt99"]), "1 of the 12 rows .* of no film: tt99"),
        (in_lists(ids=[*IDS[:-1], "tt00"]), r"1 value\(s\) of 'film_id' occur more than once"),
        (in_lists(ids=[*IDS[:-1], None]), "'film_id' of v.parquet is empty in row 11"),
        (in_lists(key="number"), "none of the columns film_id, .*it has number, e5.*--id-column"),
        (in_lists().assign(b=list(VECTORS)), "several columns of vectors: e5, b. Name one"),
    ],
)
def test_a_table_that_does_not_fit_is_an_error_that_names_the_film(
    corpus: Corpus, tmp_path: Path, table: pd.DataFrame, message: str
) -> None:
    table.to_parquet(tmp_path / "v.parquet", index=False)
    with pytest.raises(DataError, match=message):
        load_film_vectors(corpus, [tmp_path / "v.parquet"])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (VECTORS[:5], "v.npy has 5 rows for 12 films: give one row a film"),
        (VECTORS[:, 0], r"float32 of shape \(12,\)"),
        (VECTORS.astype(str), r"<U\d+ of shape \(12, 3\): give numbers"),
        (
            np.where(np.arange(N)[:, None] == 3, np.nan, VECTORS),
            "in 1 of 12 vectors, those of tt03",
        ),
    ],
)
def test_an_array_that_does_not_fit_is_an_error(
    corpus: Corpus, tmp_path: Path, array: np.ndarray, message: str
) -> None:
    np.save(tmp_path / "v.npy", array)
    with pytest.raises(DataError, match=message):
        load_film_vectors(corpus, [tmp_path / "v.npy"])


def test_files_that_cannot_be_read_are_errors(corpus: Corpus, tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}, []], object), allow_pickle=True)
    np.save(tmp_path / "whole.npy", VECTORS)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:-4])
    (tmp_path / "empty.npy").write_bytes(b"")
    for name in ("cut.safetensors", "cut.parquet", "vectors.csv"):
        (tmp_path / name).write_text("film_id,d0\n")
    for name in ("objects.npy", "cut.npy", "empty.npy", "cut.safetensors", "cut.parquet"):
        with pytest.raises(DataError, match=name):
            load_film_vectors(corpus, [tmp_path / name])
    with pytest.raises(DataError, match=r"vectors.csv is none of .npy, .safetensors, .parquet"):
        load_film_vectors(corpus, [tmp_path / "vectors.csv"])
    with pytest.raises(DataError, match=r"absent.npy does not exist"):
        load_film_vectors(corpus, [tmp_path / "absent.npy"])
    with pytest.raises(DataError, match=r"whole.npy has no column 'id': only Parquet files"):
        load_film_vectors(corpus, [tmp_path / "whole.npy"], id_column="id")
    with pytest.raises(ParameterError, match="no embeddings"):
        load_film_vectors(corpus)


def test_titles_of_several_films_identify_none(load: Callable[..., Corpus], tmp_path: Path) -> None:
    corpus = load(core_only=False, title=["Film 0", "Film 0", *map(str, range(2, N))])
    in_lists(ids=list(corpus.films["title"]), key="title").to_parquet(tmp_path / "v.parquet")
    with pytest.raises(DataError, match=r"1 title\(s\) are those of several films: Film 0"):
        load_film_vectors(corpus, [tmp_path / "v.parquet"])


def test_vectors_of_films_that_are_left_out_are_allowed(
    load: Callable[..., Corpus], tmp_path: Path
) -> None:
    in_lists().to_parquet(tmp_path / "v.parquet")
    found = load_film_vectors(load(), [tmp_path / "v.parquet"])
    np.testing.assert_array_equal(found.values, np.delete(VECTORS, LEFT_OUT, axis=0))
