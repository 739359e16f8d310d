"""Experiments on films: cross-validation of an estimator, and other measurements."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeGuard

import numpy as np
import pandas as pd

from wholescript.data.films import Corpus, Fold
from wholescript.errors import DataError, DependencyError, RunError
from wholescript.evaluation.film_bootstrap import bootstrap
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.experiment import Context, Experiment, Outcome, run
from wholescript.experiments.key import hash_json
from wholescript.experiments.record import record_metrics
from wholescript.experiments.results import Metric, difference_name
from wholescript.experiments.source_code import code_fingerprint
from wholescript.experiments.store import Run, RunStore
from wholescript.experiments.workspace import Workspace, current_workspace
from wholescript.models.films.embedding import EmbeddingLR
from wholescript.models.films.estimator import Estimator
from wholescript.models.films.ngram_kernel import NgramKernelLR
from wholescript.studies.screenplays.cross_validation import CachedEstimator, cross_validate
from wholescript.studies.screenplays.data import ScreenplayData
from wholescript.studies.screenplays.models.configurations import ScriptEstimator
from wholescript.studies.screenplays.published_split import (
    evaluate_published_split,
    n_seen_in_training,
)

MIN_TOLERANCE = 0.002


@dataclass(frozen=True)
class CrossValidation(Experiment[ScreenplayData]):
    """An estimator fitted on the training films of each fold and scored on its test films.

    `split` is `random` (all repeats), `first_repeat`, `first_fold`, `temporal` or `published`, the
    split that the films came with: then the threshold is chosen on its validation films, not on
    inner folds.
    """

    kind: ClassVar[str] = "cross_validation"

    name: str
    estimator: Estimator
    split: str = "random"

    def run_name(self, data: ScreenplayData) -> str:
        """Return `name`."""
        return self.name

    def settings_for(self, data: ScreenplayData) -> dict[str, Any]:
        """Return the estimator with its configuration, the split, the seed and the profile."""
        return {
            "estimator": self.estimator.name,
            "config": self.estimator.config,
            "split": self.split,
            "seed": data.seed,
            "scale": data.profile_name,
        }

    def data_identity(self, data: ScreenplayData) -> dict[str, Any]:
        """Return hashes of corpus, labels and groups, folds, and the features that it uses."""
        dataset = data.dataset
        features = (
            {}
            if needs_texts(self.estimator)
            else {"features": hash_json(dataset.features.manifest)}
        )
        return (
            features
            | _further_inputs(self.estimator, data)
            | {
                "corpus": data.corpus.provenance.fingerprint,
                "films": hash_json([dataset.labels.tolist(), list(dataset.groups)]),
                "folds": _folds_hash(data.folds_of(self.split)),
            }
        )

    def modules(self) -> tuple[str, ...]:
        """Return the modules of cross-validation, of the estimator and of its parts."""
        return ("wholescript.studies.screenplays.cross_validation", *_modules(self.estimator))

    def execute(self, data: ScreenplayData, context: Context) -> Outcome:
        """Cross-validate; finished folds of an interrupted run are read from the fold cache.

        Raises:
            DataError: the estimator needs texts, and the films have none.
        """
        if needs_texts(self.estimator):
            scripts = _scripts(self.estimator, data.corpus)
            self.estimator.cache_inputs(scripts, total=len(data.corpus))
        if self.split == "published":
            return self._evaluate_published(data, context.progress)
        predictions = cross_validate(
            self.estimator,
            data.dataset,
            data.folds_of(self.split),
            seed=data.seed,
            fold_cache_dir=_fold_cache_dir(self.estimator, data, context.workspace),
            n_jobs=None,
            progress=context.progress,
        )
        return Outcome(
            _metrics(predictions, data.seed),
            predictions,
            history=pd.DataFrame(predictions.history),
            metadata={"chosen": predictions.chosen, **self._described_vectors(data)},
        )

    def _described_vectors(self, data: ScreenplayData) -> dict[str, Any]:
        """Return what the vectors are that the estimator uses, if it uses any."""
        if "vectors" not in _further_inputs(self.estimator, data):
            return {}
        vectors = data.dataset.features.vectors
        return {"vectors": dict(vectors.identity)} if vectors else {}

    def _evaluate_published(self, data: ScreenplayData, progress: bool) -> Outcome:
        split = data.published_split
        test, validation = evaluate_published_split(
            self.estimator, data.dataset, split, seed=data.seed, progress=progress
        )
        leaked = n_seen_in_training(data.dataset.groups, split)
        return Outcome(
            _metrics(test, data.seed),
            test.drop_unscored(),
            validation.drop_unscored(),
            pd.DataFrame(test.history),
            {
                "chosen": test.chosen,
                "test_films_with_duplicate_in_training": leaked,
                **self._described_vectors(data),
            },
        )


@dataclass(frozen=True)
class Measurement(Experiment[None]):
    """Other expensive numbers: the result of `measure`, identified by `settings` (JSON-able)."""

    kind: ClassVar[str] = "measurement"

    name: str
    settings: Mapping[str, Any]
    measure: Callable[[], Mapping[str, Metric]]
    source: tuple[str, ...] = ()

    def run_name(self, data: None) -> str:
        """Return `name`."""
        return self.name

    def settings_for(self, data: None) -> dict[str, Any]:
        """Return the settings with the notebook's profile and seed."""
        parameters = current_workspace().parameters
        return {
            "config": dict(self.settings),
            "scale": parameters["scale"],
            "seed": parameters.get("seed"),
        }

    def data_identity(self, data: None) -> dict[str, Any]:
        """Return nothing: `settings` identify the data."""
        return {}

    def modules(self) -> tuple[str, ...]:
        """Return the modules that compute the numbers."""
        return self.source

    def execute(self, data: None, context: Context) -> Outcome:
        """Call `measure`."""
        return Outcome(self.measure())


