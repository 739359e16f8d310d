"""Runs on the same test texts, side by side: paired differences, tests, classes, confusions.

A run is a sequence of predictions, one a training seed; the seeds of two runs have nothing to do
with each other, the texts are the same.
"""

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from wholescript.errors import ParameterError
from wholescript.evaluation.multiclass import DocumentPredictions, check_same_documents
from wholescript.evaluation.multiclass_metrics import (
    LABEL_METRICS,
    label_metrics,
    mean_over_resampled_seeds,
    percentile_interval,
)

SeedPredictions = Sequence[DocumentPredictions]


def paired_difference(
    a: SeedPredictions,
    b: SeedPredictions,
    metrics: Sequence[str] = ("accuracy", "macro_f1"),
    *,
    n_boot: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return a minus b: metric, value, low, high, p.

    Each resample draws texts, the same for both, and seeds, for each of its own (see
    `multiclass_metrics`). `p` is the two-sided bootstrap p-value of no difference, twice the share
    of resamples on the lesser side of zero; one resample is added, so that it is never nothing
    (Davison and Hinkley 1997, section 4.2). `metrics` are among `LABEL_METRICS`.

    Raises DataError where the runs predict other texts, ParameterError for an unknown metric.
    """
    if unknown := sorted(set(metrics) - set(LABEL_METRICS)):
        raise ParameterError(f"Unknown metrics {unknown}: choose among {', '.join(LABEL_METRICS)}.")
    both = [*a, *b]
    check_same_documents(both)
    kept = [LABEL_METRICS.index(name) for name in metrics]
    rng = np.random.default_rng(seed)
    plain = label_metrics(both)[:, kept, 0]
    scores = label_metrics(both, n_boot, rng)[:, kept]
    resampled = mean_over_resampled_seeds(scores[: len(a)], rng) - mean_over_resampled_seeds(
        scores[len(a) :], rng
    )
    low, high = percentile_interval(resampled, confidence)
    lesser = np.minimum((resampled <= 0).sum(axis=1), (resampled >= 0).sum(axis=1))
    return pd.DataFrame(
        {
            "metric": metrics,
            "value": plain[: len(a)].mean(axis=0) - plain[len(a) :].mean(axis=0),
            "low": low,
            "high": high,
            "p": np.minimum(2 * (lesser + 1) / (n_boot + 1), 1),
        }
    )


def error_rate_ratio(
    a: SeedPredictions,
    b: SeedPredictions,
    *,
    paired_seeds: bool = False,
    n_boot: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[float, float, float]:
    """Return the error of a over that of b, 1 - accuracy each, with its interval: value, low, high.

    Texts and seeds are drawn as for `paired_difference`; with `paired_seeds` the i-th seeds of both are
    drawn together, as they must be where these learned from the same draw of texts. All are NaN
    where b makes no error. Raises DataError where the runs predict other texts, ParameterError
    where there is no pair for each joint seed.
    """
    if paired_seeds and len(a) != len(b):
        raise ParameterError(f"{len(a)} and {len(b)} seeds cannot be drawn together")
    both = [*a, *b]
    check_same_documents(both)
    place = LABEL_METRICS.index("accuracy")
    rng = np.random.default_rng(seed)
    plain = 1 - label_metrics(both)[:, place, 0]
    below = plain[len(a) :].mean()
    if below == 0:
        return np.nan, np.nan, np.nan
    errors = 1 - label_metrics(both, n_boot, rng)[:, [place]]
    again = copy.deepcopy(rng) if paired_seeds else rng
    above, beneath = (
        mean_over_resampled_seeds(errors[: len(a)], rng)[0],
        mean_over_resampled_seeds(errors[len(a) :], again)[0],
    )
    ratios = np.divide(above, beneath, out=np.full(n_boot, np.inf), where=beneath > 0)
    low, high = percentile_interval(ratios[None], confidence)
    return float(plain[: len(a)].mean() / below), float(low[0]), float(high[0])


def mcnemar(a: SeedPredictions, b: SeedPredictions) -> float:
    """Return the exact McNemar (1947) p-value: are both right on equally many texts?

    A sign test of the texts that one alone is right about. With several seeds it is twice the mean
    over all pairs of seeds, a p-value however they hang together (Vovk and Wang 2020). It speaks of
    these fitted models on other texts; `paired_difference` also of other seeds.

    Raises DataError where the runs predict other texts.
    """
    check_same_documents([*a, *b])
    right_a, right_b = ([each.predicted == each.labels for each in run] for run in (a, b))
    values = []
    for one in right_a:
        for other in right_b:
            alone, against = int((one & ~other).sum()), int((other & ~one).sum())
            apart = alone + against
            values.append(binomtest(alone, apart).pvalue if apart else 1.0)
    return values[0] if len(values) == 1 else min(1.0, 2 * float(np.mean(values)))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values (k,) adjusted for k comparisons by the step-down method of Holm (1979).

    The i-th smallest is multiplied by k - i + 1, and none is smaller than the one before it.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    adjusted_sorted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(adjusted_sorted, 1)
    return adjusted


def compare(
    runs: Mapping[str, SeedPredictions],
    *,
    baseline: str,
    metrics: Sequence[str] = ("accuracy", "macro_f1"),
    n_boot: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the paired difference of each other run from the baseline, one row a metric and run.

    Columns `metric`, `run`, `value`, `low`, `high`, `p`, `p_holm`, `mcnemar`, `mcnemar_holm`.
    Holm's correction is over the runs, metric by metric; McNemar's test is of the accuracy, so NaN
    in the rows of another metric.

    Raises ParameterError when the baseline is not among the runs or stands alone, and as
    `paired_difference` does.
    """
    if baseline not in runs:
        raise ParameterError(f"baseline {baseline!r} is none of {', '.join(runs)}")
    others = [name for name in runs if name != baseline]
    if not others:
        raise ParameterError(f"only {baseline!r} is there: name another run to compare it with.")
    parts = [
        paired_difference(
            runs[name], runs[baseline], metrics, n_boot=n_boot, seed=seed, confidence=confidence
        ).assign(run=name)
        for name in others
    ]
    exact = np.array([mcnemar(runs[name], runs[baseline]) for name in others])
    tables = []
    for place, metric in enumerate(metrics):
        table = pd.concat([part.iloc[[place]] for part in parts])
        tested = exact if metric == "accuracy" else np.full(len(others), np.nan)
        corrected = {"p_holm": holm(table["p"]), "mcnemar": tested, "mcnemar_holm": holm(tested)}
        tables.append(table.assign(**corrected))
    order = ["metric", "run", "value", "low", "high", "p", "p_holm", "mcnemar", "mcnemar_holm"]
    return pd.concat(tables, ignore_index=True)[order]


def confusion(run: SeedPredictions) -> pd.DataFrame:
    """Return the confusion matrix, in texts, as the mean over seeds: rows are the labels."""
    check_same_documents(run)
    classes = run[0].classes
    places = np.arange(len(classes))
    counts = [confusion_matrix(each.labels, each.predicted, labels=places) for each in run]
    names = pd.Index(classes, name="label"), pd.Index(classes, name="predicted")
    return pd.DataFrame(np.mean(counts, axis=0), *names)


def confused_pairs(run: SeedPredictions, *, top: int = 20) -> pd.DataFrame:
    """Return the pairs of classes that are taken for each other most often.

    Columns `label`, `predicted` (the more frequent direction first), `n` (texts of `label` that
    are called `predicted`, as the mean over seeds), `share` (of the texts of `label`), `back`
    (texts the other way round), `both` (the sum, by which the table is sorted).
    """
    table = confusion(run)
    counts, names = table.to_numpy(), np.array(table.index, dtype=object)
    first, second = np.nonzero(np.triu(counts + counts.T, k=1))
    turned = counts[second, first] > counts[first, second]
    label, said = np.where(turned, second, first), np.where(turned, first, second)
    n, back = counts[label, said], counts[said, label]
    pairs = pd.DataFrame(
        {
            "label": names[label],
            "predicted": names[said],
            "n": n,
            "share": n / counts.sum(axis=1)[label],
            "back": back,
            "both": n + back,
        }
    )
    pairs = pairs.sort_values(["both", "n"], ascending=False, kind="stable", ignore_index=True)
    return pairs.head(top)


def per_class_metrics(run: SeedPredictions) -> pd.DataFrame:
    """Return each class's precision, recall and F1, as the mean over seeds.

    Index the classes; columns `precision`, `recall`, `f1`, `texts` (of that label). A class that is
    never predicted has precision 0, one without texts recall 0.
    """
    check_same_documents(run)
    classes = run[0].classes
    scores = [
        precision_recall_fscore_support(
            each.labels, each.predicted, labels=np.arange(len(classes)), zero_division=0
        )
        for each in run
    ]
    names = ["precision", "recall", "f1", "texts"]
    table = pd.DataFrame(np.mean(scores, axis=0).T, pd.Index(classes, name="class"), names)
    return table.astype({"texts": np.int64})
