from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.models.tiny_decoders import write_tiny
from wholescript.data.films.corpus import Corpus, DataProvenance
from wholescript.data.films.scripts import ScreenplayTexts
from wholescript.errors import DataError
from wholescript.features.extract import sha1_of
from wholescript.features.lm_scores import ANSWERS, LMScoringConfig, ScriptScorer
from wholescript.features.lm_windows import VALUES, spread_order
from wholescript.studies.screenplays.language_models import results, scoring

WORDS = ["the", "old", "ferry", "left", "the", "pier", "at", "noon", "and", "was", "late"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("tiny"), steps=5, positions=2048)


@pytest.fixture
def corpus():
    """Eight films of 40 words or more, half of them positive."""
    rng = np.random.default_rng(0)
    texts = ["MARA\n" + " ".join(rng.choice(WORDS, 40 + 4 * row)) for row in range(8)]
    films = pd.DataFrame(
        {
            "film_id": [f"film{row}" for row in range(8)],
            "title": [f"The Ferry {row}" for row in range(8)],
            "year": 2000,
            "text_sha1": [sha1_of(text) for text in texts],
            "nominated": np.arange(8) % 2,
        }
    )
    rows = {film_id: row for row, film_id in enumerate(films["film_id"])}
    provenance = DataProvenance("local", "films.parquet", "f00d")
    return Corpus(
        films, "nominated", provenance, ScreenplayTexts(rows, lambda row: texts[row].encode())
    )


@pytest.fixture
def scores(corpus, model, tmp_path):
    config = LMScoringConfig(model, 8, 2)
    return scoring.score_corpus(corpus, config, 2, examples=corpus, cache=tmp_path)


def test_all_films_are_scored(scores, corpus):
    shown = set(scoring.choose_examples(corpus, 0))
    assert set(scores.windows["film_id"]) == set(corpus.film_ids) - shown
    assert scores.n_read == 4
    assert np.isfinite(scores.windows["log_odds_few_shot"]).all()
    summary = scores.summarize([film for film in corpus.film_ids if film not in shown])
    assert np.isfinite(summary[list(ANSWERS)].to_numpy()).all()


def test_first_windows_are_those_that_were_read_first(scores):
    first = scores.first(1).windows
    expected = [spread_order(n)[0] for n in first["n_windows"]]
    assert first["window"].tolist() == expected
    assert scores.first(3).windows.groupby("film_id").size().max() == 3
    assert len(scores.first(99).windows) == len(scores.windows)


def test_examples_are_two_of_each_class_in_a_fixed_order(corpus):
    chosen = scoring.choose_examples(corpus, 0)
    labels = dict(zip(corpus.film_ids, corpus.labels, strict=True))
    assert [labels[film_id] for film_id in chosen] == [0, 1, 1, 0]
    assert len(set(chosen)) == 4
    assert chosen == scoring.choose_examples(corpus, 0)
    assert chosen != scoring.choose_examples(corpus, 1)
    with pytest.raises(DataError, match=r"0 film\(s\) .* have the label 1"):
        scoring.choose_examples(corpus.select(np.array([0, 2, 4])), 0)


def test_titles_are_ranked(scores, corpus):
    titles = scores.titles
    assert len(titles) == len(corpus) - 4
    assert titles["rank"].between(1, len(corpus) - 4).all()


@pytest.mark.parametrize(
    ("title", "named"),
    [("Pi", False), ("Up", True), ("Up, in the Air!", False), ("Frost/Late", True), ("Her", False)],
)
def test_a_title_is_named_by_its_longer_words_or_as_a_whole(title, named):
    assert scoring.names_title("The weather is up. A LATE pier.", title) == named


def test_a_title_in_the_text_is_noticed(corpus, model):
    config = LMScoringConfig(model, 64, 2)
    scorer = ScriptScorer(config, config.load(), [("a pier", "Yes")])
    found = scoring.rank_titles(corpus, scorer)
    assert found["named"].all()  # the scripts are about a ferry
    other = replace(corpus, films=corpus.films.assign(title="Casablanca"))
    assert not scoring.rank_titles(other, scorer)["named"].any()


def test_films_without_texts_are_an_error(corpus, model):
    without = replace(corpus, texts=None)
    with pytest.raises(DataError, match="the bundled films have no texts"):
        scoring.score_corpus(without, LMScoringConfig(model, 8, 2), 1, examples=without)


def test_share_of_titles_ranked_first():
    titles = pd.DataFrame(
        {"rank": [1, 1, 2, 1, 5, 6, 7, 1], "named": [True] * 4 + [False] * 4, "n_titles": 20}
    )
    found = results.title_recall(titles, seed=0)
    assert found["value"].tolist() == [0.75, 0.25]
    assert (found["low"] <= found["value"]).all() and (found["value"] <= found["high"]).all()
    assert found["n_films"].tolist() == [4, 4]


def test_values_have_a_column_each(scores):
    assert set(VALUES) <= set(scores.windows)