class ModelComparison(NamedTuple):
    """Runs by model, a metric, and the table of `evaluation.film_comparison.compare` for both."""

    runs: Mapping[str, Run]
    metric: str
    table: pd.DataFrame


def cross_validation_run(
    name: str, estimator: Estimator, data: ScreenplayData, *, split: str = "random"
) -> Run:
    """Return the stored run `<group>/<name>` of `CrossValidation`; train and store it if absent.

    Raises:
        RunError: no workspace is active, or `name` has another form.
    """
    return run(CrossValidation(name, estimator, split), data)


def measure_run(
    name: str,
    settings: Mapping[str, Any],
    modules: Sequence[str],
    measure: Callable[[], Mapping[str, Metric]],
) -> Run:
    """Return the stored run `<group>/<name>` of `Measurement`; measure and store it if absent.

    `modules` compute the numbers: the hash of their source is recorded.
    """
    return run(Measurement(name, settings, measure, tuple(modules)), None)


def load_or_run(
    name: str, estimator: Estimator, data: ScreenplayData, *, split: str = "random"
) -> Run:
    """Return a run that another notebook makes.

    In a notebook whose output is not published, the run is made here if it is absent.

    Raises:
        RunError: there is no published run of that name with these settings and data.
    """
    workspace = current_workspace()
    experiment = CrossValidation(name, estimator, split)
    if (
        workspace.writes_published_output
        and workspace.find(name, experiment.identity(data)) is None
    ):
        raise RunError(
            f"there is no run {name!r} with these settings and data: execute the notebook that "
            "makes it first; `dvc repro` executes all of them in order"
        )
    return run(experiment, data)


def end_to_end_runs(
    group: str,
    models: Mapping[str, ScriptEstimator],
    data: ScreenplayData,
    *,
    split: str = "first_repeat",
) -> dict[str, Run]:
    """Return the runs `<group>/<name>` of models that need texts, on the folds of a split.

    A run that is not stored is trained where the films have texts. Where they have none, or a
    pretrained model is not installed, the model is left out, and a printed line says why and what
    would train it. A rerun without texts gets the published run.
    """
    workspace = current_workspace()
    published = RunStore(workspace.project.root / "results")
    runs, without_texts = {}, []
    for display_name, model in models.items():
        experiment = CrossValidation(f"{group}/{model.name}", model, split)
        identity = experiment.identity(data)
        if data.corpus.texts is None and workspace.find(experiment.name, identity) is None:
            found = published.find(experiment.name, identity)
            if found is None:
                without_texts.append(display_name)
                continue
            workspace.store.add(found)
        try:
            runs[display_name] = run(experiment, data)
        except DependencyError as error:
            print(f"{display_name} is left out: {error}")
    if without_texts:
        print(f"Left out: {_no_texts('; '.join(without_texts))}")
    return runs


def with_fold_cache(estimator: Estimator, data: ScreenplayData) -> CachedEstimator:
    """Return `estimator` with the fold cache of `cross_validation_run`.

    A stacking ensemble of cached members does not fit a fold again that `cross_validation_run` has
    fitted.
    """
    return CachedEstimator(estimator, _fold_cache_dir(estimator, data))


