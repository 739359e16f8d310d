"""Importance of hyperparameters in a search, by permutation in a surrogate of its trials."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance

from wholescript.evaluation.bootstrap import CONFIDENCE_LEVEL, percentile_interval

N_TREES = 50
N_PERMUTATIONS = 5
R2_ROW = "surrogate R2"


def hyperparameter_importance(
    trials: pd.DataFrame,
    hyperparameters: Sequence[str],
    metric: str,
    *,
    n_bootstrap: int = 100,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the permutation importance of each hyperparameter for the rank of a trial's metric.

    `trials` has a row per trial. A random forest is fitted to each of `n_bootstrap` resamples of
    the trials and evaluated on the trials not drawn: the importance is the decrease of its R2 when
    the hyperparameter is permuted among them (Breiman, 2001). The row `surrogate R2` is the
    R2 itself; where it is low, the importances mean little. Columns `value` (the mean), `low` and
    `high` (percentiles over the resamples), the most important first. Hyperparameters that do not
    vary are left out.
    """
    varying = [name for name in hyperparameters if trials[name].nunique() > 1]
    inputs = trials[varying].apply(_as_numbers).to_numpy(float)
    # Ranks, since a few trials that diverged would make up nearly all of the variance.
    target = trials[metric].rank().to_numpy(float)
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n_bootstrap):
        drawn = rng.integers(len(trials), size=len(trials))
        out_of_bag = np.setdiff1d(np.arange(len(trials)), drawn)
        state = int(rng.integers(2**31))
        forest = RandomForestRegressor(N_TREES, random_state=state).fit(
            inputs[drawn], target[drawn]
        )
        importances = permutation_importance(
            forest,
            inputs[out_of_bag],
            target[out_of_bag],
            n_repeats=N_PERMUTATIONS,
            random_state=state,
        )
        r2 = forest.score(inputs[out_of_bag], target[out_of_bag])
        rows.append([r2, *importances.importances_mean])
    table = pd.DataFrame(rows, columns=[R2_ROW, *varying])
    low, high = percentile_interval(table.to_numpy().T, CONFIDENCE_LEVEL)
    summary = pd.DataFrame({"value": table.mean(), "low": low, "high": high})
    order = summary.loc[varying, "value"].sort_values(ascending=False).index
    return summary.loc[[R2_ROW, *order]].rename_axis("hyperparameter")


def _as_numbers(column: pd.Series) -> pd.Series:
    """Return numbers as they are, and strings as positions in sorted order."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    return pd.Series(pd.factorize(column, sort=True)[0], column.index)
