from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.features.scripts import QUICK
from wholescript.data.films import TARGETS, load_corpus
from wholescript.errors import DataError
from wholescript.features.build import (
    BUNDLE_FOLDER,
    _merge_groups,
    build_features,
    load_features,
    load_word_features,
    near_duplicate_pairs,
)
from wholescript.features.bundle import read_bundle
from wholescript.features.tokenizers import count_gpt2_tokens

# Words of the bundled films, whose frequencies tell which films are similar.
WORDS = read_bundle(BUNDLE_FOLDER).word_counts.vocabulary[5_000:5_100]
N, DRAFT_OF_3 = 20, 19
FILES = ["films.parquet", "words.bin", "chunks.bin", "manifest.json"]


def story(number):
    """A text of mostly five words, different for each number but equal for 3 and its draft."""
    topic = 3 if number == DRAFT_OF_3 else number
    rng = np.random.default_rng(number)
    own = WORDS[5 * topic : 5 * topic + 5]
    return "INT. PIER - DAY\n" + " ".join([*rng.permutation(own * 40), *rng.choice(WORDS, 40)])


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    table = pd.DataFrame(
        {
            "film_id": [f"tt{number:02}" for number in range(N)],
            "title": [f"Film {number}" for number in range(N)],
            "year": 1990 + np.arange(N),
            "group": ["same" if number in (7, 8) else f"tt{number:02}" for number in range(N)],
            "text": [story(number) for number in range(N)],
        }
        | {target: np.arange(N) % 4 == 0 for target in TARGETS}
    )
    path = tmp_path_factory.mktemp("local") / "own.parquet"
    table.to_parquet(path, index=False)
    return path


@pytest.fixture(scope="module")
def corpus(parquet):
    return load_corpus("local", parquet)


@pytest.fixture(scope="module")
def built(tmp_path_factory, encoder_packages, corpus):
    """A folder with the bundle of the corpus and the cache of its films."""
    folder = tmp_path_factory.mktemp("built")
    build_features(corpus, folder / "data", QUICK, cache=folder / "cache", progress=False)
    return folder


def test_features_are_in_corpus_order(built, corpus):
    features = load_features(corpus, QUICK, cache=built / "cache", progress=False)
    assert features.film_ids == corpus.film_ids
    assert features.n_tokens.tolist() == [count_gpt2_tokens(story(film)) for film in range(N)]
    column = features.word_counts.vocabulary.index("pier")
    assert features.word_counts.total[:, [column]].toarray().tolist() == [[1]] * N
    assert (features.chunks.counts > 1).all()
    assert features.manifest["settings"]["layers"] == QUICK.n_layer


def test_second_build_uses_the_cache_and_gives_the_same_bytes(built, tmp_path, corpus, monkeypatch):
    monkeypatch.setattr("wholescript.features.extract.ProcessPoolExecutor.submit", None)
    build_features(corpus, tmp_path, QUICK, cache=built / "cache", progress=False)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (built / "data" / name).read_bytes()


def test_selected_films_have_their_features(built, corpus):
    all_films = load_features(corpus, QUICK, cache=built / "cache", progress=False)
    some = load_features(
        corpus.select([12, 2, 4, 5, 6, 7, 0]), QUICK, cache=built / "cache", progress=False
    )
    assert some.n_tokens.tolist() == all_films.n_tokens[[12, 2, 4, 5, 6, 7, 0]].tolist()


def test_damaged_cache_is_built_again(built, corpus):
    load_features(corpus, QUICK, cache=built / "cache", progress=False)
    for path in (built / "cache" / "bundles").glob("*/words.bin"):
        path.write_bytes(path.read_bytes()[:-9])
    features = load_features(corpus, QUICK, cache=built / "cache", progress=False)
    assert features.film_ids == corpus.film_ids


def test_bundle_is_loaded_as_source_bundled(built, corpus):
    bundled = load_corpus("bundled", bundle_dir=built / "data")
    assert bundled.film_ids == corpus.film_ids
    assert bundled.labels.tolist() == corpus.labels.tolist()
    assert bundled.films["text_sha1"].tolist() == corpus.films["text_sha1"].tolist()
    some = bundled.select([5, 1, 4])
    features = load_features(some, bundle=built / "data")
    assert features.film_ids == some.film_ids
    assert features.n_tokens.tolist() == bundled.films["n_gpt2_tokens"][[5, 1, 4]].tolist()


def test_near_duplicates_are_merged_with_the_groups_of_the_source(built, corpus):
    groups = load_features(corpus, QUICK, cache=built / "cache", progress=False).groups
    expected = corpus.groups.copy()
    expected[DRAFT_OF_3] = expected[3]
    assert groups.tolist() == expected.tolist()


def test_similarity_of_two_films_does_not_depend_on_the_others(corpus, tmp_path):
    all_pairs = near_duplicate_pairs(corpus, cache=tmp_path, progress=False)
    assert all_pairs[["film_a", "film_b"]].to_numpy().tolist() == [["tt03", f"tt{DRAFT_OF_3}"]]
    few = near_duplicate_pairs(corpus.select([3, 4, DRAFT_OF_3]), cache=tmp_path, progress=False)
    pd.testing.assert_frame_equal(few, all_pairs)
    groups = load_word_features(corpus, cache=tmp_path, progress=False).groups
    assert groups[DRAFT_OF_3] == groups[3] != groups[4]


