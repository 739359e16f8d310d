import json
from dataclasses import replace

import numpy as np
import pytest

from wholescript.errors import BundleError
from wholescript.features.word_counts import count_words
from wholescript.models.films.estimator import FilmDataset
from wholescript.prediction.fit import C_GRID, calibrated_tfidf, fit_predictor
from wholescript.prediction.parsers import Script
from wholescript.prediction.predict import predict
from wholescript.prediction.predictor import WEIGHTS, load_predictor, save_predictor


@pytest.fixture(scope="module")
def dataset(corpus, features):
    return FilmDataset(corpus.films, corpus.labels, corpus.groups, features)


def count_vector(text, vocabulary):
    film = count_words(text)
    counts = dict(zip(film.vocabulary, film.counts[:, :4].sum(axis=1).tolist(), strict=True))
    return np.array([counts.get(word, 0) for word in vocabulary])


ANY = [0, 1e9]
MANIFEST = {
    "films": 45,
    "positive": 15,
    "seen": {"words": ANY, "years": ANY, "known_words": ANY, "cues": ANY},
}


def test_predictor_equals_the_evaluated_estimator(dataset, corpus, features, texts):
    train, test = np.arange(45), np.arange(45, 60)
    expected = calibrated_tfidf().fit_predict(dataset, train, test, seed=0).test
    part = corpus.select(train)
    known = FilmDataset(part.films, part.labels, part.groups, features.select(part.film_ids))
    fitted = replace(fit_predictor(known, seed=0, n_bootstrap=2), manifest=MANIFEST)
    probabilities = [predict(Script(texts[row]), fitted).probability for row in test]
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_counts_of_a_text_equal_the_bundled_counts(features, texts, predictor):
    columns = np.searchsorted(features.word_counts.vocabulary, predictor.vocabulary)
    bundled = features.word_counts.total[:, columns].toarray()
    for row, text in enumerate(texts):
        np.testing.assert_array_equal(count_vector(text, predictor.vocabulary), bundled[row])


def test_refits_vary_around_the_fit_and_are_quantized_closely(dataset, texts, predictor):
    assert predictor.bootstrap_codes.shape == (25, len(predictor.vocabulary))
    assert predictor.manifest["strength"] in C_GRID
    assert 0 < predictor.manifest["coding_error"] < 0.02
    rows = np.stack([predictor.tfidf(count_vector(text, predictor.vocabulary)) for text in texts])
    refits = predictor.bootstrap_logits(rows) + predictor.bootstrap_biases
    fit = rows @ predictor.weights + predictor.bias
    assert np.corrcoef(refits.mean(axis=1), fit)[0, 1] > 0.95
    assert refits.std(axis=1).min() > 0.01


def test_manifest(predictor, corpus):
    manifest = predictor.manifest
    assert manifest["films"] == len(corpus)
    assert manifest["positive"] == corpus.labels.sum()
    assert manifest["out_of_fold"].keys() == {"auc", "average_precision", "brier", "ece"}
    assert manifest["out_of_fold"]["auc"]["value"] > 0.9
    assert manifest["seen"]["years"] == pytest.approx([1960.59, 2018.41])


def test_fit_is_byte_stable(dataset, tmp_path):
    for name in ("a", "b"):
        save_predictor(fit_predictor(dataset, seed=0, n_bootstrap=2), tmp_path / name)
    for file in (WEIGHTS, "manifest.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_saved_predictor_is_loaded(model, predictor, fountain):
    loaded = load_predictor(model)
    assert predict(Script(fountain), loaded) == predict(Script(fountain), predictor)


@pytest.mark.parametrize("file", [WEIGHTS, "manifest.json"])
def test_missing_file_is_an_error(model, file):
    (model / file).unlink()
    with pytest.raises(BundleError, match=f"{file} is missing: restore it from git"):
        load_predictor(model)


@pytest.mark.parametrize("damage", [lambda raw: raw[:-9], lambda raw: raw[:-1] + b"\x7f"])
def test_damaged_weights_are_an_error(model, damage):
    path = model / WEIGHTS
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BundleError, match=f"{WEIGHTS} is damaged .*restore it from git, or run"):
        load_predictor(model)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1}', '{"format": 1, "files": {'])
def test_damaged_manifest_is_an_error(model, content):
    (model / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match=r"manifest\.json is damaged"):
        load_predictor(model)


def test_other_format_is_an_error(model):
    path = model / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 9}))
    with pytest.raises(BundleError, match="format 9, this version reads 1"):
        load_predictor(model)
