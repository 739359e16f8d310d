"""AUROC within strata: only films of one stratum are ranked against each other.

What a model gains from knowing the stratum, such as the decade, cannot raise these values.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.evaluation.film_bootstrap import bootstrap, paired_difference
from wholescript.evaluation.film_predictions import FilmPredictions

MIN_FILMS_PER_CLASS = 10
"""Films of each class that a stratum needs to have an AUROC of its own."""


def within_stratum_auc(
    predictions: FilmPredictions, strata: NDArray[np.int64], *, seed: int = 0
) -> pd.DataFrame:
    """Return the AUROC over pairs of one stratum, and its difference from that over all pairs.

    `strata` (n,) are whole numbers from 0. Index `within_stratum_auc` and `auc_change`; columns
    `value`, `low`, `high`, `std`.
    """
    metric = ["within_decade_auc"]
    # The metric pairs films of one decade: each stratum becomes a decade, or all films share one.
    separate = replace(predictions, years=10 * strata)
    pooled = replace(predictions, years=np.zeros_like(strata))
    parts = [bootstrap(separate, metric, seed=seed)]
    parts.append(paired_difference(separate, pooled, metric, seed=seed))
    table = pd.concat(parts)[["value", "low", "high", "std"]]
    return table.set_axis(pd.Index(["within_stratum_auc", "auc_change"], name="auc"))


def auc_by_stratum(
    predictions: FilmPredictions,
    strata: NDArray[np.int64],
    names: Sequence[str | int],
    *,
    seed: int = 0,
    n_bootstrap: int = 2000,
) -> pd.DataFrame:
    """Return the AUROC within each stratum that has enough films of both classes.

    `strata` (n,) are positions in `names`. Index the names; columns `n_films`, `n_positive`,
    `value`, `low`, `high`.
    """
    rows = {}
    for number, name in enumerate(names):
        part = predictions.select_films(np.flatnonzero(strata == number))
        n_films, n_positive = len(part.labels), int(part.labels.sum())
        if min(n_positive, n_films - n_positive) >= MIN_FILMS_PER_CLASS:
            auc = bootstrap(part, ["auc"], n_bootstrap=n_bootstrap, seed=seed).iloc[0]
            sizes = {"n_films": n_films, "n_positive": n_positive}
            rows[name] = sizes | {key: auc[key] for key in ("value", "low", "high")}
    columns = ["n_films", "n_positive", "value", "low", "high"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.rename_axis("stratum")
