"""One way from settings to a number: `run(experiment, data)` finds the stored run or makes it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pandas as pd

from wholescript.errors import ParameterError
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.progress import training_lock
from wholescript.experiments.results import Metric
from wholescript.experiments.source_code import code_fingerprint
from wholescript.experiments.store import Run, RunStore, StoredPredictions
from wholescript.experiments.stored import StoredDataset, changed_settings, find_published, flat
from wholescript.experiments.workspace import Workspace, current_workspace
from wholescript.files import check_output_folder

Data = TypeVar("Data", contravariant=True)


@dataclass(frozen=True)
class Context:
    """What an experiment is given to work with.

    `folder` is where checkpoints and weights are kept under a key of their own, so that the same
    call resumes after a kill. `on_epoch_end` is called with each new row of a training's history.
    """

    workspace: Workspace
    folder: Path
    progress: bool = True
    on_epoch_end: Callable[[Any], None] | None = None


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    `history` has a row an epoch, or another table of the experiment; it is stored with six
    decimals.
    `metadata` is stored with the run and is no part of its identity.
    """

    metrics: Mapping[str, Metric]
    predictions: StoredPredictions | None = None
    val_predictions: StoredPredictions | None = None
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Experiment(ABC, Generic[Data]):
    """Settings of one experiment, as a frozen dataclass; `run` is the only one to execute it.

    `kind` names the class in runs.json; `version` is raised by hand when what the class measures
    changes, so that runs of the earlier meaning are not taken for new ones. One that `replaces` is
    cheap to make again: it takes the place of a run of its name and other settings.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    replaces: ClassVar[bool] = False

    @abstractmethod
    def run_name(self, data: Data) -> str:
        """Return the name of the run, `<group>/<name>`."""

    @abstractmethod
    def settings_for(self, data: Data) -> dict[str, Any]:
        """Return every setting that decides the result, JSON-able."""

    @abstractmethod
    def data_identity(self, data: Data) -> dict[str, Any]:
        """Return the fingerprints of the data that decide the result, JSON-able."""

    @abstractmethod
    def execute(self, data: Data, context: Context) -> Outcome:
        """Train and measure."""

    def modules(self) -> tuple[str, ...]:
        """Return the modules whose source is recorded with the run, besides that of the class."""
        return ()

    def checkpoint_key(self, identity: RunIdentity) -> str:
        """Return the key of the folder of checkpoints and weights: by default that of the run."""
        return identity.key

    def identity(self, data: Data) -> RunIdentity:
        """Return what the run is found by."""
        return RunIdentity(
            self.kind, self.version, self.settings_for(data), self.data_identity(data)
        )


def run(
    experiment: Experiment[Data],
    data: Data | StoredDataset,
    workspace: Workspace | None = None,
    *,
    progress: bool = True,
    on_epoch_end: Callable[[Any], None] | None = None,
    again: bool = False,
) -> Run:
    """Return the finished run of `experiment` on `data`; make and store it where there is none.

    `workspace` is the running notebook's by default. A killed call resumes from its checkpoints.
    `again` makes the run even where it is stored, or stored of other data, for what it leaves in
    its folder besides. Of a `StoredDataset` the published run is returned.

    Raises:
        ParameterError: a run of this name has other settings or data, and the workspace does not
            replace it, or runs cannot be written there.
        RunError: no workspace is active, another process is making the run, or there is no
            published one of a `StoredDataset`.
    """
    workspace = workspace or current_workspace()
    if isinstance(data, StoredDataset):
        named: Any = data  # names and settings depend on no more than the name of the data set
        return find_published(workspace, experiment.run_name(named), experiment.settings_for(named))
    name, identity = experiment.run_name(data), experiment.identity(data)
    if not again and (found := workspace.find(name, identity)):
        return workspace.record_use(found)
    if not (workspace.may_replace or experiment.replaces):
        check_no_overwrite(workspace.store, name, identity, other_data_too=not again)
    check_output_folder(workspace.store.root, "the folder of runs")
    folder = workspace.checkpoints(experiment.checkpoint_key(identity))
    start = time.perf_counter()
    with training_lock(folder, name, workspace.resume_command):
        outcome = experiment.execute(data, Context(workspace, folder, progress, on_epoch_end))
    modules = sorted({type(experiment).__module__, *experiment.modules()})
    metadata = {
        **workspace.metadata(),
        "modules": modules,
        "code": code_fingerprint(modules, workspace.project.source),
        "wall_time_s": round(time.perf_counter() - start, 1),
        **outcome.metadata,
    }
    made = workspace.store.save(
        name,
        identity,
        outcome.metrics,
        metadata=metadata,
        predictions=outcome.predictions,
        val_predictions=outcome.val_predictions,
        history=outcome.history,
    )
    workspace.used[name] = made.key
    return made


def check_no_overwrite(
    store: RunStore, name: str, identity: RunIdentity, *, other_data_too: bool = True
) -> None:
    """Refuse to replace a run of other settings or, by default, of other data.

    Settings that one side does not know, and `bfloat16`, which a machine decides, are no change.
    Runs that a notebook shows follow its data.

    Raises:
        ParameterError: a run of this name has other settings or data, which the message names.
    """
    stored = store.find(name)
    if stored is None:
        return
    if changes := changed_settings(stored.settings, identity.as_dict()["settings"]):
        raise ParameterError(
            f"{name} was trained with other settings ({'; '.join(changes)}): it would be "
            "replaced; name this one with --name"
        )

    ours = flat(identity.as_dict()["data"])
    if "notebook" in stored.config or not other_data_too:
        return
    theirs = flat(stored.data)
    if changed := [part for part in theirs.keys() & ours.keys() if theirs[part] != ours[part]]:
        parts = [
            f"{part} {str(theirs[part])[:12]} there, {str(ours[part])[:12]} here"
            for part in sorted(changed)
        ]
        raise ParameterError(
            f"{name} was trained on other data ({'; '.join(parts)}): it would be replaced; name "
            "this one with --name, give the data set another name with `data prepare --name`, or "
            "give another --store"
        )
