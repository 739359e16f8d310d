"""Scores of classifiers of two classes or many, with intervals over test texts and seeds.

A run is a sequence of predictions of the same texts, one a training seed. Texts are drawn with
replacement, the same for all seeds. Of S seeds S - 1 are drawn, which makes the variance of their
mean what it is, where S draws make it too small (McCarthy and Snowden 1985). What a seed does on
single texts counts on both levels, so an interval over several seeds errs on the wide side.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from wholescript.errors import ParameterError
from wholescript.evaluation.calibration import equal_mass_bins
from wholescript.evaluation.multiclass import DocumentPredictions, check_same_documents

FloatArray = NDArray[np.float64]

LABEL_METRICS = ("accuracy", "macro_f1", "weighted_f1", "mcc")
PROBABILITY_METRICS = ("log_loss", "brier", "ece")
METRICS = (*LABEL_METRICS, *PROBABILITY_METRICS)

ECE_BINS = 15
RESAMPLES_PER_BATCH = 100  # resamples: 20 MB of weights for 25,000 texts


def bootstrap(
    run: Sequence[DocumentPredictions],
    metrics: Sequence[str] = METRICS,
    *,
    n_boot: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return each metric with its percentile interval: metric, value, low, high, spread.

    `value` is the mean over the seeds of `run`, `spread` their standard deviation (NaN with one);
    the interval is over texts and seeds. Metrics that need what a run does not have are left out.

    - `accuracy`, and `mcc` of many classes (Gorodkin 2004)
    - `macro_f1`, `weighted_f1`: over the classes that occur or are predicted, as scikit-learn
    - `log_loss`: in nats
    - `brier`: the squared distance from the outcome, summed over the classes, with two classes of
      the second alone (Brier 1950)
    - `ece`: top-label (Guo et al. 2017) over 15 bins of equal mass (Nguyen and O'Connor 2015),
      those of the texts as they are. Noise biases it upwards, in a resample more so: its interval
      may lie above its value.

    Raises as `check_same_documents` does, and ParameterError for an unknown metric.
    """
    if unknown := sorted(set(metrics) - set(METRICS)):
        raise ParameterError(f"Unknown metrics {unknown}: choose among {', '.join(METRICS)}.")
    check_same_documents(run)
    rng = np.random.default_rng(seed)
    plain, resampled = label_metrics(run), label_metrics(run, n_boot, rng)
    if set(metrics) & set(PROBABILITY_METRICS):
        plain = np.concatenate([plain, _probability_metrics(run)], axis=1)
        more = _probability_metrics(run, n_boot, rng)
        resampled = np.concatenate([resampled, more], axis=1)
    low, high = percentile_interval(mean_over_resampled_seeds(resampled, rng), confidence)
    values = plain[:, :, 0]
    spread = values.std(axis=0, ddof=1) if len(run) > 1 else np.nan
    columns = {"value": values.mean(axis=0), "low": low, "high": high, "spread": spread}
    table = pd.DataFrame(columns, index=pd.Index(METRICS[: len(low)], name="metric"))
    return table.loc[list(metrics)].dropna(subset="value").reset_index()


def wilson_interval(
    predictions: DocumentPredictions, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the Wilson (1927) interval of the accuracy of one seed: low, high."""
    right = int((predictions.labels == predictions.predicted).sum())
    test = binomtest(right, len(predictions.ids))
    bounds = test.proportion_ci(confidence_level=confidence, method="wilson")
    return float(bounds.low), float(bounds.high)


def label_metrics(
    run: Sequence[DocumentPredictions], n_boot: int = 1, rng: np.random.Generator | None = None
) -> FloatArray:
    """Return the metrics `LABEL_METRICS` of each seed under each resample, (seeds, 4, n_boot).

    Without `rng` there is one column, of the texts as they are. Texts that share their label and
    all predictions are drawn together, as a cell of a multinomial: 25,000 texts of two classes and
    three seeds are 16 cells.
    """
    stacked = np.column_stack([run[0].labels, *(each.predicted for each in run)])
    cells, counts = np.unique(stacked, axis=0, return_counts=True)
    weights = counts[None].astype(np.float64)
    if rng is not None:
        n = counts.sum()
        weights = rng.multinomial(n, counts / n, size=n_boot).astype(np.float64)
    one_hot = np.eye(len(run[0].classes))
    true = one_hot[cells[:, 0]]
    return np.stack(
        [
            _metrics_from_cells(weights, true, one_hot[predicted_classes])
            for predicted_classes in cells[:, 1:].T
        ]
    )


def mean_over_resampled_seeds(scores: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the mean over seeds that are drawn anew for each resample.

    Maps (seeds, metrics, n_boot) to (metrics, n_boot).
    """
    seeds, _, n_boot = scores.shape
    if seeds == 1:
        return scores[0]
    drawn = rng.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=n_boot)
    return np.einsum("smb,bs->mb", scores, drawn / (seeds - 1))