@pytest.fixture
def with_summaries(parquet, tmp_path):
    """Load the films with summaries, without some columns."""

    def load(fields, *dropped):
        table = pd.read_parquet(parquet)
        summaries = [f"About {word} alone." for word in WORDS[:N]]
        path = tmp_path / "own.parquet"
        table.assign(summary=summaries).drop(columns=list(dropped)).to_parquet(path)
        return load_corpus("local", path, fields=fields)

    return load


def test_near_duplicates_are_found_by_scripts_whatever_the_input_is(with_summaries, tmp_path):
    by_script = load_word_features(with_summaries("script"), cache=tmp_path, progress=False).groups
    for fields in ("title", "summary", "all"):
        corpus = with_summaries(fields)
        features = load_word_features(corpus, cache=tmp_path, progress=False)
        assert features.groups[DRAFT_OF_3] == features.groups[3] != features.groups[4]
        assert features.groups.tolist() == by_script.tolist()
        pairs = near_duplicate_pairs(corpus, cache=tmp_path, progress=False)
        assert pairs[["film_a", "film_b"]].to_numpy().tolist() == [["tt03", f"tt{DRAFT_OF_3}"]]
        assert features.word_counts.total.sum(axis=1).max() < 5 or fields == "all"


def test_without_scripts_near_duplicates_are_not_looked_for_and_it_is_said(
    with_summaries, tmp_path
):
    corpus = with_summaries("summary", "text")
    with pytest.warns(UserWarning, match="near duplicates are not looked for.*column `group`"):
        features = load_word_features(corpus, cache=tmp_path, progress=False)
    assert features.groups.tolist() == corpus.groups.tolist()
    assert features.groups[DRAFT_OF_3] != features.groups[3]
    assert near_duplicate_pairs(corpus, cache=tmp_path, progress=False).empty


def test_inputs_have_records_of_their_own(with_summaries, tmp_path, monkeypatch):
    for fields in ("script", "all", "title"):
        load_word_features(with_summaries(fields), cache=tmp_path, progress=False)
    folders = sorted(path.name for path in (tmp_path / "records").iterdir())
    assert folders == ["words", "words-all", "words-title"]
    monkeypatch.setattr("wholescript.features.build.count_words", None)  # all are in the cache
    for fields in ("script", "all", "title"):
        load_word_features(with_summaries(fields), cache=tmp_path, progress=False)


def test_the_groups_of_the_bundle_are_those_of_its_words():
    bundled = load_corpus("bundled", core_only=False)
    pairs = near_duplicate_pairs(bundled)
    group_of = dict(zip(bundled.film_ids, bundled.groups, strict=True))
    assert all(group_of[a] == group_of[b] for a, b in zip(pairs.film_a, pairs.film_b, strict=True))
    assert len({*pairs.film_a, *pairs.film_b}) == (bundled.films["group"].duplicated(False)).sum()


def test_first_chunks_are_those_of_the_whole_script(built, corpus, tmp_path):
    few = corpus.select(np.arange(8))
    whole = load_features(few, QUICK, cache=built / "cache", progress=False)
    settings = replace(QUICK, max_chunks=2)
    first = load_features(few, settings, cache=tmp_path, progress=False)
    assert first.chunks.counts.tolist() == [2] * 8 and (whole.chunks.counts > 2).all()
    assert first.n_tokens.tolist() == whole.n_tokens.tolist()
    assert (first.word_counts.total != whole.word_counts.total).nnz == 0
    assert first.manifest["settings"] == {**whole.manifest["settings"], "max_chunks": 2}


def test_building_without_texts_is_an_error(built, tmp_path):
    bundled = load_corpus("bundled", bundle_dir=built / "data")
    with pytest.raises(DataError, match="have no texts"):
        build_features(bundled, tmp_path)


def test_deleted_record_is_an_error(corpus, tmp_path):
    def extract(*_, **__):
        return {"tt00": "1"}

    with pytest.raises(DataError, match="tt00 were deleted"):
        build_features(corpus, tmp_path, QUICK, cache=tmp_path, extract=extract)


GROUPINGS = st.integers(1, 12).flatmap(
    lambda n: st.lists(
        st.lists(st.sampled_from("abcdef"), min_size=n, max_size=n), min_size=1, max_size=3
    )
)


@given(GROUPINGS)
def test_merged_groups_are_connected_components(groupings):
    merged = _merge_groups(*groupings)
    for grouping in groupings:
        for name in set(grouping):
            assert len({j for j, g in zip(merged, grouping, strict=True) if g == name}) == 1
    # Reference: propagate the smallest row number within each group until nothing changes.
    component = list(range(len(merged)))
    for _ in component:
        for grouping in groupings:
            for name in set(grouping):
                rows = [i for i, other in enumerate(grouping) if other == name]
                for row in rows:
                    component[row] = min(component[other] for other in rows)
    assert len(set(merged)) == len(set(component))
