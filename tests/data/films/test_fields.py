from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from wholescript.data.films import Corpus, load_corpus
from wholescript.errors import DataError, ParameterError

Save = Callable[..., Path]


@pytest.fixture
def with_summaries(films: pd.DataFrame) -> pd.DataFrame:
    return films.assign(summary=[f"About {word}, {n}." for n, word in enumerate(films["title"])])


def texts_of(corpus: Corpus) -> list[str]:
    assert corpus.texts is not None
    return list(corpus.texts.values())


def test_each_field_of_a_local_file_can_be_the_input(
    with_summaries: pd.DataFrame, save_films: Save
) -> None:
    path = save_films(with_summaries)
    columns = {"script": "text", "summary": "summary", "title": "title"}
    for fields, column in columns.items():
        corpus = load_corpus("local", path, fields=fields)
        assert texts_of(corpus) == with_summaries[column].tolist()
        assert corpus.films["n_words"].tolist() == [len(t.split()) for t in with_summaries[column]]
    table = with_summaries
    joined = (table["title"] + "\n\n" + table["summary"] + "\n\n" + table["text"]).tolist()
    assert texts_of(load_corpus("local", path, fields="all")) == joined
    prints = {
        load_corpus("local", path, fields=fields).provenance.fingerprint
        for fields in (*columns, "all")
    }
    assert len(prints) == 4
    assert load_corpus("local", path).provenance.fingerprint in prints


def test_each_field_of_the_hub_can_be_the_input(
    films: pd.DataFrame, hub_folder: Callable[..., Path]
) -> None:
    folder = hub_folder()
    summaries = [f"A made-up summary of {title}." for title in films["title"]]
    scripts = films["text"].str.strip()
    assert texts_of(load_corpus("hub", folder, fields="title")) == films["title"].tolist()
    assert texts_of(load_corpus("hub", folder, fields="summary")) == summaries
    parts = zip(films["title"], summaries, scripts, strict=True)
    assert texts_of(load_corpus("hub", folder, fields="all")) == ["\n\n".join(p) for p in parts]


def test_texts_of_single_fields_and_scripts_follow_the_films(
    with_summaries: pd.DataFrame, save_films: Save
) -> None:
    corpus = load_corpus("local", save_films(with_summaries), fields="all").select([5, 2])
    for name, column in (("title", "title"), ("summary", "summary"), ("script", "text")):
        found = corpus.text_of(name)
        assert found is not None
        assert list(found.values()) == with_summaries[column][[5, 2]].tolist()
    assert corpus.scripts is not None
    assert list(corpus.scripts.values()) == with_summaries["text"][[5, 2]].tolist()
    titles = load_corpus("local", save_films(with_summaries), fields="title").select([5, 2])
    assert titles.scripts is not None
    assert list(titles.scripts.values()) == with_summaries["text"][[5, 2]].tolist()


def test_an_input_without_scripts_needs_no_column_of_them(
    with_summaries: pd.DataFrame, save_films: Save
) -> None:
    path = save_films(with_summaries.drop(columns=["text"]))
    for fields in ("title", "summary"):
        corpus = load_corpus("local", path, fields=fields)
        assert len(corpus) == 40 and corpus.scripts is None
    with pytest.raises(DataError, match=r"no column 'text'; it has film_id, .*summary"):
        load_corpus("local", path, fields="all")


def test_a_missing_column_is_named_with_those_that_are_there(
    films: pd.DataFrame, save_films: Save, hub_folder: Callable[..., Path]
) -> None:
    own = save_films(films.assign(sumary="x"))
    with pytest.raises(DataError, match=r"own.parquet has no column 'summary'; .*mean 'sumary'"):
        load_corpus("local", own, fields="summary")
    folder = hub_folder()
    for part in folder.iterdir():
        pd.read_parquet(part).drop(columns="summary").to_parquet(part)
    assert len(load_corpus("hub", folder)) == 40
    for fields in ("summary", "all"):
        with pytest.raises(DataError, match=r"no column 'summary'; it has movie_name, imdb_id"):
            load_corpus("hub", folder, fields=fields)


def test_a_column_of_numbers_is_no_summary(films: pd.DataFrame, save_films: Save) -> None:
    path = save_films(films.assign(summary=3.5))
    with pytest.raises(DataError, match=r"'summary' of own.parquet is double; it must be text"):
        load_corpus("local", path, fields="summary")
    assert len(load_corpus("local", path)) == 40


def test_unknown_fields_and_bundled_films_are_errors(
    films: pd.DataFrame, save_films: Save, bundle: Path
) -> None:
    with pytest.raises(ParameterError, match=r"fields='sumary' is unknown; did you mean 'summary'"):
        load_corpus("local", save_films(films), fields="sumary")
    with pytest.raises(ParameterError, match=r"fields='title': bundled films have features of"):
        load_corpus("bundled", bundle_dir=bundle, fields="title")


def test_an_empty_summary_is_left_out_of_all_fields_and_an_empty_script_is_an_error(
    with_summaries: pd.DataFrame, save_films: Save
) -> None:
    table = with_summaries.copy()
    table.loc[4, "summary"] = None
    path = save_films(table)
    assert texts_of(load_corpus("local", path, fields="all"))[4] == f"Film 4\n\n{table['text'][4]}"
    with pytest.raises(DataError, match=r"1 text.* tt0000004: empty"):
        load_corpus("local", path, fields="summary")
    table.loc[4, "text"] = " "
    with pytest.raises(DataError, match=r"1 text.* tt0000004: empty"):
        load_corpus("local", save_films(table), fields="all")


def test_two_films_of_one_title_may_be_in_two_splits(films: pd.DataFrame, save_films: Save) -> None:
    table = films.assign(split=["train"] * 20 + ["test"] * 20)
    table["title"] = table["title"].mask(table.index == 30, "Film 2")
    path = save_films(table)
    corpus = load_corpus("local", path, fields="title")
    assert corpus.groups[30] == corpus.groups[2]
    table["text"] = table["text"].mask(table.index == 30, table["text"][2])
    with pytest.raises(DataError, match=r"1 text.* more than one split"):
        load_corpus("local", save_films(table))
