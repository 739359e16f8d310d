"""Random search over a space with Ray Tune, with early stopping of trials by ASHA.

A search has a folder with the state of Ray Tune and the checkpoints of the folds of all trials. An
interrupted search resumes from it, on any number of processes. On a cluster, all nodes must share
the folder.
"""

import json
import logging
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from wholescript.cluster import ray_cluster, tune
from wholescript.data.films.folds import inner_folds, repeated_folds, temporal_split
from wholescript.errors import ParameterError, RunError
from wholescript.experiments.key import hash_json
from wholescript.files import write_atomic
from wholescript.models.films.estimator import FilmDataset
from wholescript.settings import PositiveInt, check
from wholescript.studies.screenplays.search.results import SearchResult, Trial
from wholescript.studies.screenplays.search.space import (
    NUMERIC_LIMITS,
    Categorical,
    Interval,
    SearchProtocol,
    SearchSpace,
    inactive_hyperparameters,
    make_estimator,
)
from wholescript.studies.screenplays.search.trial import iter_trial_epochs
from wholescript.training.loop import HistoryRow

SEARCH_FILE = "search.json"
RAY_FOLDER = "ray"
HISTORY_FILE = "history.json"
MAX_FAILURES = 2  # restarts of a trial, such as after the loss of its node


class _Progress(tune.Callback):
    """A progress bar of finished trials, with the best loss so far."""

    def __init__(self, n_trials: int) -> None:
        self._n_trials = n_trials
        self._bar: tqdm | None = None

    def on_step_end(self, iteration: int, trials: list[Any], **_: Any) -> None:
        """Count finished trials; when a search resumes, some have finished before."""
        if self._bar is None:
            self._bar = tqdm(total=self._n_trials, unit="trial", desc="search")
        if n_new := sum(trial.is_finished() for trial in trials) - self._bar.n:
            losses = [trial.last_result.get("val_loss", math.inf) for trial in trials]
            self._bar.set_postfix(best=f"{min(losses):.4f}", refresh=False)
            self._bar.update(n_new)

    def on_experiment_end(self, trials: list[Any], **_: Any) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()


def outer_training_dataset(dataset: FilmDataset, protocol: SearchProtocol) -> FilmDataset:
    """Return the training films of the outer fold only, so that no trial sees its test films."""
    if protocol.split == "temporal":
        outer = temporal_split(dataset.labels, dataset.groups, dataset.films["year"])
    else:
        outer = repeated_folds(dataset.labels, dataset.groups, n_repeats=1, seed=protocol.seed)[0]
    films = dataset.films.iloc[outer.train].reset_index(drop=True)
    return FilmDataset(
        films,
        dataset.labels[outer.train],
        dataset.groups[outer.train],
        dataset.features.select([str(film_id) for film_id in films["film_id"]]),
    )


def search(
    space: SearchSpace,
    dataset: FilmDataset,
    folder: Path,
    *,
    data: dict[str, str],
    n_trials: int,
    address: str | None = None,
    n_workers: int | None = None,
    progress: bool = True,
) -> SearchResult:
    """Run `n_trials` random samples of `space`, or resume the search in `folder`.

    `dataset` has all films; trials use the training films of one outer fold. `data` identifies the
    films in the result. `address` is that of a Ray cluster; without it, `n_workers` processes run
    on this machine. Every trial has the same seed and one core, so its scores do not depend on
    where it ran; which trials ASHA stops depends on the order in which they report.

    Raises:
        ParameterError: `folder` has another search, or an option is invalid.
        RunError: there is no cluster at `address`, or all trials failed.
    """
    check("trials", n_trials, PositiveInt)
    n_dimensions = dataset.features.chunks.codes.shape[1]
    dimensions = space.hyperparameters.get("dimensions", Categorical((1,)))
    if (most := max(map(int, dimensions.bounds))) > n_dimensions:
        raise ParameterError(
            f"hyperparameters: dimensions={most}: the chunk vectors have {n_dimensions}"
        )
    _check_same_search(folder, {"space": space.to_dict(), "trials": n_trials, "data": data})
    train_dataset = outer_training_dataset(dataset, space.protocol)
    with ray_cluster(address, n_workers):
        found = _run_tuner(space, train_dataset, folder.resolve(), n_trials, progress)
    versions = {name: version(name).partition("+")[0] for name in ("numpy", "ray", "torch")}
    result = SearchResult(space.to_dict(), data, len(train_dataset.labels), versions, found)
    if not result.scored:
        errors = sorted({str(trial.error) for trial in found})
        raise RunError(f"all {len(found)} trials failed: {'; '.join(errors)}")
    return result


