from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wholescript.data.films import Corpus, load_corpus
from wholescript.errors import DataError, ParameterError

Save = Callable[..., Path]


@pytest.fixture
def corpus(films: pd.DataFrame, save_films: Save) -> Corpus:
    return load_corpus("local", save_films(films))


def test_dtypes_of_labels_groups_and_columns(corpus: Corpus) -> None:
    assert corpus.labels.dtype == np.int8 and set(corpus.labels) == {0, 1}
    assert corpus.groups.dtype == object and corpus.groups.shape == (40,)
    assert corpus.films["year"].dtype == np.int64
    assert corpus.films["n_words"].eq(12).all()


def test_select_keeps_rows_labels_and_texts_together(corpus: Corpus, films: pd.DataFrame) -> None:
    for rows in ([3, 0, 9], np.isin(np.arange(40), [0, 3, 9])):
        part = corpus.select(rows)
        assert part.texts is not None and list(part.texts) == part.film_ids
        texts = films.set_index("film_id")["text"]
        assert all(part.texts[film_id] == texts[film_id] for film_id in part.film_ids)
        assert part.films.index.tolist() == [0, 1, 2]
        assert part.provenance.fingerprint != corpus.provenance.fingerprint
    assert corpus.select([3, 0, 9]).film_ids == ["tt0000003", "tt0000000", "tt0000009"]
    assert corpus.select(np.ones(40, bool)).provenance == corpus.provenance


def test_sample_is_stratified_and_seeded(corpus: Corpus) -> None:
    part = corpus.sample(20, seed=1)
    assert (len(part), part.labels.sum()) == (20, 5)
    assert part.film_ids == corpus.sample(20, seed=1).film_ids == sorted(part.film_ids)
    assert part.film_ids != corpus.sample(20, seed=2).film_ids
    with pytest.raises(ParameterError, match=r"41 of 40"):
        corpus.sample(41, seed=0)


def test_fingerprint_depends_on_content_only(
    films: pd.DataFrame, save_films: Save, corpus: Corpus
) -> None:
    fingerprint = corpus.provenance.fingerprint
    assert (
        load_corpus("local", save_films(films, row_group_size=7)).provenance.fingerprint
        == fingerprint
    )
    changes = {"text": "Another scene.", "title": "Another", "year": 1950, "won_writing": False}
    for column, value in changes.items():
        changed = films.copy()
        changed.loc[0, column] = value
        assert load_corpus("local", save_films(changed)).provenance.fingerprint != fingerprint
    other = load_corpus("local", save_films(films), target="won_writing")
    assert other.provenance.fingerprint != fingerprint


def test_location_has_no_absolute_path(corpus: Corpus, tmp_path: Path) -> None:
    assert corpus.provenance.location == "own.parquet"
    assert str(tmp_path) not in str(corpus.provenance)


def test_equal_texts_are_in_one_group(films: pd.DataFrame, save_films: Save) -> None:
    films.loc[7, "text"] = films.loc[3, "text"]
    corpus = load_corpus("local", save_films(films))
    assert corpus.groups[7] == "tt0000003" and len(set(corpus.groups)) == 39
    own = films.assign(group=None)
    own.loc[3, "group"] = "mine"
    with pytest.raises(DataError, match=r"1 text.*more than one group.*mine, tt0000007"):
        load_corpus("local", save_films(own))
    own.loc[7, "group"] = "mine"
    assert load_corpus("local", save_films(own)).groups[7] == "mine"


def test_texts_of_non_core_films_are_not_read(films: pd.DataFrame, save_films: Save) -> None:
    table = films.assign(core=films.index != 5)
    table.loc[5, "text"] = ""
    assert len(load_corpus("local", save_films(table))) == 39
    with pytest.raises(DataError, match=r"tt0000005: empty"):
        load_corpus("local", save_films(table), core_only=False)
    with pytest.raises(DataError, match=r"no film with core=True"):
        load_corpus("local", save_films(films.assign(core=False)))


def test_one_class_is_an_error(films: pd.DataFrame, save_films: Save) -> None:
    with pytest.raises(DataError, match=r"own.parquet has 40.*only the class 0"):
        load_corpus("local", save_films(films.assign(nominated_for_writing=False)))


def test_local_split_column_is_checked(films: pd.DataFrame, save_films: Save) -> None:
    split = np.where(films.index < 32, "train", "test")
    assert "split" in load_corpus("local", save_films(films.assign(split=split))).films
    split = np.where(films["nominated_for_writing"], "train", "test")
    with pytest.raises(DataError, match=r"split 'test' has 30"):
        load_corpus("local", save_films(films.assign(split=split)))


@pytest.mark.parametrize(
    ("source", "path", "message"),
    [
        ("bundeled", None, "none of bundled, local, hub"),
        ("local", None, "needs path"),
        ("bundled", "own.parquet", "use source='local'"),
    ],
)
def test_source_and_path_must_go_together(source: str, path: str | None, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load_corpus(source, path)
