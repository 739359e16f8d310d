"""What the predictor says of one script, from where in it, and how far to trust it."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wholescript.features.layout import STRUCTURE_NAMES, measure_structure
from wholescript.features.word_counts import tokenize_words
from wholescript.prediction.predictor import FloatArray, Predictor
from wholescript.prediction.scripts import Script

N_PARTS = 20  # of a script: five pages or so each
TOP_WORDS = 8
MAX_DRAFT_DISTANCE = (
    0.3  # share of bits: a cosine of 0.6; no two of the films learnt from come as close
)
Z_95 = 1.96

Contributions = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Part:
    """A stretch of the script: its place (0 to 1), its first words, and what it adds.

    `adds` is in log odds, relative to as long a stretch of the average film; `error` is its
    standard error over the refits.
    """

    start: float
    stop: float
    first_words: str
    adds: float
    error: float


@dataclass(frozen=True)
class Prediction:
    """Probability of a nomination with a 95% interval, and what it is made of.

    The interval is log odds plus and minus 1.96 standard errors over refits on resampled films:
    how much the answer owes to the films that were learnt from. It does not say that films with
    this probability differ. `average` is the probability of the average film; the log odds of
    `probability` are its log odds plus what the `parts` add. `words` are those of the script that
    add or take most, relative to the average film, in log odds, the most positive first.
    """

    probability: float
    low: float
    high: float
    base_rate: float
    average: float
    parts: tuple[Part, ...]
    words: Contributions
    warnings: tuple[str, ...]


def predict(script: Script, predictor: Predictor, *, year: int | None = None) -> Prediction:
    """Judge one script; `year`, where known, is only held against the years learnt from."""
    words = tokenize_words(script.text)
    bounds = np.linspace(0, len(words), N_PARTS + 1).round().astype(int)
    counts = _counts(words, bounds, predictor)
    whole = counts.sum(axis=0)
    row = predictor.tfidf(whole)
    # A word's weight in the whole script, shared by the parts as its uses are.
    rows = counts * (row / np.maximum(whole, 1)) - predictor.mean_tfidf / N_PARTS
    adds, errors = rows @ predictor.weights, predictor.bootstrap_logits(rows).std(axis=1, ddof=1)
    log_odds = predictor.bias + float(row @ predictor.weights)
    error = float((predictor.bootstrap_logits(row) + predictor.bootstrap_biases).std(ddof=1))
    average = predictor.bias + float(predictor.mean_tfidf @ predictor.weights)
    manifest = predictor.manifest
    return Prediction(
        _probability(log_odds),
        _probability(log_odds - Z_95 * error),
        _probability(log_odds + Z_95 * error),
        manifest["positive"] / manifest["films"],
        _probability(average),
        tuple(
            Part(
                k / N_PARTS,
                (k + 1) / N_PARTS,
                " ".join(words[start : start + 6]),
                *map(float, added),
            )
            for k, (start, *added) in enumerate(zip(bounds, adds, errors, strict=False))
        ),
        _top_contributions(
            (row - predictor.mean_tfidf) * predictor.weights, whole, predictor.vocabulary
        ),
        (
            *script.notes,
            *_training_overlap_warning(predictor.min_hamming_distance(row)),
            *_out_of_range_warnings(script.text, int(whole.sum()), manifest["seen"], year),
        ),
    )


def _counts(words: list[str], bounds: NDArray[np.int64], predictor: Predictor) -> NDArray[np.int64]:
    """Count the predictor's words between `bounds` (k + 1,): (k, V)."""
    columns = predictor.columns
    found = [columns.get(word, -1) for word in words]
    known = [np.array(found[start:stop]) for start, stop in itertools.pairwise(bounds)]
    return np.stack([np.bincount(k[k >= 0], minlength=len(columns)) for k in known])


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _top_contributions(
    adds: FloatArray, whole: NDArray[np.int64], vocabulary: list[str]
) -> Contributions:
    """Return the words of the script that add most and that take most."""
    used = np.flatnonzero(whole)
    used = used[np.argsort(-adds[used], kind="stable")]
    ends = dict.fromkeys([*used[:TOP_WORDS], *used[-TOP_WORDS:]])
    return tuple((vocabulary[column], float(adds[column])) for column in ends)


def _training_overlap_warning(distance: float) -> Iterator[str]:
    if distance < MAX_DRAFT_DISTANCE:
        yield "it was learnt from, or another draft was: the answer remembers what became of it"


def _out_of_range_warnings(
    text: str, known: int, seen: dict[str, Any], year: int | None
) -> Iterator[str]:
    """Say in what the script is unlike the films learnt from, where the model only guesses."""
    structure = dict(zip(STRUCTURE_NAMES, measure_structure(text).tolist(), strict=True))
    words = len(text.split())
    if not seen["words"][0] <= words <= seen["words"][1]:
        low, high = seen["words"]
        yield f"its length: {words:,} words, where films learnt from have {low:,.0f} to {high:,.0f}"
    if year is not None and not seen["years"][0] <= year <= seen["years"][1]:
        low, high = seen["years"]
        yield f"its era: {year}, where films learnt from are of {low:.0f} to {high:.0f}"
    if known < seen["known_words"][0] * words:
        yield (
            f"its words: {known / words:.0%} of them are known, where films learnt from have "
            f"{seen['known_words'][0]:.0%} or more; is it in another language?"
        )
    if structure["sluglines"] == 0:
        yield (
            "its format: no sluglines (INT., EXT.), as in a transcript; "
            f"{seen['without_sluglines']:.0%} of the films learnt from have none"
        )
    if structure["cues"] < seen["cues"][0]:
        yield "its format: hardly any line names who speaks, in capitals"
