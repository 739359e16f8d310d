"""How the shipped predictor is made: from the bundled features, the same bytes each time."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.feature_extraction.text import TfidfTransformer
from tqdm.auto import tqdm

from wholescript.data.films import Corpus, repeated_folds
from wholescript.evaluation.crossval import cross_validate
from wholescript.evaluation.film_bootstrap import bootstrap
from wholescript.features.bundle import FilmFeatures
from wholescript.features.layout import STRUCTURE_NAMES
from wholescript.models.logistic_regression import FloatArray, IntArray, fit_logistic, logit
from wholescript.models.stacking import StackingEnsemble
from wholescript.models.task import Task
from wholescript.models.tfidf import TfidfLR
from wholescript.prediction.predictor import Predictor, random_hyperplanes

C_GRID = (3.0, 30.0)  # as in the evaluation of the report; inner folds choose
N_BOOTSTRAP = (
    25  # informative of a standard error (Efron and Tibshirani 1993, chapter 6), and small
)
METRICS = ("auc", "average_precision", "brier", "ece")
RANGE_QUANTILE = 0.01  # share of the films learnt from; a script further out is called unlike them


def calibrated_tfidf() -> StackingEnsemble:
    """Return the estimator that is shipped: a stack of one member is Platt scaling."""
    return StackingEnsemble([TfidfLR(Cs=C_GRID)], name="calibrated words")


def make_predictor(corpus: Corpus, features: FilmFeatures, *, seed: int = 0) -> Predictor:
    """Fit the predictor on a whole corpus, evaluate it out of fold, and say what it has seen."""
    task = Task(corpus.films, corpus.labels, features.groups, features)
    predictor = fit_predictor(task, seed=seed)
    folds = repeated_folds(task.labels, task.groups, seed=seed)
    scores = bootstrap(cross_validate(calibrated_tfidf(), task, folds, seed=seed), METRICS)
    manifest = {
        "target": corpus.target,
        "data": corpus.provenance.fingerprint,
        "seed": seed,
        "films": len(corpus),
        "positive": int(task.labels.sum()),
        **predictor.manifest,
        "out_of_fold": scores.set_index("metric")[["value", "low", "high"]].T.to_dict(),
        "seen": _training_ranges(task, predictor),
    }
    return replace(predictor, manifest=manifest)


def fit_predictor(task: Task, *, seed: int, n_bootstrap: int = N_BOOTSTRAP) -> Predictor:
    """Learn from all films of `task`: weights of words, then Platt's scaling on inner folds.

    It is `calibrated_tfidf`, fitted once and written out as one linear function. Each refit draws
    groups of films with replacement and fits weights and scaling anew; vocabulary, inverse
    document frequencies and strength stay.
    """
    model, rows = TfidfLR(Cs=C_GRID), np.arange(len(task.labels))
    scores = model.fit_predict(task, rows, rows, seed=seed)
    strength = float(scores.chosen["C"])
    counts, vocabulary = model.counts(task.features.words), task.features.words.vocabulary
    kept = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]) >= model.min_df)
    tfidf = TfidfTransformer(sublinear_tf=True)
    x, held_out = tfidf.fit_transform(counts[:, kept]), logit(scores.inner)[:, None]

    def fitted(sample_weight: IntArray) -> tuple[FloatArray, float]:
        words = fit_logistic(x, task.labels, strength, sample_weight=sample_weight)
        platt = fit_logistic(held_out, task.labels, 1.0, sample_weight=sample_weight)
        slope = platt.coef_[0, 0]
        return slope * words.coef_[0], slope * words.intercept_[0] + platt.intercept_[0]

    weights, bias = fitted(np.ones(len(rows), np.int64))
    draws = _bootstrap_weights(task.groups, n_bootstrap, seed)
    again = [fitted(sample_weight) for sample_weight in tqdm(draws, desc="refits", unit="fit")]
    exact = np.stack([row for row, _ in again])
    mean_tfidf = np.asarray(x.mean(axis=0)).ravel().astype(np.float32)
    code_scales = np.abs(exact).max(axis=1, keepdims=True) / 127
    bootstrap_codes = np.rint(exact / code_scales).astype(np.int8)
    return Predictor(
        [vocabulary[column] for column in kept],
        tfidf.idf_.astype(np.float32),
        weights.astype(np.float32),
        mean_tfidf,
        float(bias),
        bootstrap_codes,
        code_scales.ravel().astype(np.float32),
        np.array([one for _, one in again]),
        x @ random_hyperplanes(len(kept)) > mean_tfidf @ random_hyperplanes(len(kept)),
        {
            "strength": strength,
            "refits": n_bootstrap,
            "coding_error": float(
                np.sqrt(np.mean((x @ (bootstrap_codes * code_scales - exact).T) ** 2))
            ),
        },
    )


def _bootstrap_weights(groups: NDArray[np.object_], draws: int, seed: int) -> IntArray:
    """Return how often each film is drawn, (draws, n), where groups stay together."""
    names, group = np.unique(groups.astype(str), return_inverse=True)
    even = np.full(len(names), 1 / len(names))
    return np.random.default_rng(seed).multinomial(len(names), even, size=draws)[:, group]


def _training_ranges(task: Task, predictor: Predictor) -> dict[str, Any]:
    """Say what the films are like, so that a script can be told from them."""
    structure = dict(zip(STRUCTURE_NAMES, task.features.structure.T, strict=True))
    columns = np.searchsorted(task.features.words.vocabulary, predictor.vocabulary)
    words = task.films["n_words"].to_numpy()
    known = np.asarray(task.features.words.whole[:, columns].sum(axis=1)).ravel() / words
    return {
        "words": _quantile_range(words),
        "years": _quantile_range(task.films["year"]),
        "known_words": _quantile_range(known),
        "cues": _quantile_range(structure["cues"]),
        "without_sluglines": float((structure["sluglines"] == 0).mean()),
    }


def _quantile_range(values: ArrayLike) -> list[float]:
    return [
        round(float(value), 4)
        for value in np.quantile(np.asarray(values), [RANGE_QUANTILE, 1 - RANGE_QUANTILE])
    ]