def percentile_interval(resampled: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Return the percentile interval of each row of (metrics, n_boot): low, high."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=-1)
    return low, high


def _metrics_from_cells(
    weights: FloatArray, true: FloatArray, predicted_classes: FloatArray
) -> FloatArray:
    """Return `LABEL_METRICS` (4, B) from weights (B, cells) and one-hot classes (cells, classes)."""
    n = weights.sum(axis=1)
    hits, wanted, given = (
        weights @ (true * predicted_classes),
        weights @ true,
        weights @ predicted_classes,
    )
    f1 = _safe_divide(2 * hits, wanted + given)
    accuracy = hits.sum(axis=1) / n
    macro = f1.sum(axis=1) / (wanted + given > 0).sum(axis=1)
    weighted = (wanted * f1).sum(axis=1) / n
    together = n * hits.sum(axis=1) - (wanted * given).sum(axis=1)
    apart = (n**2 - (wanted**2).sum(axis=1)) * (n**2 - (given**2).sum(axis=1))
    return np.stack([accuracy, macro, weighted, _safe_divide(together, np.sqrt(apart))])


def _probability_metrics(
    run: Sequence[DocumentPredictions], n_boot: int = 1, rng: np.random.Generator | None = None
) -> FloatArray:
    """Return the metrics `PROBABILITY_METRICS` (seeds, 3, n_boot), NaN where a run has not what it needs.

    These are sums over texts of values that differ from text to text, so texts are drawn singly.
    """
    n = len(run[0].ids)
    terms = [_per_document_terms(each) for each in run]
    drawn = [np.ones((1, n))] if rng is None else resample_weights(n, n_boot, rng)
    scores = []
    for weights in drawn:
        means = [weights @ term / n for term in terms]
        gaps = [np.abs(mean[:, 2:]).sum(axis=1) for mean in means]
        scores.append([[*mean[:, :2].T, gap] for mean, gap in zip(means, gaps, strict=True)])
    return np.concatenate([np.asarray(part) for part in scores], axis=2)


def _per_document_terms(predictions: DocumentPredictions) -> FloatArray:
    """Return what each text adds to the log loss, the Brier score and the gap of each bin of ECE.

    Shape (n, 2 + bins).
    """
    labels, rows = predictions.labels, predictions.probabilities
    terms = np.full((len(labels), 2 + ECE_BINS), np.nan)
    if rows is not None:
        given = rows[np.arange(len(labels)), labels].astype(np.float64)
        # As scikit-learn: a probability of 0 counts as the least that float32 tells from 0.
        terms[:, 0] = -np.log(np.maximum(given, np.finfo(np.float32).eps))
        squares = (rows - np.eye(len(predictions.classes), dtype=np.float32)[labels]) ** 2
        terms[:, 1] = squares[:, -1] if len(predictions.classes) == 2 else squares.sum(axis=1)
    if predictions.confidence is not None:
        sure = predictions.confidence.astype(np.float64)
        bins = equal_mass_bins(sure, ECE_BINS)[:, None] == np.arange(ECE_BINS)
        terms[:, 2:] = bins * ((labels == predictions.predicted) - sure)[:, None]
    return terms


def resample_weights(n: int, n_boot: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield how often each of n texts is drawn, some resamples at once, (B, n)."""
    for start in range(0, n_boot, RESAMPLES_PER_BATCH):
        rows = min(RESAMPLES_PER_BATCH, n_boot - start)
        drawn = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def _safe_divide(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
