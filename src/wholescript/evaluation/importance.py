"""Which choices of a search matter: what a surrogate of its trials loses without each of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance

N_TREES = 50
N_PERMUTATIONS = 5
R2_ROW = "all together"


def hyperparameter_importance(
    trials: pd.DataFrame,
    hyperparameters: Sequence[str],
    score: str,
    *,
    n_boot: int = 100,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return how much of the score of unseen trials a random forest explains by each choice.

    `trials` has a row a trial. A forest learns each of `n_boot` resamples of the trials and is
    judged on those that were not drawn: the value of a choice is by how much the explained variance
    (R2) falls when that choice is shuffled among them (Breiman, 2001), and the row `all together`
    is the R2 itself, which says how far the rest can be believed. Columns `value` (the mean), `low`
    and `high` (percentiles over the resamples), the most important choice first. Choices that do
    not vary are left out.
    """
    varying = [name for name in hyperparameters if trials[name].nunique() > 1]
    inputs = trials[varying].apply(_as_numbers).to_numpy(float)
    # Ranks: a few trials that diverged would make up nearly all of the variance.
    target = trials[score].rank().to_numpy(float)
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(n_boot):
        drawn = generator.integers(len(trials), size=len(trials))
        unseen = np.setdiff1d(np.arange(len(trials)), drawn)
        state = int(generator.integers(2**31))
        forest = RandomForestRegressor(N_TREES, random_state=state).fit(
            inputs[drawn], target[drawn]
        )
        importances = permutation_importance(
            forest, inputs[unseen], target[unseen], n_repeats=N_PERMUTATIONS, random_state=state
        )
        together = forest.score(inputs[unseen], target[unseen])
        found.append([together, *importances.importances_mean])
    table = pd.DataFrame(found, columns=[R2_ROW, *varying])
    ends = table.quantile([(1 - confidence) / 2, (1 + confidence) / 2]).to_numpy()
    summary = pd.DataFrame({"value": table.mean(), "low": ends[0], "high": ends[1]})
    order = summary.loc[varying, "value"].sort_values(ascending=False).index
    return summary.loc[[R2_ROW, *order]].rename_axis("choice")


def _as_numbers(column: pd.Series) -> pd.Series:
    """Return numbers as they are, and words as places in their alphabet."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    return pd.Series(pd.factorize(column, sort=True)[0], column.index)
