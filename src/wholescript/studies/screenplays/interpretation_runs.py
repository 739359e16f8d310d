"""The runs, groups of films and tables of the interpretation notebook."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.data.films.summary import positive_rates
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.evaluation.strata import auc_by_stratum, within_stratum_auc
from wholescript.experiments.record import record_metrics
from wholescript.experiments.store import Run
from wholescript.features.date_words import DATE_WORDS
from wholescript.features.topics import Topics
from wholescript.models.films.ablation import (
    Ablation,
    FeatureAblation,
    OpeningAblation,
    WordAblation,
)
from wholescript.models.films.estimator import Estimator
from wholescript.models.types import IntArray
from wholescript.studies.screenplays.data import ScreenplayData
from wholescript.studies.screenplays.experiments import cross_validation_run, measure_run
from wholescript.studies.screenplays.interpretation import (
    INTERPRETATION_MODULES,
    occlusion_metrics,
    quarter_ablation_metrics,
    strata_metrics,
)
from wholescript.studies.screenplays.models.configurations import aggregators

OCCLUDED = ("mean pooling", "gated attention", "query decoder")
"""The aggregators whose scripts are occluded part by part."""


def occluded_aggregators(data: ScreenplayData) -> dict[str, Estimator]:
    """Return the aggregators of `OCCLUDED` by display name."""
    every = aggregators(data.profile.epochs, data.profile.n_inner_folds)
    return {name: every[name] for name in OCCLUDED}


def occlusion_run(
    models: Mapping[str, Estimator], data: ScreenplayData, *, n_parts: int, seed: int
) -> Run:
    """Return the run `interpretation/occlusion-by-part`; see `occlusion_metrics`."""
    return measure_run(
        "interpretation/occlusion-by-part",
        _identity(data)
        | {"models": [model.config for model in models.values()], "n_parts": n_parts},
        INTERPRETATION_MODULES,
        lambda: occlusion_metrics(models, data.dataset, data.folds, n_parts=n_parts, seed=seed),
    )


def quarter_ablation_run(model: Estimator, data: ScreenplayData, *, seed: int) -> Run:
    """Return the run `interpretation/quarters`; see `quarter_ablation_metrics`."""
    return measure_run(
        "interpretation/quarters",
        _identity(data) | {"models": [model.config]},
        INTERPRETATION_MODULES,
        lambda: quarter_ablation_metrics(model, data.dataset, data.folds, seed=seed),
    )


def ablations(proper_names: frozenset[str]) -> dict[str, Ablation]:
    """Return what is removed from scripts, by display name."""
    return {
        "without names": WordAblation(proper_names),
        "without dates": WordAblation(DATE_WORDS),
        "without names and dates": WordAblation(proper_names | DATE_WORDS),
        "names only": WordAblation(proper_names, keep_only=True),
        "without opening": OpeningAblation(),
    }


def ablation_runs(
    display_name: str, model: Estimator, removed: Mapping[str, Ablation], data: ScreenplayData
) -> dict[str, Run]:
    """Return a run of the model for each ablation, on all folds, by display name."""
    return {
        f"{display_name}, {name}": cross_validation_run(
            f"interpretation/{model.name}-{name.replace(' ', '-')}",
            FeatureAblation(model, ablation),
            data,
        )
        for name, ablation in removed.items()
    }


def topic_table(
    predictions: FilmPredictions, labels: NDArray[np.int8], topics: Topics, *, seed: int
) -> pd.DataFrame:
    """Return the rate of positives in each topic, and the AUROC among its films, by rate."""
    rate = positive_rates(labels, topics.film_topics)[["rate", "low", "high"]]
    rate.columns = ["rate", "rate_low", "rate_high"]
    rate.index = pd.Index([topics.names[topic] for topic in rate.index])
    within = auc_by_stratum(predictions, topics.film_topics, topics.names, seed=seed)
    return rate.join(within).sort_values("rate")


def film_strata(films: pd.DataFrame, film_topics: IntArray) -> dict[str, IntArray]:
    """Return the stratum of each film by decade, topic, and topic in one half of the years."""
    year = films["year"]
    later_half = (year > year.median()).to_numpy()
    return {
        "decade": year.to_numpy() // 10 - 190,
        "topic": film_topics,
        "topic and half": 2 * film_topics + later_half,
    }


def record_strata(
    predictions: Mapping[str, FilmPredictions], strata: Mapping[str, IntArray], *, seed: int
) -> Run:
    """Store the AUROC of each model within strata as the run `interpretation/strata`."""
    tables = {
        f"{model} by {stratum}": within_stratum_auc(of_model, numbers, seed=seed)
        for model, of_model in predictions.items()
        for stratum, numbers in strata.items()
    }
    return record_metrics("interpretation/strata", strata_metrics(tables))


def _identity(data: ScreenplayData) -> dict[str, object]:
    """Return the fingerprints of the films and of their features."""
    return {
        "data": data.corpus.provenance.fingerprint,
        "features": data.dataset.features.manifest,
    }
