import numpy as np

from wholescript.data.films import load_corpus
from wholescript.features.build import load_features
from wholescript.prediction.predictor import MODEL_DIR, WEIGHTS, load_predictor


def test_the_shipped_weights_are_of_the_bundled_films():
    predictor, corpus = load_predictor(), load_corpus()
    assert predictor.manifest["data"] == corpus.provenance.fingerprint
    assert (MODEL_DIR / WEIGHTS).stat().st_size < 2_000_000
    words = load_features(corpus).words
    columns = np.searchsorted(words.vocabulary, predictor.vocabulary)
    assert [words.vocabulary[column] for column in columns] == predictor.vocabulary
    rows = np.stack([predictor.tfidf(row) for row in words.whole[:20, columns].toarray()])
    assert max(map(predictor.min_hamming_distance, rows)) < 0.02


def test_what_they_are_worth_on_unseen_films():
    worth = load_predictor().manifest["out_of_fold"]
    assert worth["auc"]["low"] > 0.7
    assert worth["ece"]["high"] < 0.06