def _check_same_search(folder: Path, settings: dict[str, Any]) -> None:
    """Store the settings of a new search in `folder`, or check that they are the stored ones."""
    path = folder / SEARCH_FILE
    if not path.exists():
        write_atomic(path, json.dumps(settings, indent=1) + "\n")
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    if changed := [name for name, value in settings.items() if before.get(name) != value]:
        raise ParameterError(
            f"the search {folder.name!r} has other {' and '.join(changed)} ({before['trials']} "
            f"trials): give this one another name, or delete {folder}"
        )


def _run_tuner(
    space: SearchSpace, dataset: FilmDataset, folder: Path, n_trials: int, progress: bool
) -> list[Trial]:
    protocol = space.protocol
    trainable = tune.with_resources(
        tune.with_parameters(_trainable, dataset=dataset, protocol=protocol, folder=folder),
        {"cpu": 1},
    )
    # Ray warns of trials without a log; `_to_trial` reads the history file instead.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    state = folder / RAY_FOLDER
    if tune.Tuner.can_restore(str(state)):
        tuner = tune.Tuner.restore(str(state), trainable, restart_errored=True)
    else:
        tuner = tune.Tuner(
            trainable,
            param_space={
                name: _ray_distribution(name, values)
                for name, values in space.hyperparameters.items()
            },
            tune_config=tune.TuneConfig(
                metric="val_loss",
                mode="min",
                num_samples=n_trials,
                scheduler=tune.schedulers.ASHAScheduler(
                    time_attr="epoch",
                    max_t=protocol.epochs,
                    grace_period=protocol.grace_epochs,
                    reduction_factor=protocol.reduction_factor,
                ),
                search_alg=tune.search.BasicVariantGenerator(random_state=protocol.seed),
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=RAY_FOLDER,
                storage_path=str(folder),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
                callbacks=[_Progress(n_trials)] if progress else [],
            ),
        )
    results = tuner.fit()
    # Paths contain the number of the trial; a resumed search returns trials in another order.
    found = sorted((results[number] for number in range(len(results))), key=lambda r: r.path)
    return [_to_trial(result, folder) for result in found]


def _to_trial(result: Any, folder: Path) -> Trial:
    """Return a trial with its complete history; Ray's log of an interrupted trial is incomplete."""
    path = _trial_folder(folder, result.config) / HISTORY_FILE
    history = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    error = str(result.error) if result.error else None
    return Trial(result.config, inactive_hyperparameters(result.config), history, error)


def _trainable(
    hyperparameters: dict[str, Any], dataset: FilmDataset, protocol: SearchProtocol, folder: Path
) -> None:
    """Train one trial in a Ray process and report each epoch."""
    torch.set_num_threads(1)
    trial_folder = _trial_folder(folder, hyperparameters)
    folds = inner_folds(
        dataset.labels,
        dataset.groups,
        np.arange(len(dataset.labels)),
        n_folds=protocol.inner_folds,
        seed=protocol.seed,
    )
    history: list[HistoryRow] = []
    estimator = make_estimator(hyperparameters, protocol)
    for row in iter_trial_epochs(estimator, dataset, folds, trial_folder, seed=protocol.seed):
        history.append(row)
        write_atomic(trial_folder / HISTORY_FILE, json.dumps(history))
        tune.report(row)


def _trial_folder(folder: Path, hyperparameters: dict[str, Any]) -> Path:
    """Return the folder of a trial's checkpoints, named by a hash of its hyperparameters."""
    return folder / "trials" / hash_json(hyperparameters)[:16]


def _ray_distribution(name: str, values: Categorical | Interval) -> Any:
    if isinstance(values, Categorical):
        return tune.choice(list(values.values))
    if NUMERIC_LIMITS[name].kind is int:
        draw = tune.lograndint if values.scale == "log" else tune.randint
        return draw(int(values.low), int(values.high) + 1)
    return (tune.loguniform if values.scale == "log" else tune.uniform)(values.low, values.high)
