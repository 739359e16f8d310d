"""Several models of films on the same folds: their runs, and tables that compare them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd

from wholescript.evaluation.film_comparison import compare, metric_table
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.models.films.boosted_stacking import BoostedStacking
from wholescript.models.films.estimator import Estimator
from wholescript.models.films.stacking import StackingEnsemble
from wholescript.studies.screenplays.data import ScreenplayData
from wholescript.studies.screenplays.experiments import (
    ModelComparison,
    cross_validation_run,
    interval_metric,
    load_or_run,
    with_fold_cache,
)
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.studies.screenplays.models.offset import OffsetMILClassifier

SPLITS = ("random", "temporal")
"""Repeated random folds, and training on films before the first test year."""
METRICS = ("auc", "average_precision", "macro_f1", "mcc", "brier", "ece", "within_decade_auc")
"""Those of the tables: of the ranking, of decisions, of probabilities, and within decades."""
RANDOM_FOLDS, TEMPORAL_SPLIT = "random folds", "temporal split"


def cross_validation_runs(
    group: str,
    models: Mapping[str, Estimator],
    data: ScreenplayData,
    *,
    split: str = "random",
    suffix: str = "",
) -> dict[str, Run]:
    """Return the run `<group>/<name of the model><suffix>` of each model, by its display name.

    Each is that of `cross_validation_run`; of the temporal split, the name ends in `-temporal`.
    """
    return _runs(cross_validation_run, group, models, data, split, suffix)


def load_or_run_all(
    group: str, models: Mapping[str, Estimator], data: ScreenplayData, *, split: str = "random"
) -> dict[str, Run]:
    """Return runs that another notebook makes, each as `load_or_run` does; names as above.

    Raises:
        RunError: there is no published run of a model with these settings and data.
    """
    return _runs(load_or_run, group, models, data, split)


def _runs(
    run: Callable[..., Run],
    group: str,
    models: Mapping[str, Estimator],
    data: ScreenplayData,
    split: str,
    suffix: str = "",
) -> dict[str, Run]:
    end = f"{suffix}-temporal" if split == "temporal" else suffix
    return {
        name: run(f"{group}/{model.name}{end}", model, data, split=split)
        for name, model in models.items()
    }


def stack(
    members: Iterable[Estimator], data: ScreenplayData, *, name: str = "stacking"
) -> StackingEnsemble:
    """Return the stacking ensemble of models that use the fold cache; see `with_fold_cache`."""
    return StackingEnsemble([with_fold_cache(member, data) for member in members], name=name)


def fusion_models(
    ngrams: Estimator, aggregators: Mapping[str, Estimator], data: ScreenplayData
) -> dict[str, Estimator]:
    """Return models that combine n-grams with aggregators of chunks, by display name.

    A linear combination of their logits, trees that also have year, length and layout, and a
    network that starts from the logits of the n-grams. All use the fold cache; see
    `with_fold_cache`. The learning rate of the network was set beforehand.
    """
    cached = with_fold_cache(ngrams, data)
    members = [cached, *(with_fold_cache(model, data) for model in aggregators.values())]
    gated = cast(MILClassifier, aggregators["gated attention"])
    return {
        "stacking: n-grams, aggregators": StackingEnsemble(members, name="stacking-ngrams"),
        "boosted trees: n-grams, aggregators, metadata": BoostedStacking(
            members, name="boosted-ngrams"
        ),
        "gated attention on n-gram logits": OffsetMILClassifier(
            gated.architecture,
            n_inner_folds=gated.n_inner_folds,
            train_config=replace(gated.train_config, learning_rate=1e-3),
            baseline=cached,
        ),
    }


def run_predictions(
    runs: Mapping[str, Run], *, first_repeat: bool = False
) -> dict[str, FilmPredictions]:
    """Return the predictions of each run; with `first_repeat`, those of the first repeat alone."""
    predictions = {name: run.predictions(FilmPredictions) for name, run in runs.items()}
    if first_repeat:
        return {name: of.first_repeat() for name, of in predictions.items()}
    return predictions


def run_metrics(runs: Mapping[str, Run], columns: Sequence[str] = METRICS) -> pd.DataFrame:
    """Return the stored metrics `columns` of each run: index `model`, a column per metric."""
    return metric_table({name: run.metrics for name, run in runs.items()})[list(columns)]


def run_intervals(runs: Mapping[str, Run], metric: str = "auc") -> pd.DataFrame:
    """Return a stored metric of each run: index `model`, columns `value`, `low`, `high`."""
    metrics = {name: run.metrics for name, run in runs.items()}
    return metric_table(metrics, with_interval_of=metric)


def compare_runs(
    runs: Mapping[str, Run],
    metric: str = "auc",
    *,
    baseline: str,
    seed: int = 0,
    first_repeat: bool = False,
) -> ModelComparison:
    """Compare the predictions of runs by a metric; see `evaluation.film_comparison.compare`.

    With `first_repeat`, only the first repeat of each run is compared: a run may have no other.

    Raises:
        ParameterError: the baseline is not among the runs.
        DataError: the runs did not score the same films in the same number of repeats.
    """
    predictions = run_predictions(runs, first_repeat=first_repeat)
    return ModelComparison(runs, metric, compare(predictions, metric, baseline=baseline, seed=seed))


def predictions_of_later_films(random: Run, temporal: Run) -> dict[str, FilmPredictions]:
    """Return two predictions of the films that the temporal split tests, by the kind of split.

    The runs are those of one model, on `SPLITS`: models of random folds may have been trained on
    films of the same years, models of the temporal split on earlier films only.
    """
    later = temporal.predictions(FilmPredictions).drop_unscored()
    every = random.predictions(FilmPredictions)
    tested = np.flatnonzero(np.isin(every.film_ids, later.film_ids))
    return {RANDOM_FOLDS: every.select_films(tested), TEMPORAL_SPLIT: later}


def later_film_metrics(
    predictions: Mapping[str, FilmPredictions], table: pd.DataFrame
) -> dict[str, Metric]:
    """Return the number of later films, and their AUROC by the kind of split.

    `predictions` are `predictions_of_later_films`, `table` is what `compare` makes of them with
    `RANDOM_FOLDS` as the baseline.
    """
    random, temporal = table.loc[RANDOM_FOLDS], table.loc[TEMPORAL_SPLIT]
    difference = ["difference", "difference_low", "difference_high"]
    return {
        "films": Metric(len(predictions[RANDOM_FOLDS].film_ids)),
        "auc_random_folds": interval_metric(*random[["value", "low", "high"]]),
        "auc_temporal_minus_random": interval_metric(*temporal[difference]),
    }
