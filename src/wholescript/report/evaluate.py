"""From an estimator to a stored run: found by its content, or cross-validated."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wholescript.data.folds import Fold
from wholescript.errors import RunError
from wholescript.evaluation.crossval import Remembered, cross_validate
from wholescript.evaluation.intervals import bootstrap
from wholescript.evaluation.predictions import Predictions
from wholescript.models.task import Estimator
from wholescript.report.context import Notebook, current_notebook, device_name
from wholescript.report.provenance.fingerprint import (
    code_fingerprint,
    definition_hashes,
    hash_json,
    import_closure,
)
from wholescript.report.results import Metric, difference_name
from wholescript.report.runs import Run, RunStore
from wholescript.report.study import Study

EVALUATION = (
    "wholescript.evaluation.crossval",
    "wholescript.evaluation.intervals",
    "wholescript.evaluation.metrics",
)
LEAST_TOLERANCE = 0.002


class Compared(NamedTuple):
    """Runs by model, a metric, and the table that `evaluation.comparison.compare` made of both."""

    runs: Mapping[str, Run]
    metric: str
    table: pd.DataFrame


def evaluate_run(name: str, estimator: Estimator, study: Study, *, split: str = "random") -> Run:
    """Return the finished run `<group>/<name>` of these inputs, or cross-validate and store it.

    `split` is `random` or `temporal`. The run's key hashes the estimator's configuration, the
    data, features, labels and folds, the seed and scale, and the source of the modules that the
    estimator and the evaluation import. Folds that a killed run had finished are taken up again.

    Raises:
        RunError: no notebook has begun, or `name` has another form.
    """
    notebook = current_notebook()
    config = _config(notebook, estimator, study, split)
    key = hash_json(config)
    modules = _definitions(notebook, [*EVALUATION, *_modules(estimator)])
    if run := notebook.find_run(name, key):
        return notebook.note_maker(run, modules)
    start = time.perf_counter()
    folds = study.split(split)
    folder = _folds_folder(notebook, estimator, study)
    predictions = cross_validate(
        estimator,
        study.task,
        folds,
        seed=study.seed,
        partial_dir=folder,
        # Fewer folds are not worth the start of processes.
        workers=(os.cpu_count() or 1) if len(folds) >= 5 else 1,
    )
    notebook.runs[name] = key
    return notebook.store.save(
        name,
        {**config, **_made(notebook, key, start, modules), "chosen": predictions.chosen},
        _metrics(predictions, study.seed),
        predictions,
        pd.DataFrame(predictions.history),
    )


def measure_run(
    name: str,
    config: dict[str, Any],
    modules: Sequence[str],
    measure: Callable[[], dict[str, Metric]],
) -> Run:
    """Return the finished run `<group>/<name>` of these inputs, or measure and store it.

    For numbers that take long and need no folds. The key hashes `config` (JSON-able), the scale
    and the source of `modules`, the names of those that decide the numbers.
    """
    notebook = current_notebook()
    inputs = {
        "config": config,
        "scale": notebook.parameters["scale"],
        "seed": notebook.parameters.get("seed"),
        "code": code_fingerprint(modules, notebook.project.source),
    }
    key, found = hash_json(inputs), _definitions(notebook, modules)
    if run := notebook.find_run(name, key):
        return notebook.note_maker(run, found)
    start = time.perf_counter()
    metrics = measure()
    notebook.runs[name] = key
    return notebook.store.save(name, {**inputs, **_made(notebook, key, start, found)}, metrics)


def load_run(name: str, estimator: Estimator, study: Study, *, split: str = "random") -> Run:
    """Return a run that another notebook makes, for this one to read.

    With parameters that are not published it is evaluated if it is not there yet.

    Raises:
        RunError: what is published under that name is missing or of other inputs.
    """
    notebook = current_notebook()
    key = hash_json(_config(notebook, estimator, study, split))
    if notebook.published and notebook.find_run(name, key) is None:
        raise RunError(
            f"there is no run {name!r} of this configuration, data and code: execute the notebook "
            "that makes it first; `dvc repro` takes them in order"
        )
    return evaluate_run(name, estimator, study, split=split)


def stored_run(name: str, estimator: Estimator, study: Study, *, split: str = "once") -> Run | None:
    """Return a published run of a model that reads texts, which no notebook trains.

    `wholescript train-texts` makes such runs where the texts are. None where the films, folds,
    scale or settings at hand are others than those it was made with. A run that earlier code made
    counts, and is said to: the texts to make it anew may be far away.

    Raises:
        RunError: parameters are the published ones, and there is no such run.
    """
    notebook = current_notebook()
    published = RunStore(notebook.project.root / "results")
    run = published.find(name)
    # As JSON reads it back: a stored list may have been a tuple.
    wanted = json.loads(json.dumps(_config(notebook, estimator, study, split)))
    by_code = {"code", "features"}
    same = run is not None and all(
        run.config.get(key) == value for key, value in wanted.items() if key not in by_code
    )
    if run is None or not same:
        if notebook.published:
            raise RunError(
                f"there is no run {name!r} of these settings and films: `wholescript train-texts "
                "FILMS.parquet` makes it, given a file of their texts"
            )
        return None
    if run.config["code"] != wanted["code"]:
        print(f"{name}: as trained by an earlier version of the code")
    if notebook.store.root != published.root:
        shutil.copytree(run.path, notebook.store.folder(name), dirs_exist_ok=True)
    notebook.runs[name] = run.key
    return run


def remembered(estimator: Estimator, study: Study) -> Remembered:
    """Return `estimator` with its folds shared with `evaluate_run`.

    A stack of remembered members fits no fold that their own evaluation has fitted.
    """
    return Remembered(estimator, _folds_folder(current_notebook(), estimator, study))


def record_metrics(name: str, metrics: dict[str, Metric]) -> Run:
    """Store numbers that the notebook computed itself as the run `<group>/<name>`, for the page.

    The parameters, data and code of the notebook are its configuration.
    """
    notebook = current_notebook()
    lasting = ("notebook", "parameters", "scale", "seed", "data", "runs", "code", "versions")
    facts = notebook.facts()
    config = {key: facts[key] for key in lasting} | {"cell": notebook.cell}
    return notebook.store.save(name, {**config, "key": hash_json(config)}, metrics)


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


def _config(notebook: Notebook, estimator: Estimator, study: Study, split: str) -> dict[str, Any]:
    task = study.task
    modules = [*EVALUATION, *_modules(estimator)]
    return {
        "estimator": estimator.name,
        "config": estimator.config,
        "split": split,
        "seed": study.seed,
        "scale": study.scale_name,
        "data": study.corpus.provenance.fingerprint,
        "features": hash_json(task.features.manifest),
        "films": hash_json([task.labels.tolist(), list(task.groups)]),
        "folds": _folds_hash(study.split(split)),
        "code": code_fingerprint(modules, notebook.project.source),
    }


def _made(
    notebook: Notebook, key: str, start: float, modules: dict[str, dict[str, str]]
) -> dict[str, Any]:
    """Return what a run's config says of its making, which is no part of its key."""
    return {
        "key": key,
        "notebook": notebook.name,
        "cell": notebook.cell,
        "parameters": notebook.parameters,
        "modules": modules,
        "versions": notebook.versions,
        "device": device_name(),
        "wall_time_s": round(time.perf_counter() - start, 1),
    }


def _definitions(notebook: Notebook, modules: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the hash of each definition in modules and in all that they import, by module."""
    source = notebook.project.source
    files = import_closure(modules, source)
    return {path.relative_to(source).as_posix(): definition_hashes(path) for path in files}


def _folds_folder(notebook: Notebook, estimator: Estimator, study: Study) -> Path:
    parts = [
        study.corpus.provenance.fingerprint,
        study.task.features.manifest,
        code_fingerprint(_modules(estimator), notebook.project.source),
    ]
    return notebook.partial / hash_json(parts)[:16]


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


def _metrics(predictions: Predictions, seed: int) -> dict[str, Metric]:
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
    return max(LEAST_TOLERANCE, width / 8 if np.isnan(spread) else spread)
