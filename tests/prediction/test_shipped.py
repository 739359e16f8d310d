import numpy as np
from threadpoolctl import threadpool_limits

from wholescript.data.films import load_corpus
from wholescript.features.build import load_features
from wholescript.prediction.parsers import Script
from wholescript.prediction.predict import predict
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


def test_predictions_do_not_depend_on_the_number_of_threads():
    predictor, rng = load_predictor(), np.random.default_rng(0)
    for _ in range(3):
        script, found = Script(" ".join(rng.choice(predictor.vocabulary, 20_000))), []
        for threads in (1, 2):
            with threadpool_limits(threads):
                found.append(predict(script, predictor))
        assert found[0] == found[1]
