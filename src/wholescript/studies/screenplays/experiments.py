"""Experiments on films: an estimator cross-validated, or something measured once."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from wholescript.data.films.folds import Fold
from wholescript.errors import RunError
from wholescript.evaluation.crossval import CachedEstimator, cross_validate
from wholescript.evaluation.film_bootstrap import bootstrap
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.experiments.experiment import Context, Experiment, Outcome, run
from wholescript.experiments.key import hash_json
from wholescript.experiments.record import record_metrics
from wholescript.experiments.results import Metric, difference_name
from wholescript.experiments.source_code import code_fingerprint
from wholescript.experiments.store import Run, RunStore
from wholescript.experiments.workspace import current_workspace
from wholescript.models.task import Estimator
from wholescript.studies.screenplays.study import Study

MIN_TOLERANCE = 0.002


@dataclass(frozen=True)
class CrossValidation(Experiment[Study]):
    """An estimator fitted on each training fold and scored on the films held out.

    `split` is `random` (all repeats), `once` (the first repeat) or `temporal`.
    """

    kind: ClassVar[str] = "cross_validation"

    name: str
    estimator: Estimator
    split: str = "random"

    def name_on(self, data: Study) -> str:
        """Return the name as it was given."""
        return self.name

    def settings_on(self, data: Study) -> dict[str, Any]:
        """Return the estimator with its configuration, the split, the seed and the profile."""
        return {
            "estimator": self.estimator.name,
            "config": self.estimator.config,
            "split": self.split,
            "seed": data.seed,
            "scale": data.profile,
        }

    def data_identity(self, data: Study) -> dict[str, Any]:
        """Return hashes of the corpus, the labels with their groups, the folds and the features.

        An estimator that reads texts has no features in its identity.
        """
        task = data.task
        features = (
            {} if reads_texts(self.estimator) else {"features": hash_json(task.features.manifest)}
        )
        return features | {
            "corpus": data.corpus.provenance.fingerprint,
            "films": hash_json([task.labels.tolist(), list(task.groups)]),
            "folds": _folds_hash(data.split(self.split)),
        }

    def modules(self) -> tuple[str, ...]:
        """Return the modules of the estimator and of those it is built of."""
        return ("wholescript.evaluation.crossval", *_modules(self.estimator))

    def execute(self, data: Study, context: Context) -> Outcome:
        """Cross-validate; folds that a killed run had finished are read from `partial`."""
        folds = data.split(self.split)
        predictions = cross_validate(
            self.estimator,
            data.task,
            folds,
            seed=data.seed,
            fold_cache_dir=_fold_cache_dir(self.estimator, data),
            # Fewer folds are not worth the start of processes.
            n_jobs=(os.cpu_count() or 1) if len(folds) >= 5 else 1,
        )
        return Outcome(
            _metrics(predictions, data.seed),
            predictions,
            history=pd.DataFrame(predictions.history),
            facts={"chosen": predictions.chosen},
        )


@dataclass(frozen=True)
class Measurement(Experiment[None]):
    """Numbers that take long and need no folds: `measure` finds them for `config` (JSON-able)."""

    kind: ClassVar[str] = "measurement"

    name: str
    config: Mapping[str, Any]
    measure: Callable[[], Mapping[str, Metric]]
    source: tuple[str, ...] = ()

    def name_on(self, data: None) -> str:
        """Return the name as it was given."""
        return self.name

    def settings_on(self, data: None) -> dict[str, Any]:
        """Return the configuration with the notebook's profile and seed."""
        parameters = current_workspace().parameters
        return {
            "config": dict(self.config),
            "scale": parameters["scale"],
            "seed": parameters.get("seed"),
        }

    def data_identity(self, data: None) -> dict[str, Any]:
        """Return nothing: what is measured names its data in `config`."""
        return {}

    def modules(self) -> tuple[str, ...]:
        """Return the modules that decide the numbers."""
        return self.source

    def execute(self, data: None, context: Context) -> Outcome:
        """Measure."""
        return Outcome(self.measure())


class Compared(NamedTuple):
    """Runs by model, a metric, and the table that `evaluation.comparison.compare` made of both."""

    runs: Mapping[str, Run]
    metric: str
    table: pd.DataFrame


def evaluate_run(name: str, estimator: Estimator, study: Study, *, split: str = "random") -> Run:
    """Return the finished run `<group>/<name>` of `CrossValidation`, or make and store it.

    Raises:
        RunError: no notebook has begun, or `name` has another form.
    """
    return run(CrossValidation(name, estimator, split), study)


