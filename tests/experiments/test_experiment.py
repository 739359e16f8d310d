"""`run` finds a stored run by its settings, data and version, and by nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

from wholescript.errors import ParameterError, RunError
from wholescript.experiments.experiment import Context, Experiment, Outcome, run
from wholescript.experiments.key import RunIdentity, hash_json
from wholescript.experiments.progress import list_trainings
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.project import Project


@dataclass(frozen=True)
class Doubling(Experiment[float]):
    """Stores twice its data, `times` over; `calls` counts how often it was executed."""

    kind: ClassVar[str] = "doubling"
    calls: ClassVar[list[float]] = []

    times: int = 1
    sizes: tuple[int, ...] = (1, 2)
    name: str = "one"

    def run_name(self, data: float) -> str:
        return f"group/{self.name}"

    def settings_for(self, data: float) -> dict[str, Any]:
        return {"times": self.times, "sizes": self.sizes}

    def data_identity(self, data: float) -> dict[str, Any]:
        return {"fingerprint": data}

    def execute(self, data: float, context: Context) -> Outcome:
        self.calls.append(data)
        (context.folder / "weights").write_text("here")
        history = pd.DataFrame({"epoch": [1], "val_loss": [0.5]})
        return Outcome({"value": Metric(2 * data * self.times)}, history=history)


class Revised(Doubling):
    """The same settings with another meaning."""

    version: ClassVar[int] = 2


class Cheap(Doubling):
    """One that takes the place of what it made with other settings."""

    replaces: ClassVar[bool] = True


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    Doubling.calls.clear()
    return Workspace(Project(tmp_path), RunStore(tmp_path / "results"))


def test_a_finished_run_is_found_and_not_executed_again(workspace: Workspace) -> None:
    first = run(Doubling(), 3.0, workspace)
    assert run(Doubling(), 3.0, workspace).config == first.config
    assert Doubling.calls == [3.0]
    assert first.metrics["value"].value == 6.0
    assert list(first.history["val_loss"]) == [0.5]
    assert workspace.used == {"group/one": first.key}


class InNotebook(Workspace):
    """One whose trainings another command resumes than the one of this process."""

    resume_command = "wholescript notebook run 01"


def test_the_status_of_a_training_has_the_command_of_its_workspace(tmp_path: Path) -> None:
    project = Project(tmp_path)
    run(Doubling(), 3.0, InNotebook(project, RunStore(tmp_path / "results")))
    (status,) = list_trainings(project)
    assert (status.command, status.directory) == (InNotebook.resume_command, str(Path.cwd()))


def test_again_executes_a_run_that_is_stored(workspace: Workspace) -> None:
    run(Doubling(), 3.0, workspace)
    run(Doubling(), 3.0, workspace, again=True)
    assert Doubling.calls == [3.0, 3.0]


def test_a_store_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    Doubling.calls.clear()
    (tmp_path / "file").touch()
    store = RunStore(tmp_path / "file" / "runs")
    with pytest.raises(ParameterError, match=r"the folder of runs .*runs: .*file is a file"):
        run(Doubling(), 3.0, Workspace(Project(tmp_path), store))
    assert Doubling.calls == []


def test_other_data_do_not_overwrite_a_run_and_another_version_does(workspace: Workspace) -> None:
    first = run(Doubling(), 3.0, workspace)
    with pytest.raises(ParameterError, match=r"other data \(fingerprint 3.0 there, 4.0 here\)"):
        run(Doubling(), 4.0, workspace)
    assert workspace.store.find("group/one") == first
    assert run(Revised(), 3.0, workspace).key != first.key
    assert Doubling.calls == [3.0, 3.0]


def test_other_settings_do_not_overwrite_a_run(workspace: Workspace) -> None:
    stored = run(Doubling(), 3.0, workspace)
    with pytest.raises(ParameterError, match=r"times=1 there, 5 here.*--name"):
        run(Doubling(times=5), 3.0, workspace)
    assert workspace.store.find("group/one") == stored
    assert run(Doubling(times=5, name="two"), 3.0, workspace).metrics["value"].value == 30.0


def test_an_experiment_that_replaces_its_runs_may(workspace: Workspace) -> None:
    run(Cheap(), 3.0, workspace)
    assert run(Cheap(times=5), 3.0, workspace).metrics["value"].value == 30.0


def test_a_stored_key_is_an_opaque_id(workspace: Workspace) -> None:
    """A run that an earlier key function named is found all the same, and keeps its key."""
    made = run(Doubling(), 3.0, workspace)
    file = made.root / "group" / "runs.json"
    file.write_text(file.read_text().replace(made.key, "frozen"))
    assert run(Doubling(), 3.0, workspace).key == "frozen"
    assert Doubling.calls == [3.0]


def test_source_code_is_a_fact_and_no_identity(workspace: Workspace) -> None:
    made = run(Doubling(), 3.0, workspace)
    changed = workspace.store.annotate(made, {"code": "other", "commit": "0" * 40})
    assert run(Doubling(), 3.0, workspace).config == changed.config
    assert Doubling.calls == [3.0]
    with pytest.raises(RunError, match="settings identify a run"):
        workspace.store.annotate(made, {"settings": {}})


def test_the_key_does_not_depend_on_the_order_of_settings() -> None:
    one = RunIdentity("kind", 1, {"a": 1, "b": (2, 3)}, {})
    other = RunIdentity("kind", 1, {"b": [2, 3], "a": 1}, {})
    assert one.key == other.key
    assert one.matches(other.as_dict() | {"device": "any"})
    assert one.key != RunIdentity("kind", 2, {"a": 1, "b": (2, 3)}, {}).key
    assert hash_json({"a": 1, "b": [2]}) == hash_json({"b": [2], "a": 1})
