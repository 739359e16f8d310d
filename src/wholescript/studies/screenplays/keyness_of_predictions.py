"""Keyness of words for the predicted class, compared with their keyness for the true class."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.stats import rankdata

from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.features.keyness import keyness, word_rates
from wholescript.features.word_counts import WordCounts
from wholescript.models.types import Float64Array


def predicted_labels(predictions: FilmPredictions) -> NDArray[np.int8]:
    """Label the films with the best mean rank within folds positive, as many as truly are, (n,)."""
    ranks = np.nanmean(predictions.fold_ranks(), axis=0)
    order = np.argsort(-ranks, kind="stable")
    chosen = np.zeros(len(ranks), np.int8)
    chosen[order[: int(predictions.labels.sum())]] = 1
    return chosen


def compare_keyness(
    word_counts: WordCounts,
    labels: NDArray[np.int8],
    predicted: NDArray[np.int8],
    min_df: int | None = None,
) -> pd.DataFrame:
    """Return the keyness of each word for the true and for the predicted class.

    Columns `word`, `true` and `predicted` (Cohen's d), and `over`: predicted minus true, in
    descending order.
    """
    true = keyness(word_counts, labels, min_df).set_index("word")["effect"]
    predicted_effects = keyness(word_counts, predicted, min_df).set_index("word")["effect"]
    table = pd.DataFrame({"true": true, "predicted": predicted_effects.reindex(true.index)})
    table["over"] = table["predicted"] - table["true"]
    return table.reset_index().sort_values("over", ascending=False, ignore_index=True)


def keyness_agreement(
    word_counts: WordCounts,
    labels: NDArray[np.int8],
    predicted: NDArray[np.int8],
    groups: NDArray[np.object_],
    *,
    seed: int,
    n_blocks: int = 100,
    min_df: int | None = None,
) -> Float64Array:
    """Return the agreement of keyness for the true and for the predicted class, (2, 3).

    Rows: Spearman's correlation over words, and the ratio of the standard deviations of the
    effects, predicted over true. Columns: value and 95% interval, by the jackknife over `n_blocks`
    random blocks of films with near duplicates together. (A bootstrap would add noise to every
    effect, which biases both values.)
    """
    names, group = np.unique(groups.astype(str), return_inverse=True)
    block = np.random.default_rng(seed).permutation(len(names)) % n_blocks
    kept = (block[group][:, None] != np.arange(n_blocks)).astype(np.float64)
    weights = np.column_stack([np.ones(len(labels)), kept])
    rates = word_rates(word_counts, min_df)[2].log1p()
    squares = rates.multiply(rates).tocsr()
    true, predicted_effects = (
        _cohens_d(rates, squares, side == 1, weights) for side in (labels, predicted)
    )
    ranked = [rankdata(side, axis=0) for side in (true, predicted_effects)]
    one, other = ((ranks - ranks.mean(0)) / ranks.std(0) for ranks in ranked)
    agreement = np.stack([(one * other).mean(0), predicted_effects.std(0) / true.std(0)])
    value, left_out = agreement[:, 0], agreement[:, 1:]
    error = np.sqrt((n_blocks - 1) * left_out.var(axis=1))
    return np.column_stack([value, value - 1.96 * error, value + 1.96 * error])


def _cohens_d(
    rates: sp.csr_matrix, squares: sp.csr_matrix, positive: NDArray[np.bool_], weights: Float64Array
) -> Float64Array:
    """Return Cohen's d of each word under each weighting (n, B) of the films, (words, B)."""
    means, variances = [], []
    for side in (positive, ~positive):
        side_weights = weights * side[:, None]
        n = side_weights.sum(0)
        mean = rates.T @ side_weights / n
        means.append(mean)
        variances.append(np.maximum((squares.T @ side_weights / n - mean**2) * n / (n - 1), 1e-12))
    return np.asarray((means[0] - means[1]) / np.sqrt((variances[0] + variances[1]) / 2))
