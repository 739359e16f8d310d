"""Rankings within strata: only films of one stratum are compared, so the stratum cannot help."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.evaluation.film_bootstrap import bootstrap, paired_difference
from wholescript.evaluation.predictions import FilmPredictions

MIN_POSITIVES = 10
"""Positives that a stratum must have for an AUC of its own."""


def within_stratum_auc(
    predictions: FilmPredictions, strata: NDArray[np.int64], *, seed: int = 0
) -> pd.DataFrame:
    """Return the AUC over pairs of one stratum, and what it is short of the AUC over all pairs.

    `strata` (n,) are small whole numbers from 0. Index `within` and `lost`; columns `value`, `low`,
    `high`, `spread`.
    """
    metric = ["within_decade_auc"]
    # A decade is a stratum like another: here each stratum has one, or all films the same.
    apart = replace(predictions, years=10 * strata)
    together = replace(predictions, years=np.zeros_like(strata))
    parts = [bootstrap(apart, metric, seed=seed)]
    parts.append(paired_difference(apart, together, metric, seed=seed))
    table = pd.concat(parts)[["value", "low", "high", "spread"]]
    return table.set_axis(pd.Index(["within", "lost"], name="auc"))


def auc_by_stratum(
    predictions: FilmPredictions, strata: NDArray[np.int64], names: list[str], *, seed: int = 0
) -> pd.DataFrame:
    """Return the AUC within each stratum that has enough films of both classes.

    Index the names; columns `films`, `positive`, `value`, `low`, `high`.
    """
    rows = {}
    for number, name in enumerate(names):
        part = predictions.select_films(np.flatnonzero(strata == number))
        positive = int(part.labels.sum())
        if min(positive, len(part.labels) - positive) >= MIN_POSITIVES:
            found = bootstrap(part, ["auc"], seed=seed).iloc[0]
            sizes = {"films": len(part.labels), "positive": positive}
            rows[name] = sizes | {key: found[key] for key in ("value", "low", "high")}
    columns = ["films", "positive", "value", "low", "high"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.rename_axis("stratum")
