import numpy as np
import pandas as pd
import pytest

import wholescript as ws
from wholescript.errors import DataError, ParameterError

WORDS = np.array(["night", "car", "door", "house", "road", "rain", "window", "light", "street"])


def screenplay(seed, positive):
    """A script of 1,500 words; a positive one has more of two words."""
    rng = np.random.default_rng(seed)
    names = [f"name{chr(97 + seed % 26)}{chr(97 + seed // 26)}{letter}" for letter in "abcdefgh"]
    pool = np.concatenate([WORDS, names, ["grief", "mercy"] * (3 if positive else 0)])
    return " ".join(rng.choice(pool, 1_500))


@pytest.fixture(scope="module")
def path(project):
    labels = np.arange(60) % 3 == 0
    films = pd.DataFrame(
        {
            "film_id": [f"tt{i:03}" for i in range(60)],
            "title": [f"Film {i}" for i in range(60)],
            "year": 1960 + np.arange(60),
            "text": [screenplay(i, label) for i, label in enumerate(labels)],
            "summary": [
                f"About {'grief' if label else 'rain'}, {i}." for i, label in enumerate(labels)
            ],
            "split": ["train"] * 36 + ["validation"] * 12 + ["test"] * 12,
            "vector": [[label, i % 7, i % 5] for i, label in enumerate(labels * 2.5)],
            "nominated_for_writing": labels,
        }
    )
    films.to_parquet(project / "my films.parquet")
    return project / "my films.parquet"


@pytest.fixture(scope="module")
def films(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wholescript.features.build.CACHE", path.parent / "cache")
        yield ws.load_films(path, scale="smoke")


@pytest.fixture(scope="module")
def model(films):
    return ws.train("tfidf-logistic", films, progress=False, min_df=3)


def test_films_are_evaluated_out_of_fold_and_new_ones_predicted(films, model, tmp_path):
    assert films.name == "my-films-smoke" and len(films) == films.profile.n_text_films
    scores = model.evaluate().set_index("metric")
    assert scores.loc["AUROC", "value"] > 0.9
    new = [screenplay(100 + i, i % 2 == 0) for i in range(6)]
    expected = ["nominated_for_writing", "not_nominated_for_writing"] * 3
    assert model.predict(new) == expected
    assert model.predict(pd.DataFrame({"text": new}))["label"].tolist() == expected
    script = tmp_path / "script.txt"
    script.write_text(new[0])
    np.testing.assert_allclose(model.predict_proba([script]), model.predict_proba(new[:1]))
    assert ws.train("tfidf-logistic", films, min_df=3).predict(new) == expected


def test_a_saved_model_of_films_predicts_the_same(model, tmp_path):
    model.save(tmp_path / "model")
    loaded = ws.load(tmp_path / "model")
    new = [screenplay(200, True)]
    np.testing.assert_array_equal(loaded.predict_proba(new), model.predict_proba(new))
    pd.testing.assert_frame_equal(loaded.evaluate(), model.evaluate())
    (tmp_path / "model" / "model.json").write_text("{}")
    with pytest.raises(DataError, match="is damaged or no saved model"):
        ws.load(tmp_path / "model")


def test_the_summary_alone_is_evaluated_on_the_published_split(path, films):
    summaries = ws.load_films(path, fields="summary", split="published", scale="smoke")
    assert summaries.name == "my-films-summary-published-split-smoke"
    assert len(summaries) == 60  # no sample is drawn of a published split
    model = ws.train("tfidf-logistic", summaries, progress=False, min_df=3)
    scores = model.evaluate().set_index("metric")
    assert scores.loc["AUROC", "value"] == 1.0  # a word of the summaries is the label
    assert model.predict(["About grief.", "About rain."]) == model.classes[::-1]


def test_precomputed_embeddings_are_evaluated_on_folds_and_on_the_published_split(path, tmp_path):
    labels = np.arange(60) % 3 == 0
    rng = np.random.default_rng(0)
    vectors = (2 * labels + rng.normal(size=60))[:, None] * np.ones(4) + rng.normal(size=(60, 4))
    np.save(tmp_path / "vectors.npy", vectors)
    scores = {}
    for split in ("random", "published"):
        films = ws.load_films(path, split=split, scale="smoke", embeddings=tmp_path / "vectors.npy")
        assert films.vectors.values.shape == (len(films), 4)
        model = ws.train("embeddings", films, name=f"noisy-{split}", progress=False)
        scores[split] = model.evaluate().set_index("metric").loc["AUROC", "value"]
    assert 0.6 < min(scores.values()) < 1
    by_column = ws.load_films(path, scale="smoke", embeddings_columns="vector")
    exact = ws.train("embeddings", by_column, name="exact", progress=False).evaluate()
    assert exact.set_index("metric").loc["AUROC", "value"] == 1.0
    np.save(tmp_path / "vectors.npy", vectors + 1)
    other = ws.load_films(path, scale="smoke", embeddings=tmp_path / "vectors.npy")
    with pytest.raises(ParameterError, match=r"noisy-random was trained on other data \(vectors"):
        ws.train("embeddings", other, name="noisy-random", progress=False)


def test_sampled_films_keep_their_vectors(path, tmp_path):
    np.save(tmp_path / "vectors.npy", np.arange(60.0)[:, None])
    films = ws.load_films(path, scale="smoke", embeddings=tmp_path / "vectors.npy")
    assert len(films) < 60
    numbers = [int(film_id.removeprefix("tt")) for film_id in films.corpus.film_ids]
    assert films.words.dataset.features.vectors.values[:, 0].tolist() == numbers


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda films: ws.train("tfidf-logistc", films), ParameterError, "mean 'tfidf-logistic'"),
        (lambda films: ws.train("tfidf-logistic", films, C=1), ParameterError, "no setting 'C'"),
        (lambda films: ws.train("tfidf-logistic", films, seed=1), ParameterError, "load_films"),
        (lambda _: ws.load_films("nothing.parquet"), DataError, "nothing.parquet is neither"),
        (lambda _: ws.load_films(scale="smok"), ParameterError, "did you mean 'smoke'"),
        (lambda _: ws.load_films(fields="titel"), ParameterError, "did you mean 'title'"),
        (lambda _: ws.load_films(split="publishd"), ParameterError, "did you mean 'published'"),
        (lambda films: ws.train("embeddings", films), ParameterError, "embeddings=FILE"),
        (lambda _: ws.load_films(embeddings="no.npy"), DataError, "no.npy does not exist"),
    ],
)
def test_a_wrong_name_is_an_error(films, call, error, message):
    with pytest.raises(error, match=message):
        call(films)


def test_scripts_that_cannot_be_read_are_errors(model):
    for script, message in ((" ", "empty"), ("no.pdf", "no.pdf"), ("no.pdf ", "")):
        if message:
            with pytest.raises(DataError, match=message):
                model.predict([script])
    with pytest.raises(DataError, match="single"):
        model.predict("no.pdf")


def test_scripts_without_letters_are_errors_and_short_ones_are_not(model):
    for script in ("", "\u200b", "12 .. 34"):
        with pytest.raises(DataError, match="empty or without letters"):
            model.predict_proba([script])
    grief, other = model.predict_proba(["gri\u00adef", "grief"])
    assert (grief == other).all()
