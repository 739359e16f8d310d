"""Where runs are looked for, trained and stored, and which of them were used."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.environment import commit_of, device_name
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.progress import typed_command
from wholescript.experiments.store import Run, RunStore
from wholescript.project import OUTPUT_VARIABLE, Project


@dataclass
class Workspace:
    """One store to write runs to, and the stores to find them in; `used` has the key of each.

    `name` and `parameters` are those of the notebook, if one is running; `data` says which films
    it reads.

    A notebook is a workspace of its own kind (`wholescript.publish.notebook`), which also records
    the cell and the parameters that made a run.
    """

    project: Project
    store: RunStore
    name: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    data: dict[str, str] | None = None
    used: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @property
    def stores(self) -> list[RunStore]:
        """The stores in which finished runs are looked for, in order."""
        return [self.store]

    @property
    def writes_published_output(self) -> bool:
        """Whether what is written is the published output, in the repository itself."""
        return False

    @property
    def fold_cache(self) -> Path:
        """Where finished folds of unfinished runs are kept."""
        return self.project.build / "fold_cache"

    @property
    def may_replace(self) -> bool:
        """Whether a run of other settings is replaced by one of the same name."""
        return False

    @property
    def resume_command(self) -> str:
        """The command that resumes a training of this workspace; empty if there is none."""
        return typed_command()

    def find(self, name: str, identity: RunIdentity | None = None) -> Run | None:
        """Return the finished run of that name, and identity if one is given; note its use."""
        for store in self.stores:
            if run := store.find(name, identity):
                self.used[name] = run.key
                return run
        return None

    def log_dataset(self, provenance: dict[str, str]) -> None:
        """Note that the output depends on these films."""
        self.data = provenance

    def checkpoints(self, key: str) -> Path:
        """Return the folder of the checkpoints and weights of the run with that key."""
        return checkpoint_dir(self.project, key)

    def metadata(self) -> Mapping[str, Any]:
        """Return what is recorded with a new run, and is no part of its identity."""
        return {"device": device_name(), "commit": commit_of(self.project.root)}

    def record_use(self, run: Run) -> Run:
        """Note who asks for a run that was found; a workspace without cells has nothing to note."""
        return run


def checkpoint_dir(project: Project, key: str) -> Path:
    """Return where the training of the run with that key keeps its checkpoints and weights.

    A rerun (WHOLESCRIPT_OUTPUT) has its own, so that everything is trained again.
    """
    forced = os.environ.get(OUTPUT_VARIABLE)
    return (project.root / forced if forced else project.build) / "training" / key[:16]


_active: Workspace | None = None


def activate(workspace: Workspace) -> None:
    """Make a workspace the one that `current_workspace` returns."""
    global _active
    _active = workspace


def current_workspace() -> Workspace:
    """Return the active workspace: in a notebook, the one that `begin_notebook` made.

    Raises:
        RunError: there is none.
    """
    if _active is None:
        raise RunError("no notebook has begun: call begin_notebook(NAME, globals()) first")
    return _active


def bootstrap_seed() -> int:
    """Return the seed of the bootstrap: the parameter `seed` of the running notebook, else 0."""
    return int(_active.parameters.get("seed", 0)) if _active else 0
