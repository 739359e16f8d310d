"""Coverage of the interval of `predict film`, centred at the estimate or shifted by its bias.

    python benchmarks/prediction_interval.py

Each repeat splits the groups of films into a fifth of test films and two halves of the rest. The
shipped predictor is fitted on each half. Their log-odds of a test film are independent draws with
one variance, so one should be within 1.96 x sqrt(2) standard errors of the other for 95% of the
films. A bootstrap estimate of bias is the mean of the refits minus the estimate (Efron and
Tibshirani, 1993, chapter 10); `shifted` subtracts it from the centre. If it is right, a fit on both
halves lies above the estimate where the refits lie below. Standard errors are over repeats.
"""

from typing import Annotated

import numpy as np
import timing
from cyclopts import Parameter, run
from tqdm import tqdm

from wholescript.data.films import load_corpus
from wholescript.features.build import load_features
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.types import Float64Array, IntArray
from wholescript.prediction.fit import fit_predictor
from wholescript.prediction.predict import Z_95

TEST_SHARE = 0.2


def main(
    repeats: Annotated[int, Parameter(help="Random splits of the films.")] = 10,
    output: timing.Output = timing.RESULTS / "prediction_interval.json",
) -> None:
    """Measure the coverage of both intervals; print and write it."""
    corpus = load_corpus()
    features = load_features(corpus)
    dataset = FilmDataset(corpus.films, corpus.labels, features.groups, features)
    rng, rows = np.random.default_rng(0), []
    for repeat in tqdm(range(repeats), desc="repeats"):
        order = rng.permutation(np.unique(dataset.groups.astype(str)))
        n_test = round(TEST_SHARE * len(order))
        parts = [order[:n_test], *np.array_split(order[n_test:], 2)]
        test, *halves = (np.flatnonzero(np.isin(dataset.groups, part)) for part in parts)
        fits = [_log_odds(dataset, half, test, repeat) for half in halves]
        whole, _ = _log_odds(dataset, np.sort(np.concatenate(halves)), test, repeat)
        rows += [
            _measure(*fits[k], other=fits[1 - k][0], whole=whole) | {"repeat": repeat}
            for k in (0, 1)
        ]
    names = [name for name in rows[0] if name != "repeat"]
    by_repeat = np.array([[row[name] for name in names] for row in rows])
    by_repeat = by_repeat.reshape(repeats, 2, -1).mean(axis=1)
    std_errors = by_repeat.std(axis=0, ddof=1) / np.sqrt(repeats)
    result = {
        name: {"mean": round(float(mean), 3), "std_error": round(float(std_error), 3)}
        for name, mean, std_error in zip(names, by_repeat.mean(axis=0), std_errors, strict=True)
    }
    timing.write_result(output, {"repeats": repeats, **result})


def _log_odds(
    dataset: FilmDataset, train: IntArray, test: IntArray, seed: int
) -> tuple[Float64Array, Float64Array]:
    """Fit on `train`; return the log-odds of the test films, (n,), and of the refits, (n, B)."""
    known = FilmDataset(
        dataset.films.iloc[train],
        dataset.labels[train],
        dataset.groups[train],
        dataset.features.select([dataset.features.film_ids[k] for k in train]),
    )
    predictor = fit_predictor(known, seed=seed)
    words = dataset.features.word_counts
    columns = np.searchsorted(words.vocabulary, predictor.vocabulary)
    counts = words.total[test][:, columns].toarray()
    rows = np.stack([predictor.tfidf(row) for row in counts])
    refits = predictor.bootstrap_logits(rows) + predictor.bootstrap_biases
    return rows @ predictor.weights + predictor.bias, refits


def _measure(
    estimate: Float64Array, refits: Float64Array, *, other: Float64Array, whole: Float64Array
) -> dict[str, float]:
    std_error = refits.std(axis=1, ddof=1)
    bias = refits.mean(axis=1) - estimate
    half_width = Z_95 * np.sqrt(2) * std_error
    coverage = {
        name: float((np.abs(other - centre) <= half_width).mean())
        for name, centre in (("centred", estimate), ("shifted", estimate - bias))
    }
    return {
        "coverage_centred": coverage["centred"],
        "coverage_shifted": coverage["shifted"],
        "coverage_difference": coverage["shifted"] - coverage["centred"],
        "refits_minus_estimate": float((bias / std_error).mean()),  # in standard errors
        "both_halves_minus_estimate": float(((whole - estimate) / std_error).mean()),
    }


if __name__ == "__main__":
    run(main)
