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
from wholescript.models.logistic_regression import FloatArray, IntArray, fitted_logistic, logit
from wholescript.models.stacking import Stack
from wholescript.models.task import Task
from wholescript.models.tfidf import WordsLR
from wholescript.prediction.predictor import Predictor, directions

STRENGTHS = (3.0, 30.0)  # as in the evaluation of the report; inner folds choose
REFITS = 25  # informative of a standard error (Efron and Tibshirani 1993, chapter 6), and small
METRICS = ("auc", "average_precision", "brier", "ece")
TAIL = 0.01  # share of the films learnt from; a script further out is called unlike them


def calibrated_words() -> Stack:
    """Return the estimator that is shipped: a stack of one member is Platt scaling."""
    return Stack([WordsLR(Cs=STRENGTHS)], name="calibrated words")


def make_predictor(corpus: Corpus, features: FilmFeatures, *, seed: int = 0) -> Predictor:
    """Fit the predictor on a whole corpus, evaluate it out of fold, and say what it has seen."""
    task = Task(corpus.films, corpus.labels, features.groups, features)
    predictor = fit_predictor(task, seed=seed)
    folds = repeated_folds(task.labels, task.groups, seed=seed)
    scores = bootstrap(cross_validate(calibrated_words(), task, folds, seed=seed), METRICS)
    facts = {
        "target": corpus.target,
        "data": corpus.provenance.fingerprint,
        "seed": seed,
        "films": len(corpus),
        "positive": int(task.labels.sum()),
        **predictor.facts,
        "out_of_fold": scores.set_index("metric")[["value", "low", "high"]].T.to_dict(),
        "seen": _seen(task, predictor),
    }
    return replace(predictor, facts=facts)


def fit_predictor(task: Task, *, seed: int, refits: int = REFITS) -> Predictor:
    """Learn from all films of `task`: weights of words, then Platt's scaling on inner folds.

    It is `calibrated_words`, fitted once and written out as one linear function. Each refit draws
    groups of films with replacement and fits weights and scaling anew; vocabulary, inverse
    document frequencies and strength stay.
    """
    model, rows = WordsLR(Cs=STRENGTHS), np.arange(len(task.labels))
    scores = model.fit_predict(task, rows, rows, seed=seed)
    strength = float(scores.chosen["C"])
    counts, vocabulary = model.counts(task.features.words), task.features.words.vocabulary
    kept = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]) >= model.min_df)
    tfidf = TfidfTransformer(sublinear_tf=True)
    x, held_out = tfidf.fit_transform(counts[:, kept]), logit(scores.inner)[:, None]

    def fitted(times: IntArray) -> tuple[FloatArray, float]:
        words = fitted_logistic(x, task.labels, strength, times=times)
        platt = fitted_logistic(held_out, task.labels, 1.0, times=times)
        slope = platt.coef_[0, 0]
        return slope * words.coef_[0], slope * words.intercept_[0] + platt.intercept_[0]

    weights, bias = fitted(np.ones(len(rows), np.int64))
    draws = _draws(task.groups, refits, seed)
    again = [fitted(times) for times in tqdm(draws, desc="refits", unit="fit")]
    exact = np.stack([row for row, _ in again])
    typical = np.asarray(x.mean(axis=0)).ravel().astype(np.float32)
    steps = np.abs(exact).max(axis=1, keepdims=True) / 127
    codes = np.rint(exact / steps).astype(np.int8)
    return Predictor(
        [vocabulary[column] for column in kept],
        tfidf.idf_.astype(np.float32),
        weights.astype(np.float32),
        typical,
        float(bias),
        codes,
        steps.ravel().astype(np.float32),
        np.array([one for _, one in again]),
        x @ directions(len(kept)) > typical @ directions(len(kept)),
        {
            "strength": strength,
            "refits": refits,
            "coding_error": float(np.sqrt(np.mean((x @ (codes * steps - exact).T) ** 2))),
        },
    )


def _draws(groups: NDArray[np.object_], draws: int, seed: int) -> IntArray:
    """Return how often each film is drawn, (draws, n), where groups stay together."""
    names, group = np.unique(groups.astype(str), return_inverse=True)
    even = np.full(len(names), 1 / len(names))
    return np.random.default_rng(seed).multinomial(len(names), even, size=draws)[:, group]


def _seen(task: Task, predictor: Predictor) -> dict[str, Any]:
    """Say what the films are like, so that a script can be told from them."""
    structure = dict(zip(STRUCTURE_NAMES, task.features.structure.T, strict=True))
    columns = np.searchsorted(task.features.words.vocabulary, predictor.vocabulary)
    words = task.films["n_words"].to_numpy()
    known = np.asarray(task.features.words.whole[:, columns].sum(axis=1)).ravel() / words
    return {
        "words": _between(words),
        "years": _between(task.films["year"]),
        "known_words": _between(known),
        "cues": _between(structure["cues"]),
        "without_sluglines": float((structure["sluglines"] == 0).mean()),
    }


def _between(values: ArrayLike) -> list[float]:
    return [round(float(value), 4) for value in np.quantile(np.asarray(values), [TAIL, 1 - TAIL])]
