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


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda films: ws.train("tfidf-logistc", films), ParameterError, "mean 'tfidf-logistic'"),
        (lambda films: ws.train("tfidf-logistic", films, C=1), ParameterError, "no setting 'C'"),
        (lambda films: ws.train("tfidf-logistic", films, seed=1), ParameterError, "load_films"),
        (lambda _: ws.load_films("nothing.parquet"), DataError, "nothing.parquet is neither"),
        (lambda _: ws.load_films(scale="smok"), ParameterError, "did you mean 'smoke'"),
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
