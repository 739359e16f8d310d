from collections.abc import Callable
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wholescript.data.films import HUB_REVISION, load_corpus
from wholescript.errors import BundleError, DataError

Save = Callable[..., Path]


def test_bundled_films_have_no_texts(bundle: Path) -> None:
    corpus = load_corpus(bundle_dir=bundle)
    assert (len(corpus), corpus.texts) == (35, None)
    assert corpus.provenance.location == "data/films.parquet"
    assert len(load_corpus(bundle_dir=bundle, core_only=False)) == 40


def test_absent_bundle_suggests_the_other_sources(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"does not exist.*source='local'.*source='hub'"):
        load_corpus(bundle_dir=tmp_path)


@pytest.mark.parametrize("length", [0, 3, 0.5, 0.99])
def test_truncated_bundle_is_a_bundle_error(bundle: Path, length: float) -> None:
    path = bundle / "films.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: length if isinstance(length, int) else int(length * len(content))])
    with pytest.raises(BundleError, match=r"truncated"):
        load_corpus(bundle_dir=bundle)


def test_bundle_without_a_column_or_with_duplicate_ids_is_a_bundle_error(bundle: Path) -> None:
    path = bundle / "films.parquet"
    table = pd.read_parquet(path)
    table.drop(columns="group").to_parquet(path)
    with pytest.raises(BundleError, match=r"'group'"):
        load_corpus(bundle_dir=bundle)
    table.assign(film_id="tt1").to_parquet(path)
    with pytest.raises(BundleError, match=r"more than once"):
        load_corpus(bundle_dir=bundle)


def test_local_file_needs_five_columns(films: pd.DataFrame, save_films: Save) -> None:
    corpus = load_corpus("local", save_films(films.drop(columns="won_writing")))
    assert corpus.labels.sum() == 10 and corpus.films["core"].all()
    assert corpus.films["source"].eq("local").all()
    assert corpus.groups.tolist() == corpus.film_ids == films["film_id"].tolist()
    assert corpus.texts is not None and list(corpus.texts.values()) == films["text"].tolist()


@pytest.mark.parametrize("column", ["film_id", "title", "year", "text", "nominated_for_writing"])
def test_missing_column_suggests_the_nearest(
    films: pd.DataFrame, save_films: Save, column: str
) -> None:
    path = save_films(films.rename(columns={column: f"{column}s"}))
    with pytest.raises(DataError, match=f"no column '{column}'.*mean '{column}s'"):
        load_corpus("local", path)


def test_only_the_target_label_is_needed(films: pd.DataFrame, save_films: Save) -> None:
    path = save_films(films.drop(columns="nominated_for_writing"))
    assert load_corpus("local", path, target="won_writing").labels.sum() == 5


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("film_id", "tt0000001", "more than once"),
        ("title", None, "1 film.* no title: tt0000000"),
        ("year", "nineteen", "1 film.* no year: tt0000000"),
        ("year", "1999.5", "1 film.* no year: tt0000000"),
        ("nominated_for_writing", "maybe", "'nominated_for_writing' has 'maybe'"),
        ("text", "", "tt0000000: empty"),
        ("text", "a\0b", "tt0000000: binary"),
    ],
)
def test_invalid_value_names_its_film(
    films: pd.DataFrame, save_films: Save, column: str, value: object, message: str
) -> None:
    # As strings, so that any value fits into the column.
    values = [value, *films[column].astype(str)[1:]]
    with pytest.raises(DataError, match=message):
        load_corpus("local", save_films(films.assign(**{column: values})))


