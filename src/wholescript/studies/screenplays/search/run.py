"""Search over a space with Ray Tune: random draws, of which ASHA stops those that fall behind.

A search lives in a folder: the state of Ray Tune, and the checkpoints of every trial's folds.
Killed at any moment, it goes on from there, on any number of processes. On a cluster the folder is
one that all nodes share.
"""

import hashlib
import json
import logging
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from wholescript.cluster import cluster, ray
from wholescript.data.films.folds import inner_folds, repeated_folds, temporal_split
from wholescript.errors import ParameterError, RunError
from wholescript.files import write_atomic
from wholescript.models.task import Task
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

tune = ray.tune

SEARCH_FILE = "begun.json"
RAY_FOLDER = "ray"
HISTORY_FILE = "reported.json"
MAX_FAILURES = 2  # a node that is lost takes its trials with it: they are begun again elsewhere


class _Progress(tune.Callback):
    """A bar of the trials that have ended, with the best loss so far."""

    def __init__(self, trials: int) -> None:
        self._trials = trials
        self._bar: tqdm | None = None

    def on_step_end(self, iteration: int, trials: list[Any], **_: Any) -> None:
        """Count anew at each step: some trials had ended before a search was resumed."""
        if self._bar is None:
            self._bar = tqdm(total=self._trials, unit="trial", desc="search")
        if ended := sum(trial.is_finished() for trial in trials) - self._bar.n:
            losses = [trial.last_result.get("held_out_loss", math.inf) for trial in trials]
            self._bar.set_postfix(best=f"{min(losses):.4f}", refresh=False)
            self._bar.update(ended)

    def on_experiment_end(self, trials: list[Any], **_: Any) -> None:
        """Leave the bar as it ended."""
        if self._bar is not None:
            self._bar.close()


def outer_training_task(task: Task, protocol: SearchProtocol) -> Task:
    """Return the training films of the outer fold alone: trials cannot see any other."""
    if protocol.split == "temporal":
        outer = temporal_split(task.labels, task.groups, task.films["year"])
    else:
        outer = repeated_folds(task.labels, task.groups, n_repeats=1, seed=protocol.seed)[0]
    films = task.films.iloc[outer.train].reset_index(drop=True)
    return Task(
        films,
        task.labels[outer.train],
        task.groups[outer.train],
        task.features.select([str(film_id) for film_id in films["film_id"]]),
    )


