"""Metrics of document classifiers, with bootstrap intervals over test documents and seeds.

A model is given as the predictions of its training seeds for the same documents. Documents are
drawn with replacement, the same for all seeds; then S - 1 of S seeds are drawn. The variance of a
seed on single documents counts at both levels, so intervals over several seeds are conservative.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.errors import ParameterError
from wholescript.evaluation.bootstrap import (
    CONFIDENCE_LEVEL,
    BootstrapResult,
    draw_counts,
    draw_multinomial_counts,
    mean_over_resampled_seeds,
)
from wholescript.evaluation.calibration import equal_mass_bins
from wholescript.evaluation.confusion import safe_divide
from wholescript.evaluation.document_predictions import DocumentPredictions, check_same_documents

FloatArray = NDArray[np.float64]
SeedPredictions = Sequence[DocumentPredictions]

LABEL_METRICS = ("accuracy", "macro_f1", "weighted_f1", "mcc")
PROBABILITY_METRICS = ("log_loss", "brier", "ece")
METRICS = (*LABEL_METRICS, *PROBABILITY_METRICS)
REPORTED_METRICS = ("accuracy", "macro_f1", "log_loss", "ece")  # stored over the seeds of a model
TABLE_METRICS = ("macro_f1", "ece")  # in tables of models, beside the error rate

ECE_BINS = 15


def bootstrap(
    predictions_by_seed: SeedPredictions,
    metrics: Sequence[str] = METRICS,
    *,
    n_bootstrap: int = 1000,
    seed: int = 0,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> pd.DataFrame:
    """Return each metric with its percentile interval: metric, value, low, high, std.

    `value` is the mean over the training seeds, `std` their standard deviation (NaN for one); the
    interval is over documents and seeds. Metrics that need missing probabilities are left out.

    - `accuracy`, and `mcc` generalized to many classes (Gorodkin, 2004)
    - `macro_f1`, `weighted_f1`: over the classes present or predicted, as scikit-learn
    - `log_loss`: in nats
    - `brier`: the squared error summed over the classes; with two classes, of the second alone
      (Brier, 1950)
    - `ece`: top-label calibration error (Guo et al., 2017) over 15 bins of equal mass (Nguyen and
      O'Connor, 2015), those of the documents as they are. Sampling noise biases it upwards; the
      interval is that of its value, bias included (see `BootstrapResult.table`).

    Raises:
        DataError, ParameterError: as `check_same_documents`.
        ParameterError: a metric is unknown.
    """
    check_known_metrics(metrics, METRICS)
    check_same_documents(predictions_by_seed)
    rng = np.random.default_rng(seed)
    values = label_metrics(predictions_by_seed)
    resampled = label_metrics(predictions_by_seed, n_bootstrap, rng)
    if set(metrics) & set(PROBABILITY_METRICS):
        values = np.concatenate([values, _probability_metrics(predictions_by_seed)], axis=1)
        probability_metrics = _probability_metrics(predictions_by_seed, n_bootstrap, rng)
        resampled = np.concatenate([resampled, probability_metrics], axis=1)
    means = mean_over_resampled_seeds(resampled, rng)
    # NaN where a seed has no probabilities.
    kept = [METRICS.index(m) for m in metrics if np.isfinite(values[:, METRICS.index(m)]).all()]
    names = tuple(METRICS[k] for k in kept)
    return BootstrapResult(names, values[:, kept, 0], means[kept]).table(confidence_level)


def check_known_metrics(metrics: Sequence[str], known: Sequence[str]) -> None:
    """Raise ParameterError for a metric that is not `known`."""
    if unknown := sorted(set(metrics) - set(known)):
        raise ParameterError(f"unknown metrics {unknown}; choose from {', '.join(known)}")


def label_metrics(
    predictions_by_seed: SeedPredictions,
    n_bootstrap: int = 1,
    rng: np.random.Generator | None = None,
) -> FloatArray:
    """Return the metrics `LABEL_METRICS` of each seed under each resample, (seeds, 4, n_bootstrap).

    Without `rng` there is one column, of the documents as they are. Documents that share their
    label and all predictions are drawn together as a cell of a multinomial: 25,000 documents of two
    classes and three seeds are 16 cells.
    """
    stacked = np.column_stack(
        [predictions_by_seed[0].labels, *(each.predicted for each in predictions_by_seed)]
    )
    cells, counts = np.unique(stacked, axis=0, return_counts=True)
    drawn = counts[None] if rng is None else draw_multinomial_counts(counts, n_bootstrap, rng)
    weights = drawn.astype(np.float64)
    one_hot = np.eye(len(predictions_by_seed[0].classes))
    true = one_hot[cells[:, 0]]
    predicted = [one_hot[column] for column in cells[:, 1:].T]
    return np.stack([_metrics_from_cells(weights, true, one) for one in predicted])


def _metrics_from_cells(weights: FloatArray, true: FloatArray, predicted: FloatArray) -> FloatArray:
    """Return `LABEL_METRICS` (4, B) from weights (B, cells), one-hot classes (cells, classes)."""
    n = weights.sum(axis=1)
    n_correct, n_true, n_predicted = (
        weights @ cells for cells in (true * predicted, true, predicted)
    )
    f1 = safe_divide(2 * n_correct, n_true + n_predicted)
    accuracy = n_correct.sum(axis=1) / n
    macro = f1.sum(axis=1) / (n_true + n_predicted > 0).sum(axis=1)
    weighted = (n_true * f1).sum(axis=1) / n
    covariance = n * n_correct.sum(axis=1) - (n_true * n_predicted).sum(axis=1)
    variances = (n**2 - (n_true**2).sum(axis=1)) * (n**2 - (n_predicted**2).sum(axis=1))
    return np.stack([accuracy, macro, weighted, safe_divide(covariance, np.sqrt(variances))])


def _probability_metrics(
    predictions_by_seed: SeedPredictions,
    n_bootstrap: int = 1,
    rng: np.random.Generator | None = None,
) -> FloatArray:
    """Return `PROBABILITY_METRICS` (seeds, 3, n_bootstrap), NaN where a seed has no probabilities.

    They sum a value per document, so single documents are drawn.
    """
    n = len(predictions_by_seed[0].ids)
    terms = [_per_document_terms(each) for each in predictions_by_seed]
    drawn = [np.ones((1, n))] if rng is None else draw_counts(n, n_bootstrap, rng)
    batches = []
    for weights in drawn:
        means = [weights @ term / n for term in terms]
        gaps = [np.abs(mean[:, 2:]).sum(axis=1) for mean in means]
        batches.append([[*mean[:, :2].T, gap] for mean, gap in zip(means, gaps, strict=True)])
    return np.concatenate([np.asarray(batch) for batch in batches], axis=2)


def _per_document_terms(predictions: DocumentPredictions) -> FloatArray:
    """Return each document's term of the log loss, the Brier score and the gap of each ECE bin.

    Shape (n, 2 + bins).
    """
    labels, probabilities = predictions.labels, predictions.probabilities
    terms = np.full((len(labels), 2 + ECE_BINS), np.nan)
    if probabilities is not None:
        p_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
        # As scikit-learn: clip at the machine epsilon of float32.
        terms[:, 0] = -np.log(np.maximum(p_label, np.finfo(np.float32).eps))
        squares = (probabilities - np.eye(len(predictions.classes), dtype=np.float32)[labels]) ** 2
        terms[:, 1] = squares[:, -1] if len(predictions.classes) == 2 else squares.sum(axis=1)
    if predictions.confidence is not None:
        confidence = predictions.confidence.astype(np.float64)
        bins = equal_mass_bins(confidence, ECE_BINS)[:, None] == np.arange(ECE_BINS)
        terms[:, 2:] = bins * ((labels == predictions.predicted) - confidence)[:, None]
    return terms