def measure_run(
    name: str,
    config: Mapping[str, Any],
    modules: Sequence[str],
    measure: Callable[[], Mapping[str, Metric]],
) -> Run:
    """Return the finished run `<group>/<name>` of `Measurement`, or measure and store it.

    `modules` are those whose source decides the numbers: their hash is recorded.
    """
    return run(Measurement(name, config, measure, tuple(modules)), None)


def load_run(name: str, estimator: Estimator, study: Study, *, split: str = "random") -> Run:
    """Return a run that another notebook makes, for this one to read.

    With parameters that are not published it is evaluated if it is not there yet.

    Raises:
        RunError: what is published under that name is missing or of other inputs.
    """
    workspace = current_workspace()
    experiment = CrossValidation(name, estimator, split)
    if workspace.published and workspace.find(name, experiment.identity(study)) is None:
        raise RunError(
            f"there is no run {name!r} of this configuration and data: execute the notebook "
            "that makes it first; `dvc repro` takes them in order"
        )
    return run(experiment, study)


def load_published_run(
    name: str, estimator: Estimator, study: Study, *, split: str = "once"
) -> Run | None:
    """Return a published run of a model that reads texts, which no notebook trains.

    `wholescript train-texts` makes such runs where the texts are. None where the films, folds,
    profile or settings at hand are others than those it was made with.

    Raises:
        RunError: parameters are the published ones, and there is no such run.
    """
    workspace = current_workspace()
    published = RunStore(workspace.project.root / "results")
    found = published.find(name, CrossValidation(name, estimator, split).identity(study))
    if found is None:
        if workspace.published:
            raise RunError(
                f"there is no run {name!r} of these settings and films: `wholescript train-texts "
                "FILMS.parquet` makes it, given a file of their texts"
            )
        return None
    if workspace.store.root != published.root:
        shutil.copytree(found.path, workspace.store.folder(name), dirs_exist_ok=True)
    workspace.used[name] = found.key
    return found


def remembered(estimator: Estimator, study: Study) -> CachedEstimator:
    """Return `estimator` with its folds shared with `evaluate_run`.

    A stack of remembered members fits no fold that their own evaluation has fitted.
    """
    return CachedEstimator(estimator, _fold_cache_dir(estimator, study))


def reads_texts(estimator: Estimator) -> bool:
    """Return whether an estimator is trained on texts, and not on the features of the bundle."""
    return bool(getattr(estimator, "reads_texts", False))


def record_differences(name: str, parts: Sequence[Compared], *, baseline: str) -> Run:
    """Store paired differences from a baseline as the run `<group>/<name>`, for the page.

    Each difference is stored as `<run> - <run of the baseline>:<metric>`.
    """
    return record_metrics(
        name,
        {
            difference_name(
                f"{part.runs[row.Index].name} - {part.runs[baseline].name}:{part.metric}"
            ): Metric(
                row.difference,
                row.difference_low,
                row.difference_high,
                _tolerance(row.difference_high - row.difference_low, row.spread),
            )
            for part in parts
            for row in part.table.drop(index=baseline).itertuples()
        },
    )


def _fold_cache_dir(estimator: Estimator, study: Study) -> Path:
    """Return the folder of finished folds: another one for other data or other source code.

    Unlike a stored run, a fold of other code is not worth keeping: it is fitted again.
    """
    workspace = current_workspace()
    parts = [
        study.corpus.provenance.fingerprint,
        study.task.features.manifest,
        code_fingerprint(_modules(estimator), workspace.project.source),
    ]
    return workspace.partial / hash_json(parts)[:16]


def _modules(part: Any) -> Iterator[str]:
    """Yield the modules of an estimator and of those it is built of."""
    yield type(part).__module__
    for value in vars(part).values():
        for item in value if isinstance(value, list | tuple) else [value]:
            if hasattr(item, "fit_predict"):
                yield from _modules(item)


def _folds_hash(folds: Sequence[Fold]) -> str:
    digest = hashlib.sha256()
    for fold in folds:
        for rows in (np.array([fold.repeat, fold.fold]), fold.train, fold.test):
            digest.update(f"{len(rows)}:".encode() + rows.astype("<i8").tobytes())
    return digest.hexdigest()


def _metrics(predictions: FilmPredictions, seed: int) -> dict[str, Metric]:
    return {
        row.metric: Metric(row.value, row.low, row.high, _tolerance(row.high - row.low, row.spread))
        for row in bootstrap(predictions, seed=seed).itertuples()
    }


def _tolerance(width: float, spread: float) -> float:
    """Return how far a rerun may end from a stored metric.

    One standard deviation over the repeats, each of which has other folds and seeds: a rerun
    has the same ones, and should end far inside. With one repeat there is no spread (NaN); an
    eighth of the interval stands in, since the spread over seeds is small beside that over films.
    """
    return max(MIN_TOLERANCE, width / 8 if np.isnan(spread) else spread)
