import numpy as np
import pandas as pd

from wholescript.evaluation.top_errors import top_errors


def test_the_worst_errors_of_either_class_come_first(make_predictions):
    predictions = make_predictions()
    films = pd.DataFrame({"title": predictions.film_ids, "year": predictions.years})
    alarms = top_errors(predictions, films, label=0, top=5)
    missed = top_errors(predictions, films, label=1, top=5)
    ranks = pd.Series(predictions.ranks().mean(axis=0), index=predictions.film_ids)
    negative = ranks[predictions.labels == 0]
    positive = ranks[predictions.labels == 1]
    assert alarms["title"].tolist() == negative.sort_values(ascending=False).index[:5].tolist()
    assert missed["title"].tolist() == positive.sort_values().index[:5].tolist()
    assert (alarms["low"] <= alarms["probability"]).all()
    assert (alarms["probability"] <= alarms["high"]).all()
    assert np.all(np.diff(alarms["rank"]) > 0) and np.all(np.diff(missed["rank"]) < 0)