def needs_texts(estimator: Estimator) -> TypeGuard[ScriptEstimator]:
    """Return whether an estimator is trained on texts instead of the bundled features."""
    return bool(getattr(estimator, "needs_texts", False))


def record_differences(name: str, comparisons: Sequence[ModelComparison], *, baseline: str) -> Run:
    """Store paired differences from a baseline as metrics of the run `<group>/<name>`.

    Each has the name `<run> - <run of the baseline>:<metric>`.
    """
    return record_metrics(
        name,
        {
            difference_name(
                f"{comparison.runs[row.Index].name} - {comparison.runs[baseline].name}"
                f":{comparison.metric}"
            ): interval_metric(row.difference, row.difference_low, row.difference_high, std=row.std)
            for comparison in comparisons
            for row in comparison.table.drop(index=baseline).itertuples()
        },
    )


def interval_metric(value: float, low: float, high: float, *, std: float = np.nan) -> Metric:
    """Return a metric with a tolerance: the largest difference of a rerun from the stored metric.

    This is `std`, the standard deviation over repeats, which differ in folds and seeds; a rerun has
    the same ones and should be much closer. With one repeat it is an eighth of the interval's
    width.
    """
    return Metric(value, low, high, max(MIN_TOLERANCE, (high - low) / 8 if np.isnan(std) else std))


def _no_texts(models: str) -> DataError:
    return DataError(
        f"{models}: trained on texts, which bundled films do not have. Films with texts have the "
        "source 'local', with a path, or 'hub'; `wholescript train end-to-end FILMS.parquet` makes "
        "the published runs, given the texts of the bundled films"
    )


def _scripts(model: Estimator, corpus: Corpus) -> Iterator[tuple[str, str]]:
    """Yield the SHA-1 and the text of each film."""
    if corpus.texts is None:
        raise _no_texts(model.name)
    for film_id, sha1 in zip(corpus.film_ids, corpus.films["text_sha1"], strict=True):
        yield sha1, corpus.texts[film_id]


def _fold_cache_dir(
    estimator: Estimator, data: ScreenplayData, workspace: Workspace | None = None
) -> Path:
    """Return the folder of finished folds; it depends on the data and on the source code.

    After a change of code, folds are fitted again, unlike stored runs.
    """
    workspace = workspace or current_workspace()
    parts = [
        data.corpus.provenance.fingerprint,
        data.dataset.features.manifest,
        code_fingerprint(_modules(estimator), workspace.project.source),
        *_further_inputs(estimator, data).values(),
    ]
    return workspace.fold_cache / hash_json(parts)[:16]


def _further_inputs(estimator: Estimator, data: ScreenplayData) -> dict[str, str]:
    """Return the identity of the n-grams, film columns and given vectors that an estimator uses.

    Those of other estimators stay out of their keys.
    """
    parts, features = list(_parts(estimator)), data.dataset.features
    found = {}
    if any(isinstance(part, NgramKernelLR) for part in parts) and features.ngrams:
        found["ngrams"] = features.ngrams.fingerprint
    if columns := sorted({name for part in parts for name in getattr(part, "columns", ())}):
        values = data.dataset.films[columns].to_numpy(np.float64)
        found["columns"] = hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()
    if any(isinstance(part, EmbeddingLR) for part in parts) and features.vectors:
        found["vectors"] = hash_json(features.vectors.identity)
    return found


def _modules(estimator: Estimator) -> Iterator[str]:
    """Yield the modules of an estimator and of the estimators in its fields."""
    return (type(part).__module__ for part in _parts(estimator))


def _parts(part: Any) -> Iterator[Any]:
    """Yield an estimator and the estimators in its fields."""
    yield part
    for value in vars(part).values():
        for item in value if isinstance(value, list | tuple) else [value]:
            if hasattr(item, "fit_predict"):
                yield from _parts(item)


def _folds_hash(folds: Sequence[Fold]) -> str:
    digest = hashlib.sha256()
    for fold in folds:
        for rows in (np.array([fold.repeat, fold.fold]), fold.train, fold.test):
            digest.update(f"{len(rows)}:".encode() + rows.astype("<i8").tobytes())
    return digest.hexdigest()


def _metrics(predictions: FilmPredictions, seed: int) -> dict[str, Metric]:
    return {
        row.metric: interval_metric(row.value, row.low, row.high, std=row.std)
        for row in bootstrap(predictions, seed=seed).itertuples()
    }