def test_text_in_another_encoding_names_its_film(films: pd.DataFrame, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(films.drop(columns="text"))
    latin = pa.array([text.encode("latin-1") for text in films["text"]], pa.binary())
    for column in (latin, latin.view(pa.string())):
        pq.write_table(table.append_column("text", column), tmp_path / "own.parquet")
        with pytest.raises(DataError, match=r"40 text.*tt0000000: not UTF-8.*35 more"):
            load_corpus("local", tmp_path / "own.parquet")


def test_numeric_text_column_is_an_error(films: pd.DataFrame, save_films: Save) -> None:
    with pytest.raises(DataError, match=r"'text' of own.parquet is int64"):
        load_corpus("local", save_films(films.assign(text=1)))


def test_absent_or_non_parquet_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not exist.*source='bundled'"):
        load_corpus("local", tmp_path / "absent.parquet")
    (tmp_path / "own.csv").write_text("film_id,text\n")
    with pytest.raises(DataError, match=r"not a Parquet file"):
        load_corpus("local", tmp_path / "own.csv")


def test_hub_splits_and_cleaned_texts_are_used(
    films: pd.DataFrame, hub_folder: Callable[..., Path]
) -> None:
    corpus = load_corpus("hub", hub_folder())
    assert corpus.films["split"].value_counts().to_dict() == {
        "train": 24,
        "validation": 8,
        "test": 8,
    }
    assert corpus.film_ids == films["film_id"].tolist()
    assert corpus.labels.tolist() == films["nominated_for_writing"].astype(int).tolist()
    assert "won_writing" not in corpus.films
    assert corpus.texts is not None
    assert list(corpus.texts.values()) == films["text"].str.strip().tolist()


def test_winners_of_the_hub_are_from_the_awards_table(
    hub_folder: Callable[..., Path], awards: Path
) -> None:
    folder = hub_folder()
    with pytest.raises(DataError, match=r"'won_writing'.*awards_table"):
        load_corpus("hub", folder, target="won_writing")
    # One winner is in train, one in test, none in validation.
    with pytest.raises(DataError, match=r"split 'validation' has 8"):
        load_corpus("hub", folder, target="won_writing", awards_table=awards)
    corpus = load_corpus("hub", folder, awards_table=awards)
    winners = corpus.films.loc[corpus.films["won_writing"], "film_id"].tolist()
    assert winners == ["tt0000000", "tt0000036"]
    assert corpus.labels.sum() == 10  # nominations are the hub's


def test_hub_film_without_clean_text_id_or_year(
    films: pd.DataFrame, hub_folder: Callable[..., Path]
) -> None:
    first = films.index == 0
    corpus = load_corpus(
        "hub",
        hub_folder(
            script_clean=films["text"].where(~first, None),
            script_plain=films["text"].where(~first, ""),
            imdb_id=films["film_id"].where(~first, None),
            year=films["year"].astype("Int64").where(~first, None),
        ),
    )
    assert corpus.texts is not None
    assert corpus.film_ids[0] == "Film 0_1980" and corpus.films["year"][0] == 1980
    assert corpus.texts["Film 0_1980"].startswith("<scene>")


def test_text_in_two_hub_splits_is_a_warning_that_names_the_splits(
    films: pd.DataFrame, hub_folder: Callable[..., Path]
) -> None:
    shared = films["text"].mask(films.index == 39, films["text"][0])
    with pytest.warns(UserWarning, match=r"1 text.* more than one split.*train, test"):
        corpus = load_corpus("hub", hub_folder(script_clean=shared))
    assert corpus.groups[39] == corpus.groups[0] == "tt0000000"


def test_hub_rows_with_one_imdb_id_are_films_of_one_group(
    films: pd.DataFrame, hub_folder: Callable[..., Path]
) -> None:
    twice = films["film_id"].mask(films.index.isin([7, 30, 31]), films["film_id"][3])
    names = (films["title"] + "_" + films["year"].astype(str)).mask(
        films.index == 31, "Film 7_1987"
    )
    corpus = load_corpus("hub", hub_folder(imdb_id=twice, movie_name=names))
    assert len(corpus) == len(set(corpus.film_ids)) == 40
    renamed = {3: "Film 3_1983", 7: "Film 7_1987", 30: "Film 30_2010", 31: "Film 7_1987-2"}
    assert {row: corpus.film_ids[row] for row in renamed} == renamed
    assert {corpus.groups[row] for row in renamed} == {"tt0000003"}
    assert len(set(corpus.groups)) == 37


def test_hub_columns_are_checked(films: pd.DataFrame, hub_folder: Callable[..., Path]) -> None:
    folder = hub_folder()
    for part in folder.iterdir():
        pd.read_parquet(part).rename(columns={"script_plain": "plain"}).to_parquet(part)
    with pytest.raises(DataError, match=r"no column 'script_plain'"):
        load_corpus("hub", folder)


def test_hub_is_loaded_at_the_pinned_revision(
    hub_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, load = hub_folder(), datasets.load_dataset_builder
    requests = []

    def from_copy(name: str, subset: None, *, revision: str) -> datasets.DatasetBuilder:
        requests.append((name, revision))
        return load(str(folder))

    monkeypatch.setattr(datasets, "load_dataset_builder", from_copy)
    corpus = load_corpus("hub")
    assert requests == [("Francis2003/Movie-O-Label", HUB_REVISION)]
    assert corpus.provenance.location == f"Francis2003/Movie-O-Label@{HUB_REVISION}"


def test_unreachable_hub_suggests_the_other_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset_builder", offline)
    with pytest.raises(DataError, match=r"no network.*source='bundled'.*source='local'"):
        load_corpus("hub")
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"absent cannot be loaded"):
        load_corpus("hub", tmp_path / "absent")
