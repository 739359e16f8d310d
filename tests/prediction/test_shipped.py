import numpy as np

from wholescript.data.films import load_corpus
from wholescript.features.build import load_features
from wholescript.prediction.predictor import MODEL_DIR, WEIGHTS, load_predictor


def test_shipped_predictor_was_fitted_on_the_bundled_films():
    predictor, corpus = load_predictor(), load_corpus()
    assert predictor.manifest["data"] == corpus.provenance.fingerprint
    assert (MODEL_DIR / WEIGHTS).stat().st_size < 2_000_000
    words = load_features(corpus).word_counts
    columns = np.searchsorted(words.vocabulary, predictor.vocabulary)
    assert [words.vocabulary[column] for column in columns] == predictor.vocabulary
    rows = np.stack([predictor.tfidf(row) for row in words.total[:20, columns].toarray()])
    assert max(map(predictor.min_hamming_distance, rows)) < 0.02


def test_out_of_fold_metrics_of_the_shipped_predictor():
    metrics = load_predictor().manifest["out_of_fold"]
    assert metrics["auc"]["low"] > 0.7
    assert metrics["ece"]["high"] < 0.06
