import numpy as np
import pandas as pd

from wholescript.evaluation.top_errors import top_errors


def test_top_errors_are_ordered_by_mean_rank(make_predictions):
    predictions = make_predictions()
    films = pd.DataFrame({"title": predictions.film_ids, "year": predictions.years})
    false_positives = top_errors(predictions, films, label=0, top=5)
    false_negatives = top_errors(predictions, films, label=1, top=5)
    ranks = pd.Series(predictions.fold_ranks().mean(axis=0), index=predictions.film_ids)
    negative = ranks[predictions.labels == 0]
    positive = ranks[predictions.labels == 1]
    assert (
        false_positives["title"].tolist()
        == negative.sort_values(ascending=False).index[:5].tolist()
    )
    assert false_negatives["title"].tolist() == positive.sort_values().index[:5].tolist()
    assert (false_positives["low"] <= false_positives["probability"]).all()
    assert (false_positives["probability"] <= false_positives["high"]).all()
    assert np.all(np.diff(false_positives["rank"]) > 0) and np.all(
        np.diff(false_negatives["rank"]) < 0
    )
