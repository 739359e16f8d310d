"""Tables that describe a corpus: numbers of films, and rates of positives with intervals."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from wholescript.data.films.labels import TARGETS

COLLECTIONS = {
    "BlackListCornell": "Black List, Cornell",
    "byrd106": "Byrd",
    "diagdavenport": "Davenport",
    "florian-rieder": "Rieder",
    "gupta-vivek": "Gupta",
    "Post45": "Post45",
    "romandtse": "Romandtse",
    "socrateslab": "SocratesLab",
    "theophile": "Theophile",
}
"""Display names of the collections of bundled films, after their publishers."""


def positive_rates(labels: ArrayLike, by: ArrayLike) -> pd.DataFrame:
    """Return the share of positives in each class of `by`, with its 95% Wilson interval.

    `labels` and `by` have shape (n,). Index: the classes, sorted (categories in their order);
    columns `films`, `positive`, `rate`, `low`, `high`.
    """
    table = pd.DataFrame({"label": np.asarray(labels).astype(int), "by": pd.Series(by).array})
    counts = table.groupby("by", observed=True)["label"].agg(films="size", positive="sum")
    intervals = [
        binomtest(int(row.positive), int(row.films)).proportion_ci(method="wilson")
        for row in counts.itertuples()
    ]
    return counts.assign(
        rate=counts["positive"] / counts["films"],
        low=[interval.low for interval in intervals],
        high=[interval.high for interval in intervals],
    )


def film_overview(films: pd.DataFrame, target: str, n_tokens: ArrayLike) -> pd.DataFrame:
    """Return counts, median year and mean length of the films of each collection and of all.

    `films` is the table of a corpus, `n_tokens` (n,) the number of tokens of each script.
    """
    table = films.assign(n_tokens=np.asarray(n_tokens))
    parts = [*table.groupby("source"), ("all", table)]
    return pd.DataFrame(
        {
            "films": [len(part) for _, part in parts],
            "positive": [int(part[target].sum()) for _, part in parts],
            "share_positive": [part[target].mean() for _, part in parts],
            "median_year": [int(part["year"].median()) for _, part in parts],
            "mean_tokens": [part["n_tokens"].mean() for _, part in parts],
        },
        index=pd.Index([COLLECTIONS.get(name, name) for name, _ in parts], name="collection"),
    )


def label_rates(films: pd.DataFrame) -> pd.DataFrame:
    """Return the rate of each label of `films`, indexed by display name, as `positive_rates`."""
    shown = {name: text for name, text in TARGETS.items() if name in films}
    parts = [positive_rates(films[name], np.full(len(films), text)) for name, text in shown.items()]
    return pd.concat(parts)
