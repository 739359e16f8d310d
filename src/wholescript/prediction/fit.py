"""Fit the shipped predictor from the bundled features; deterministic to the byte."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.feature_extraction.text import TfidfTransformer
from tqdm import tqdm

from wholescript.data.films import Corpus, repeated_folds
from wholescript.evaluation.bootstrap import draw_multinomial_counts
from wholescript.evaluation.film_bootstrap import bootstrap
from wholescript.features.bundle import FilmFeatures
from wholescript.features.layout import LAYOUT_NAMES
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.films.logistic_regression import fit_logistic, logit
from wholescript.models.films.stacking import StackingEnsemble
from wholescript.models.films.tfidf import TfidfLR
from wholescript.models.types import Float64Array, IntArray
from wholescript.prediction.predictor import Predictor, random_hyperplanes
from wholescript.studies.screenplays.cross_validation import cross_validate

C_GRID = (3.0, 30.0)  # as in the evaluation of the report; chosen on inner folds
# Enough for a standard error (Efron and Tibshirani, 1993, chapter 6), and small in storage.
N_BOOTSTRAP = 25
METRICS = ("auc", "average_precision", "brier", "ece")
RANGE_QUANTILE = 0.01  # of the training films; a script outside of both quantiles gets a warning


def calibrated_tfidf() -> StackingEnsemble:
    """Return the shipped estimator: stacking with one member is Platt scaling."""
    return StackingEnsemble([TfidfLR(Cs=C_GRID)], name="calibrated TF-IDF")


def make_predictor(corpus: Corpus, features: FilmFeatures, *, seed: int = 0) -> Predictor:
    """Fit the predictor on a corpus and add out-of-fold metrics and training ranges to it."""
    dataset = FilmDataset(corpus.films, corpus.labels, features.groups, features)
    predictor = fit_described(corpus, dataset, seed=seed)
    folds = repeated_folds(dataset.labels, dataset.groups, seed=seed)
    metrics = bootstrap(cross_validate(calibrated_tfidf(), dataset, folds, seed=seed), METRICS)
    out_of_fold = metrics.set_index("metric")[["value", "low", "high"]].T.to_dict()
    manifest = dict(predictor.manifest)
    seen = manifest.pop("seen")
    return replace(predictor, manifest=manifest | {"out_of_fold": out_of_fold, "seen": seen})


def fit_described(
    corpus: Corpus, dataset: FilmDataset, *, seed: int, model: TfidfLR | None = None
) -> Predictor:
    """Fit the predictor on a corpus and add its training data and their ranges to it."""
    predictor = fit_predictor(dataset, seed=seed, model=model)
    manifest = {
        "target": corpus.target,
        "data": corpus.provenance.fingerprint,
        "seed": seed,
        "films": len(corpus),
        "positive": int(dataset.labels.sum()),
        **predictor.manifest,
        "seen": _training_ranges(dataset, predictor),
    }
    return replace(predictor, manifest=manifest)


def fit_predictor(
    dataset: FilmDataset, *, seed: int, n_bootstrap: int = N_BOOTSTRAP, model: TfidfLR | None = None
) -> Predictor:
    """Fit on all films of `dataset`: weights of words, then Platt scaling on inner-fold scores.

    The result is `calibrated_tfidf` as one linear function. Each bootstrap refit draws groups of
    films with replacement and refits weights and scaling; the vocabulary, the inverse document
    frequencies and the regularisation strength are kept. `model` is that of `calibrated_tfidf` by
    default.
    """
    model, films = model or TfidfLR(Cs=C_GRID), np.arange(len(dataset.labels))
    fitted = model.fit_predict(dataset, films, films, seed=seed)
    strength = float(fitted.chosen["C"])
    word_counts = dataset.features.word_counts
    counts, vocabulary = model.counts(word_counts), word_counts.vocabulary
    kept = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]) >= model.min_df)
    tfidf = TfidfTransformer(sublinear_tf=True)
    x, inner_logits = tfidf.fit_transform(counts[:, kept]), logit(fitted.inner)[:, None]

    def fit(sample_weight: IntArray) -> tuple[Float64Array, float]:
        tfidf_lr = fit_logistic(x, dataset.labels, strength, sample_weight=sample_weight)
        platt = fit_logistic(inner_logits, dataset.labels, 1.0, sample_weight=sample_weight)
        slope = platt.coef_[0, 0]
        return slope * tfidf_lr.coef_[0], slope * tfidf_lr.intercept_[0] + platt.intercept_[0]

    weights, bias = fit(np.ones(len(films), np.int64))
    samples = _bootstrap_weights(dataset.groups, n_bootstrap, seed)
    refits = [fit(sample_weight) for sample_weight in tqdm(samples, desc="refits", unit="fit")]
    refit_weights = np.stack([refit for refit, _ in refits])
    mean_tfidf = np.asarray(x.mean(axis=0)).ravel().astype(np.float32)
    code_scales = np.abs(refit_weights).max(axis=1, keepdims=True) / 127
    bootstrap_codes = np.rint(refit_weights / code_scales).astype(np.int8)
    return Predictor(
        [vocabulary[column] for column in kept],
        tfidf.idf_.astype(np.float32),
        weights.astype(np.float32),
        mean_tfidf,
        float(bias),
        bootstrap_codes,
        code_scales.ravel().astype(np.float32),
        np.array([refit_bias for _, refit_bias in refits]),
        x @ random_hyperplanes(len(kept)) > mean_tfidf @ random_hyperplanes(len(kept)),
        {
            "strength": strength,
            "refits": n_bootstrap,
            "coding_error": float(
                np.sqrt(np.mean((x @ (bootstrap_codes * code_scales - refit_weights).T) ** 2))
            ),
        },
    )


def _bootstrap_weights(groups: NDArray[np.object_], n_bootstrap: int, seed: int) -> IntArray:
    """Return how often each film is drawn, (n_bootstrap, n); groups are drawn as a whole."""
    names, group = np.unique(groups.astype(str), return_inverse=True)
    counts = draw_multinomial_counts(np.ones(len(names)), n_bootstrap, np.random.default_rng(seed))
    return counts[:, group]


def _training_ranges(dataset: FilmDataset, predictor: Predictor) -> dict[str, Any]:
    """Return the ranges of the training films, for warnings about unlike scripts."""
    layout = dict(zip(LAYOUT_NAMES, dataset.features.layout.T, strict=True))
    columns = np.searchsorted(dataset.features.word_counts.vocabulary, predictor.vocabulary)
    n_words = dataset.films["n_words"].to_numpy()
    known = np.asarray(dataset.features.word_counts.total[:, columns].sum(axis=1)).ravel() / n_words
    return {
        "words": _quantile_range(n_words),
        "years": _quantile_range(dataset.films["year"]),
        "known_words": _quantile_range(known),
        "cues": _quantile_range(layout["cues"]),
        "without_sluglines": float((layout["sluglines"] == 0).mean()),
    }


def _quantile_range(values: ArrayLike) -> list[float]:
    return [
        round(float(value), 4)
        for value in np.quantile(np.asarray(values), [RANGE_QUANTILE, 1 - RANGE_QUANTILE])
    ]
