"""Tables of what a language model read, and of what its scores show."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap as scipy_bootstrap

from wholescript.evaluation.film_bootstrap import bootstrap
from wholescript.experiments.results import Metric
from wholescript.features.lm_scores import SURPRISAL
from wholescript.models.films.estimator import Estimator
from wholescript.models.films.film_columns import FilmColumnScore, FilmColumnsLR
from wholescript.studies.screenplays.cross_validation import cross_validate
from wholescript.studies.screenplays.data import ScreenplayData
from wholescript.studies.screenplays.experiments import cross_validation_run
from wholescript.studies.screenplays.language_models.scoring import LMScores, with_lm_scores


def reading_table(data: ScreenplayData, scores: LMScores) -> pd.DataFrame:
    """Return what was read of the films: windows, tokens, and shares of scripts."""
    films = data.dataset.films
    length = scores.facts["window"]
    rows = {
        "windows of a film, median": films["n_read"].median(),
        "tokens of a film, median": films["n_read"].median() * length,
        "share of a script, median": films["share_read"].median(),
        "share of a script, least": films["share_read"].min(),
        "tokens of all films, million": films["n_read"].sum() * length / 1e6,
        "films": float(len(films)),
    }
    return pd.DataFrame({"value": rows}).rename_axis("what was read")


def reading_metrics(data: ScreenplayData, scores: LMScores) -> dict[str, Metric]:
    """Return the numbers of `reading_table`, and the share of films that are answered Yes."""
    films = data.dataset.films
    return {
        "n_films": Metric(float(len(films))),
        "windows_per_film": Metric(float(films["n_read"].median())),
        "tokens_per_film": Metric(float(films["n_read"].median() * scores.facts["window"])),
        "share_read": Metric(float(films["share_read"].median())),
        "million_tokens": Metric(float(films["n_read"].sum() * scores.facts["window"] / 1e6)),
        "yes_zero_shot": Metric(float((films["log_odds_nominated"] > 0).mean())),
        "yes_few_shot": Metric(float((films["log_odds_few_shot"] > 0).mean())),
    }


def rank_films_by_columns(
    data: ScreenplayData, columns: Mapping[str, str], *, seed: int
) -> pd.DataFrame:
    """Return the AUROC of each column alone, nothing fitted: columns `value`, `low`, `high`.

    `columns` are columns of the table of films with the names to show. Above 0.5, positive films
    have higher values. Missing values become the median.
    """
    films = data.dataset.films[list(columns)]
    filled = replace(data.dataset, films=data.dataset.films.assign(**films.fillna(films.median())))
    folds = data.folds_of("first_repeat")
    found = {}
    for column, name in columns.items():
        estimator = FilmColumnScore(column, column)
        predictions = cross_validate(estimator, filled, folds, seed=seed, progress=False)
        found[name] = bootstrap(predictions, ["auc"], seed=seed).iloc[0]
    return pd.DataFrame(found).T[["value", "low", "high"]].astype(float)


def auc_by_n_windows(data: ScreenplayData, scores: LMScores) -> pd.DataFrame:
    """Return the AUROC of surprisal and of answers by the windows that were scored first.

    Columns `model`, `n_windows`, `value`, `low`, `high`; n_windows doubles, and ends with all.
    """
    rows: list[dict[str, Any]] = []
    doubled = [2**power for power in range(scores.n_read.bit_length())]
    for n_windows in dict.fromkeys([*doubled, scores.n_read]):
        part = with_lm_scores(data, scores.first(n_windows))
        estimators: dict[str, Estimator] = {
            "surprisal": FilmColumnsLR(name=f"lm-surprisal-first-{n_windows}", columns=SURPRISAL),
            "zero-shot: nominated?": FilmColumnScore(
                "log_odds_nominated", f"lm-zero-shot-first-{n_windows}"
            ),
        }
        for model, estimator in estimators.items():
            run = cross_validation_run(f"language-models/{estimator.name}", estimator, part)
            auc = run.metrics["auc"]
            where = {"model": model, "n_windows": n_windows}
            rows.append(where | {"value": auc.value, "low": auc.low, "high": auc.high})
    return pd.DataFrame(rows)


def title_recall(titles: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return how often the true title ranks first: `value`, `low`, `high`, `n_films`, `n_titles`.

    Rows: windows that hold a word of the title, and those that do not.
    """
    rows = {}
    for named, name in ((True, "a word of the title is in the text"), (False, "it is not")):
        first = (titles.loc[titles["named"] == named, "rank"] == 1).to_numpy(float)
        if len(first) < 2:
            continue
        found = scipy_bootstrap((first,), np.mean, n_resamples=2000, rng=seed)
        low, high = found.confidence_interval
        rows[name] = {"value": first.mean(), "low": low, "high": high, "n_films": len(first)} | {
            "n_titles": titles["n_titles"].max()
        }
    return pd.DataFrame(rows).T


def contamination_metrics(data: ScreenplayData, recall: pd.DataFrame) -> dict[str, Metric]:
    """Return the shares of `title_recall`, and the longest runs of tokens predicted right."""
    films = data.dataset.films
    found = {
        f"title_first_{'named' if 'a word' in str(name) else 'not_named'}": Metric(
            float(row["value"]), float(row["low"]), float(row["high"])
        )
        for name, row in recall.iterrows()
    }
    runs = films["longest_run"]
    positive = data.dataset.labels == 1
    return found | {
        "longest_run_median": Metric(float(runs.median())),
        "longest_run_p99": Metric(float(runs.quantile(0.99))),
        "longest_run_median_positive": Metric(float(runs[positive].median())),
    }
