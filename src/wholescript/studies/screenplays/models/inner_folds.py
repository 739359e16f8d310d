"""An ensemble over inner folds: what all neural estimators of screenplays have in common."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from wholescript.data.films.folds import Fold, inner_folds
from wholescript.models.films.estimator import FilmDataset, FoldPredictions
from wholescript.models.types import Float64Array, IntArray
from wholescript.training.batches import BatchLoader
from wholescript.training.loop import FitResult, HistoryRow
from wholescript.training.objectives.base import LogitObjective, predict_logits
from wholescript.training.seeds import derive_seed


class FilmProbabilities(NamedTuple):
    """Probabilities (n,) of the films `indices` (n,)."""

    indices: IntArray
    probabilities: Float64Array


class Member(NamedTuple):
    """A network of the ensemble, and its predictions of its validation and the test films."""

    result: FitResult
    val: FilmProbabilities
    test: FilmProbabilities


def fit_ensemble(
    fit_member: Callable[[Fold, int], Member],
    dataset: FilmDataset,
    train: IntArray,
    test: IntArray,
    *,
    n_inner_folds: int,
    n_members: int,
    seed: int,
) -> FoldPredictions:
    """Train a network on each of the first `n_members` of `n_inner_folds` inner folds of `train`.

    `fit_member` gets the fold and a seed. A test film gets the mean probability of the members, a
    training film that of the member that held it out (NaN if no member did).
    """
    inner, test_probabilities = np.full(len(dataset.labels), np.nan), np.zeros(len(dataset.labels))
    history: list[HistoryRow] = []
    best_epochs = []
    folds = inner_folds(dataset.labels, dataset.groups, train, n_folds=n_inner_folds, seed=seed)
    for fold in folds[:n_members]:
        member = fit_member(fold, derive_seed(seed, fold.fold))
        inner[member.val.indices] = member.val.probabilities
        test_probabilities[member.test.indices] += member.test.probabilities / n_members
        history += [{"inner_fold": fold.fold, **row} for row in member.result.history]
        best_epochs.append(member.result.best_epoch)
    chosen: dict[str, float | int | str] = {"best_epochs": " ".join(map(str, best_epochs))}
    return FoldPredictions(inner[train], test_probabilities[test], chosen, history)


def predict_member(
    result: FitResult,
    network: Any,
    loaders: Sequence[BatchLoader],
    objective: LogitObjective,
    probabilities: Callable[[Float64Array], Float64Array] = expit,
) -> Member:
    """Predict the validation and the test films, the two `loaders`, with a trained network."""
    predictions = []
    for loader in loaders:
        logits, _, indices = predict_logits(network, loader, objective)
        predictions.append(FilmProbabilities(indices, probabilities(logits.astype(np.float64))))
    return Member(result, *predictions)
