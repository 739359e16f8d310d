"""Document classifiers compared on the same test documents: differences, tests, confusions.

A model is given as the predictions of its training seeds. The seeds of two models are independent,
the documents are paired.
"""

import copy
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.bootstrap import (
    CONFIDENCE_LEVEL,
    BootstrapResult,
    FloatArray,
    compare_with_baseline,
    holm,
    mean_over_resampled_seeds,
)
from wholescript.evaluation.document_metrics import (
    LABEL_METRICS,
    SeedPredictions,
    check_known_metrics,
    label_metrics,
)
from wholescript.evaluation.document_predictions import check_same_documents


def paired_difference(
    a: SeedPredictions,
    b: SeedPredictions,
    metrics: Sequence[str] = ("accuracy", "macro_f1"),
    *,
    n_bootstrap: int = 2000,
    seed: int = 0,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> pd.DataFrame:
    """Return a minus b: metric, value, low, high, p.

    Each resample draws documents, the same for both models, and training seeds for each model
    independently. `p` is the two-sided bootstrap p-value of no difference. `metrics` are among
    `LABEL_METRICS`.

    Raises:
        DataError: the models predict different documents.
        ParameterError: a metric is unknown.
    """
    check_known_metrics(metrics, LABEL_METRICS)
    rows = [LABEL_METRICS.index(name) for name in metrics]
    rng = np.random.default_rng(seed)
    values, resampled = _label_metrics_of_both(a, b, n_bootstrap, rng)
    sides = [
        BootstrapResult(
            tuple(metrics), value[:, rows], mean_over_resampled_seeds(scores[:, rows], rng)
        )
        for value, scores in zip(values, resampled, strict=True)
    ]
    return sides[0].difference_from(sides[1], confidence_level)


def error_rate_ratio(
    a: SeedPredictions,
    b: SeedPredictions,
    *,
    paired_seeds: bool = False,
    n_bootstrap: int = 2000,
    seed: int = 0,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> tuple[float, float, float]:
    """Return the error rate of a over that of b, with its interval: value, low, high.

    Documents and seeds are drawn as for `paired_difference`. With `paired_seeds` the i-th seeds of
    both are drawn together, as is needed where they were trained on the same subsample. All three
    are NaN where b makes no error.

    Raises:
        DataError: the models predict different documents.
        ParameterError: paired seeds of which there are not equally many.
    """
    if paired_seeds and len(a) != len(b):
        raise ParameterError(f"{len(a)} and {len(b)} seeds cannot be paired")
    row = [LABEL_METRICS.index("accuracy")]
    rng = np.random.default_rng(seed)
    values, resampled = _label_metrics_of_both(a, b, n_bootstrap, rng)
    if (values[1][:, row] == 1).all():
        return np.nan, np.nan, np.nan
    rngs = (rng, copy.deepcopy(rng) if paired_seeds else rng)
    sides = [
        BootstrapResult(
            ("error",), 1 - value[:, row], mean_over_resampled_seeds(1 - scores[:, row], own)
        )
        for value, scores, own in zip(values, resampled, rngs, strict=True)
    ]
    ratio = sides[0].ratio_to(sides[1], confidence_level).iloc[0]
    return float(ratio["value"]), float(ratio["low"]), float(ratio["high"])


def _label_metrics_of_both(
    a: SeedPredictions, b: SeedPredictions, n_bootstrap: int, rng: np.random.Generator
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return values (seeds, 4) and resampled metrics (seeds, 4, n_bootstrap), of a and of b."""
    both = [*a, *b]
    check_same_documents(both)
    values, resampled = label_metrics(both)[:, :, 0], label_metrics(both, n_bootstrap, rng)
    n = len(a)
    return [values[:n], values[n:]], [resampled[:n], resampled[n:]]


def mcnemar(a: SeedPredictions, b: SeedPredictions) -> float:
    """Return the exact p-value of McNemar's (1947) test of equal accuracy.

    It is the sign test of the documents that one model alone classifies correctly. With several
    seeds it is twice the mean over all pairs of seeds, a valid p-value under any dependence (Vovk
    and Wang, 2020). It generalizes over documents, `paired_difference` over seeds as well.

    Raises:
        DataError: the models predict different documents.
    """
    check_same_documents([*a, *b])
    correct_a, correct_b = ([each.predicted == each.labels for each in model] for model in (a, b))
    p_values = []
    for one in correct_a:
        for other in correct_b:
            n_a, n_b = int((one & ~other).sum()), int((other & ~one).sum())
            p_values.append(binomtest(n_a, n_a + n_b).pvalue if n_a + n_b else 1.0)
    return p_values[0] if len(p_values) == 1 else min(1.0, 2 * float(np.mean(p_values)))


def compare(
    models: Mapping[str, SeedPredictions],
    *,
    baseline: str,
    metrics: Sequence[str] = ("accuracy", "macro_f1"),
    n_bootstrap: int = 2000,
    seed: int = 0,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> pd.DataFrame:
    """Return the paired difference of each other model from the baseline, by metric and model.

    Columns `metric`, `model`, `difference`, `difference_low`, `difference_high`, `p`, `p_holm`,
    `mcnemar`, `mcnemar_holm`. Holm's correction is over the models, for each metric. McNemar's test
    is of the accuracy: NaN in the rows of other metrics.

    Raises:
        DataError: the models predict different documents.
        ParameterError: a metric is unknown, the baseline is not among the models or is the only
            one.
    """
    difference = partial(
        paired_difference,
        metrics=metrics,
        n_bootstrap=n_bootstrap,
        seed=seed,
        confidence_level=confidence_level,
    )
    for name, model in models.items():
        try:
            check_same_documents([*model, *models.get(baseline, model)])
        except DataError as error:
            raise DataError(f"{name} and {baseline}: {error}") from None
    differences = compare_with_baseline(models, baseline, difference).query("model != @baseline")
    if differences.empty:
        raise ParameterError(f"{baseline!r} is the only model: name another one to compare with it")
    tables = []
    for metric in metrics:
        table = differences[differences["metric"] == metric]
        p_mcnemar = [
            mcnemar(models[name], models[baseline]) if metric == "accuracy" else np.nan
            for name in table["model"]
        ]
        p_values = {"mcnemar": p_mcnemar, "mcnemar_holm": holm(p_mcnemar)}
        tables.append(table.assign(p_holm=holm(table["p"]), **p_values))
    table = pd.concat(tables, ignore_index=True)
    return table[["metric", *table.columns.drop("metric")]]


def mean_confusion_matrix(predictions_by_seed: SeedPredictions) -> pd.DataFrame:
    """Return the confusion matrix in documents, the mean over seeds: rows are the labels."""
    check_same_documents(predictions_by_seed)
    classes = predictions_by_seed[0].classes
    positions = np.arange(len(classes))
    counts = [
        confusion_matrix(each.labels, each.predicted, labels=positions)
        for each in predictions_by_seed
    ]
    names = pd.Index(classes, name="label"), pd.Index(classes, name="predicted")
    return pd.DataFrame(np.mean(counts, axis=0), *names)


def confused_pairs(predictions_by_seed: SeedPredictions, *, top: int = 20) -> pd.DataFrame:
    """Return the pairs of classes that are confused most often.

    Columns `label`, `predicted` (the more frequent direction first), `n_errors` (documents of
    `label` predicted as `predicted`, the mean over seeds), `share` (of the documents of `label`),
    `n_reversed` (errors in the other direction), `n_total` (the sum, by which the table is sorted).
    """
    table = mean_confusion_matrix(predictions_by_seed)
    counts, names = table.to_numpy(), np.array(table.index, dtype=object)
    first, second = np.nonzero(np.triu(counts + counts.T, k=1))
    swap = counts[second, first] > counts[first, second]
    label, predicted = np.where(swap, second, first), np.where(swap, first, second)
    n_errors, n_reversed = counts[label, predicted], counts[predicted, label]
    pairs = pd.DataFrame(
        {
            "label": names[label],
            "predicted": names[predicted],
            "n_errors": n_errors,
            "share": n_errors / counts.sum(axis=1)[label],
            "n_reversed": n_reversed,
            "n_total": n_errors + n_reversed,
        }
    )
    by = ["n_total", "n_errors"]
    return pairs.sort_values(by, ascending=False, kind="stable", ignore_index=True).head(top)


def per_class_metrics(predictions_by_seed: SeedPredictions) -> pd.DataFrame:
    """Return precision, recall and F1 of each class, the mean over seeds.

    Index the classes; columns `precision`, `recall`, `f1`, `support` (documents of the class). A
    class that is never predicted has precision 0, one without documents recall 0.
    """
    check_same_documents(predictions_by_seed)
    classes = predictions_by_seed[0].classes
    scores = [
        precision_recall_fscore_support(
            each.labels, each.predicted, labels=np.arange(len(classes)), zero_division=0
        )
        for each in predictions_by_seed
    ]
    columns = ["precision", "recall", "f1", "support"]
    table = pd.DataFrame(np.mean(scores, axis=0).T, pd.Index(classes, name="class"), columns)
    return table.astype({"support": np.int64})
