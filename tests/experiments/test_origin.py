"""Runs that other source code made are named; runs of the tree at hand are not."""

from pathlib import Path

from wholescript.experiments.key import RunIdentity
from wholescript.experiments.origin import made_by_other_code
from wholescript.experiments.results import Metric
from wholescript.experiments.source_code import code_fingerprint
from wholescript.experiments.store import RunStore
from wholescript.project import Project

MODULES = ["wholescript.experiments.key"]


def save(project: Project, name: str, **metadata: object) -> None:
    identity = RunIdentity("kind", 1, {}, {"name": name})
    store = RunStore(project.root / "results")
    store.save(f"group/{name}", identity, {"value": Metric(1.0)}, metadata=metadata)


def test_only_runs_of_other_code_are_named(tmp_path: Path) -> None:
    project = Project(tmp_path)
    now = code_fingerprint(MODULES, project.source)
    save(project, "same", modules=MODULES, code=now)
    save(project, "changed", modules=MODULES, code="0" * 64)
    save(project, "gone", modules=["wholescript.no_such_module"], code=now)
    save(project, "unknown", code=now)
    assert made_by_other_code(project) == ["group/changed", "group/gone", "group/unknown"]
