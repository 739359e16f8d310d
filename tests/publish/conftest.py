import shutil
from pathlib import Path

import pytest

from wholescript.experiments import workspace
from wholescript.project import OUTPUT_VARIABLE, ROOT_VARIABLE, Project
from wholescript.publish.execution import run_notebook

NOTEBOOK = """# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A small question
#
# Does a line with a slope rise?

# %% tags=["parameters"]
scale = "cpu"  # smoke | cpu | full
seed = 0  # random seed
slope = 2.0  # increase per step
title = "A line"  # of the figure
rows = None  # first rows only

# %%
import sys

import matplotlib.pyplot as plt
import pandas as pd

from wholescript.publish.cells import Metric, begin_notebook
from wholescript.publish.cells import record_metrics, show_figure, show_table

nb = begin_notebook("01_tiny", globals())

# %%
for part in range(3):
    print("part", part, flush=True)
    print("progress", file=sys.stderr, flush=True)

# %%
#| label: fig-line
fig, ax = plt.subplots()
ax.plot([0, 1, 2], [0, slope, 2 * slope], label="line")
ax.set(xlabel="step", ylabel="height", title=title)
show_figure(fig, "fig-line")

# %%
#| label: tbl-heights
table = pd.DataFrame({"step": [0, 1], "height": [0.0, slope]})
show_table(table, "tbl-heights", {"height": ".1f"})

# %%
run = record_metrics("tiny/line", {"height": Metric(slope, tolerance=0.01)})
run.metrics["height"].value
"""


@pytest.fixture(autouse=True)
def _no_active_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "_active", None)
    monkeypatch.delenv(OUTPUT_VARIABLE, raising=False)
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)


def make_project(root: Path, source: str = NOTEBOOK, name: str = "01_tiny") -> Project:
    (root / "notebooks").mkdir(parents=True)
    (root / "notebooks" / f"{name}.py").write_text(source)
    return Project(root)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with one notebook that was not executed."""
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def _executed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("executed") / "project")
    run_notebook("01_tiny", project=project)
    shutil.rmtree(project.build)
    return project.root


@pytest.fixture
def executed(tmp_path: Path, _executed_once: Path) -> Project:
    """A copy of the project with its notebook executed."""
    return Project(Path(shutil.copytree(_executed_once, tmp_path / "executed")))


def tree(root: Path) -> dict[str, bytes]:
    """Return the content of every file below a root by path, without `_build` and locks."""
    files = [path for path in root.rglob("*") if path.is_file() and path.name != ".lock"]
    files = [path for path in files if "_build" not in path.parts]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
