"""The most confident errors of a model."""

import numpy as np
import pandas as pd

from wholescript.evaluation.film_predictions import FilmPredictions


def top_errors(
    predictions: FilmPredictions, films: pd.DataFrame, label: int, *, top: int = 12
) -> pd.DataFrame:
    """Return the `top` films of class `label` that are scored most like the other class.

    `films` (n,) has the columns `title` and `year` of the same films. Columns `title`, `year`,
    `probability` (mean over the repeats), `low` and `high` (its range over the repeats), `rank` (1
    is the film scored highest, by its mean rank within folds).
    """
    probabilities = predictions.probabilities
    ranks = pd.Series(-np.nanmean(predictions.fold_ranks(), axis=0)).rank(method="first")
    table = pd.DataFrame(
        {
            "title": films["title"].to_numpy(object),
            "year": films["year"].to_numpy(),
            "probability": np.nanmean(probabilities, axis=0),
            "low": np.nanmin(probabilities, axis=0),
            "high": np.nanmax(probabilities, axis=0),
            "rank": ranks.to_numpy(np.int64),
        }
    )
    wrong = table[predictions.labels == label].sort_values("rank", ascending=label == 0)
    return wrong.head(top).reset_index(drop=True)