def search(
    space: SearchSpace,
    task: Task,
    folder: Path,
    *,
    data: dict[str, str],
    trials: int,
    address: str | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> SearchResult:
    """Run `trials` draws from `space`, or go on with those that were begun in `folder`.

    `task` is all films, of which the trials see the training films of one fold; `data` says which
    they are. `address` names a Ray cluster; without it `workers` processes of this machine share
    the trials. Every trial trains under the same seed, on one core, so that its scores do not
    depend on where it ran; which trials are stopped depends on the order in which they come in.

    Raises:
        ParameterError: `folder` holds another search, or an option does not fit.
        RunError: nothing answers at `address`, or all trials failed.
    """
    if trials < 1:
        raise ParameterError(f"trials={trials}: a search has at least one")
    width = task.features.chunks.codes.shape[1]
    dimensions = space.hyperparameters.get("dimensions", Categorical((1,)))
    if (most := max(map(int, dimensions.bounds))) > width:
        raise ParameterError(f"choices: dimensions={most}: the chunk vectors have {width}")
    _check_same_search(folder, {"space": space.config, "trials": trials, "data": data})
    seen = outer_training_task(task, space.protocol)
    with cluster(address, workers):
        found = _run_tuner(space, seen, folder.resolve(), trials, progress)
    versions = {name: version(name).partition("+")[0] for name in ("numpy", "ray", "torch")}
    result = SearchResult(space.config, data, len(seen.labels), versions, found)
    if not result.scored:
        errors = sorted({str(trial.error) for trial in found})
        raise RunError(f"all {len(found)} trials failed: {'; '.join(errors)}")
    return result


def _check_same_search(folder: Path, facts: dict[str, Any]) -> None:
    """Note what is searched in `folder`, or check that it is this."""
    path = folder / SEARCH_FILE
    if not path.exists():
        write_atomic(path, json.dumps(facts, indent=1) + "\n")
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    if changed := [name for name, value in facts.items() if before.get(name) != value]:
        raise ParameterError(
            f"the search {folder.name!r} was begun with other {' and '.join(changed)} "
            f"({before['trials']} trials): give this one another name, or delete {folder}"
        )


def _run_tuner(
    space: SearchSpace, task: Task, folder: Path, trials: int, progress: bool
) -> list[Trial]:
    protocol = space.protocol
    trainable = tune.with_resources(
        tune.with_parameters(_trainable, task=task, protocol=protocol, folder=folder),
        {"cpu": 1},
    )
    # It warns of each trial that Ray keeps no log of its own of one: `_to_trial` reads ours.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    state = folder / RAY_FOLDER
    if tune.Tuner.can_restore(str(state)):
        tuner = tune.Tuner.restore(str(state), trainable, restart_errored=True)
    else:
        tuner = tune.Tuner(
            trainable,
            param_space={
                name: _ray_distribution(name, choice)
                for name, choice in space.hyperparameters.items()
            },
            tune_config=tune.TuneConfig(
                metric="held_out_loss",
                mode="min",
                num_samples=trials,
                scheduler=tune.schedulers.ASHAScheduler(
                    time_attr="epoch",
                    max_t=protocol.epochs,
                    grace_period=protocol.grace_epochs,
                    reduction_factor=protocol.reduction,
                ),
                search_alg=tune.search.BasicVariantGenerator(random_state=protocol.seed),
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=RAY_FOLDER,
                storage_path=str(folder),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
                callbacks=[_Progress(trials)] if progress else [],
            ),
        )
    results = tuner.fit()
    # A path bears the trial's number; a search that was resumed has them in another order.
    found = sorted((results[number] for number in range(len(results))), key=lambda r: r.path)
    return [_to_trial(result, folder) for result in found]


def _to_trial(result: Any, folder: Path) -> Trial:
    """Return a trial with all that it reported: Ray's own log of it ends where it was killed."""
    reported = _trial_folder(folder, result.config) / HISTORY_FILE
    history = json.loads(reported.read_text(encoding="utf-8")) if reported.exists() else []
    error = str(result.error) if result.error else None
    return Trial(result.config, inactive_hyperparameters(result.config), history, error)


def _trainable(
    hyperparameters: dict[str, Any], task: Task, protocol: SearchProtocol, folder: Path
) -> None:
    """Train one trial in a process of Ray's, and report each epoch."""
    torch.set_num_threads(1)
    trial_folder = _trial_folder(folder, hyperparameters)
    folds = inner_folds(
        task.labels,
        task.groups,
        np.arange(len(task.labels)),
        n_folds=protocol.inner_folds,
        seed=protocol.seed,
    )
    history: list[HistoryRow] = []
    estimator = make_estimator(hyperparameters, protocol)
    for row in iter_trial_epochs(estimator, task, folds, trial_folder, seed=protocol.seed):
        history.append(row)
        write_atomic(trial_folder / HISTORY_FILE, json.dumps(history))
        tune.report(row)


def _trial_folder(folder: Path, hyperparameters: dict[str, Any]) -> Path:
    """Return where a trial's checkpoints lie: named by what was drawn, it is found again."""
    name = hashlib.sha256(json.dumps(hyperparameters, sort_keys=True).encode()).hexdigest()[:16]
    return folder / "trials" / name


def _ray_distribution(name: str, choice: Categorical | Interval) -> Any:
    if isinstance(choice, Categorical):
        return tune.choice(list(choice.values))
    if NUMERIC_LIMITS[name].kind is int:
        draw = tune.lograndint if choice.scale == "log" else tune.randint
        return draw(int(choice.low), int(choice.high) + 1)
    return (tune.loguniform if choice.scale == "log" else tune.uniform)(choice.low, choice.high)
