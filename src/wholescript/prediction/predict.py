"""Predict the probability of a nomination for one script, with contributions and warnings."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wholescript.features.layout import LAYOUT_NAMES, measure_layout
from wholescript.features.word_counts import tokenize_words
from wholescript.prediction.parsers import Script
from wholescript.prediction.predictor import FloatArray, Predictor

N_PARTS = 20  # parts of a script of about five pages each
TOP_WORDS = 8
# Share of differing bits, equal to a cosine of 0.6; all pairs of training films are further apart.
MAX_DRAFT_DISTANCE = 0.3
Z_95 = 1.96


@dataclass(frozen=True)
class Part:
    """A part of the script: its position (0 to 1), first words and contribution.

    `contribution` is in log-odds, relative to a part of the same length of the mean film.
    `std_error` is its standard error over the bootstrap refits.
    """

    start: float
    stop: float
    first_words: str
    contribution: float
    std_error: float


@dataclass(frozen=True)
class Word:
    """A word of the script: its count and its contribution.

    `contribution` is in log-odds, relative to the mean film: negative for a word of positive weight
    that the mean film uses more. `std_error` is its standard error over the bootstrap refits.
    """

    word: str
    count: int
    contribution: float
    std_error: float


@dataclass(frozen=True)
class Prediction:
    """Probability of a nomination with a 95% interval, and its contributions.

    The interval is the log-odds plus and minus 1.96 standard errors over refits on resampled
    films (Efron and Tibshirani, 1993, chapter 12): it covers the choice of training films, not the
    variation between films of equal probability. The refits are lower on average, but the interval
    is not shifted by this bootstrap estimate of bias (chapter 10): refits are calibrated on the
    inner-fold predictions of the fit, and shifted intervals cover less
    (`benchmarks/prediction_interval.py`).

    `mean_script_probability` is the probability of the mean film; its log-odds plus the
    contributions of all `parts` are the log-odds of `probability`. `words` are those of the script
    with the largest and the smallest contributions, largest first.
    """

    probability: float
    low: float
    high: float
    base_rate: float
    mean_script_probability: float
    parts: tuple[Part, ...]
    words: tuple[Word, ...]
    warnings: tuple[str, ...]


def predict(script: Script, predictor: Predictor, *, year: int | None = None) -> Prediction:
    """Predict one script; `year` only serves a warning if it is outside of the training years."""
    words = tokenize_words(script.text)
    bounds = np.linspace(0, len(words), N_PARTS + 1).round().astype(int)
    counts = _count_by_part(words, bounds, predictor)
    total = counts.sum(axis=0)
    row = predictor.tfidf(total)
    # The TF-IDF weight of a word is divided among the parts in proportion to its counts.
    rows = counts * (row / np.maximum(total, 1)) - predictor.mean_tfidf / N_PARTS
    contributions = np.einsum("kv,v->k", rows, predictor.weights)
    std_errors = predictor.bootstrap_logits(rows).std(axis=1, ddof=1)
    log_odds = predictor.bias + float(np.einsum("v,v", row, predictor.weights))
    std_error = float((predictor.bootstrap_logits(row) + predictor.bootstrap_biases).std(ddof=1))
    mean_log_odds = predictor.bias + float(
        np.einsum("v,v", predictor.mean_tfidf, predictor.weights, dtype=np.float64)
    )
    manifest = predictor.manifest
    return Prediction(
        _probability(log_odds),
        _probability(log_odds - Z_95 * std_error),
        _probability(log_odds + Z_95 * std_error),
        manifest["positive"] / manifest["films"],
        _probability(mean_log_odds),
        tuple(
            Part(
                k / N_PARTS,
                (k + 1) / N_PARTS,
                " ".join(words[start : start + 6]),
                float(contribution),
                float(part_error),
            )
            for k, (start, contribution, part_error) in enumerate(
                zip(bounds[:-1], contributions, std_errors, strict=True)
            )
        ),
        _top_words(row, total, predictor),
        (
            *script.repairs,
            *_training_overlap_warning(predictor.min_hamming_distance(row)),
            *_out_of_range_warnings(script.text, int(total.sum()), manifest["seen"], year),
        ),
    )


def _count_by_part(
    words: list[str], bounds: NDArray[np.int64], predictor: Predictor
) -> NDArray[np.int64]:
    """Count the words of the vocabulary in each part between `bounds` (k + 1,): (k, V)."""
    word_ids = predictor.word_ids
    ids = [word_ids.get(word, -1) for word in words]
    known = [np.array(ids[start:stop], np.int64) for start, stop in itertools.pairwise(bounds)]
    return np.stack([np.bincount(k[k >= 0], minlength=len(word_ids)) for k in known])


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _top_words(
    row: FloatArray, counts: NDArray[np.int64], predictor: Predictor
) -> tuple[Word, ...]:
    """Return the words of the script with the largest and smallest contributions."""
    difference = row - predictor.mean_tfidf
    contributions = difference * predictor.weights
    used = np.flatnonzero(counts)
    used = used[np.argsort(-contributions[used], kind="stable")]
    top = np.array([*dict.fromkeys([*used[:TOP_WORDS], *used[-TOP_WORDS:]])], np.int64)
    rows = np.zeros((len(top), len(row)))
    rows[np.arange(len(top)), top] = difference[top]
    std_errors = predictor.bootstrap_logits(rows).std(axis=1, ddof=1)
    return tuple(
        Word(predictor.vocabulary[k], int(counts[k]), float(contributions[k]), float(std_error))
        for k, std_error in zip(top, std_errors, strict=True)
    )


def _training_overlap_warning(distance: float) -> Iterator[str]:
    if distance < MAX_DRAFT_DISTANCE:
        yield (
            "the script or another draft of it is in the training data: the prediction is "
            "optimistically biased"
        )


def _out_of_range_warnings(
    text: str, n_known: int, ranges: dict[str, Any], year: int | None
) -> Iterator[str]:
    """Yield the properties in which the script is outside the range of the training films."""
    layout = dict(zip(LAYOUT_NAMES, measure_layout(text).tolist(), strict=True))
    n_words = len(text.split())
    if not ranges["words"][0] <= n_words <= ranges["words"][1]:
        low, high = ranges["words"]
        yield (
            f"length: {n_words:,} words; 98% of the training scripts have {low:,.0f} to {high:,.0f}"
        )
    if year is not None and not ranges["years"][0] <= year <= ranges["years"][1]:
        low, high = ranges["years"]
        yield f"year: {year}; 98% of the training films are from {low:.0f} to {high:.0f}"
    if n_known < ranges["known_words"][0] * n_words:
        yield (
            f"vocabulary: {n_known / n_words:.0%} of the words are in it; 99% of the training "
            f"scripts have {ranges['known_words'][0]:.0%} or more; is it in another language?"
        )
    if layout["sluglines"] == 0:
        yield (
            "format: no scene headings (INT., EXT.), as in a transcript; "
            f"{ranges['without_sluglines']:.0%} of the training scripts have none"
        )
    if layout["cues"] < ranges["cues"][0]:
        yield "format: almost no character cues (names in capitals above the dialogue)"
