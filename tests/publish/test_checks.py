import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from wholescript.experiments.store import RunStore
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish import checks
from wholescript.publish.checks import find_problems
from wholescript.publish.execution import run_notebook

PIPELINE = """stages:
  01_tiny:
    cmd: wholescript notebook run 01_tiny
    deps: [notebooks/01_tiny.py]
    outs:
    - notebooks/01_tiny.ipynb: {cache: false, persist: true}
    - figures/01_tiny: {cache: false, persist: true}
    - results/tiny: {cache: false, persist: true}
"""


@pytest.fixture
def clean(executed: Project) -> Project:
    """An executed project without a pipeline."""
    return executed


@pytest.fixture(scope="module")
def _with_pipeline(_executed_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(_executed_once, tmp_path_factory.mktemp("dvc") / "project"))
    (root / "dvc.yaml").write_text(PIPELINE)
    dvc = [sys.executable, "-m", "dvc"]
    for command in ([*dvc, "init", "--no-scm", "-q"], [*dvc, "commit", "--force", "-q"]):
        subprocess.run(command, cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def pipeline(_with_pipeline: Path, tmp_path: Path) -> Project:
    """An executed project of which DVC knows that it is current."""
    return Project(Path(shutil.copytree(_with_pipeline, tmp_path / "pipeline")))


def change_cell(project: Project, cell: int, **changes: object) -> None:
    path = project.notebooks / "01_tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[cell].update(changes)
    path.write_text(nbformat.writes(notebook) + "\n")


def output(text: str) -> list[nbformat.NotebookNode]:
    return [nbformat.v4.new_output("stream", name="stdout", text=text)]


def test_executed_project_has_no_problems(pipeline: Project) -> None:
    assert find_problems(pipeline) == []


def test_changed_source_is_stale(pipeline: Project) -> None:
    source = pipeline.notebook_source("01")
    source.write_text(source.read_text().replace("range(3)", "range(4)"))
    assert find_problems(pipeline) == [
        "01_tiny is not as DVC recorded it (notebooks/01_tiny.py modified): "
        "run `dvc repro 01_tiny`",
        "01_tiny.ipynb does not have the cells of 01_tiny.py: run `dvc repro 01_tiny`",
    ]


def test_a_notebook_that_was_executed_without_dvc_is_no_edit(pipeline: Project) -> None:
    source = pipeline.notebook_source("01")
    source.write_text(source.read_text().replace("range(3)", "range(4)"))
    run_notebook("01", project=pipeline)
    (problem,) = find_problems(pipeline)
    assert problem.startswith("01_tiny is not as DVC recorded it (")
    assert "notebooks/01_tiny.ipynb modified" in problem
    assert problem.endswith("): run `dvc repro 01_tiny`")


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("figures/01_tiny/tbl-heights.csv", "figures/01_tiny"),
        ("figures/01_tiny/fig-line.svg", "figures/01_tiny"),
        ("results/tiny/runs.json", "results/tiny"),
        ("notebooks/01_tiny.ipynb", "notebooks/01_tiny.ipynb"),
    ],
)
def test_output_changed_by_hand_is_reported(pipeline: Project, name: str, out: str) -> None:
    path = pipeline.root / name
    path.write_text(path.read_text().replace("2", "3", 1))
    assert (
        f"01_tiny is not as DVC recorded it ({out} modified): run `dvc repro 01_tiny`"
        in find_problems(pipeline)
    )


def test_dvc_does_not_replace_an_edited_notebook(
    pipeline: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pipeline.root)
    monkeypatch.setenv(ROOT_VARIABLE, str(pipeline.root))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    change_cell(pipeline, 0, source="# A question of mine")
    path = pipeline.notebooks / "01_tiny.ipynb"
    before = path.read_bytes()
    command = [sys.executable, "-m", "dvc", "repro", "01_tiny"]
    done = subprocess.run(command, cwd=pipeline.root, capture_output=True, text=True)
    assert done.returncode
    assert "jupytext --sync notebooks/01_tiny.ipynb" in done.stderr + done.stdout
    assert path.read_bytes() == before


def test_two_notebooks_with_one_output_are_an_error(pipeline: Project) -> None:
    file = pipeline.root / "dvc.yaml"
    file.write_text(
        PIPELINE + PIPELINE.removeprefix("stages:\n").replace("  01_tiny:", "  02_copy:")
    )
    shutil.copy(pipeline.notebook_source("01"), pipeline.notebooks / "02_copy.py")
    label = "fig-line is a figure of 01_tiny and of 02_copy: rename one of them"
    assert label in find_problems(pipeline)
    command = [sys.executable, "-m", "dvc", "repro", "--dry"]
    done = subprocess.run(command, cwd=pipeline.root, capture_output=True, text=True)
    assert done.returncode and "is specified in" in done.stderr + done.stdout


def test_second_top_level_heading_is_reported(clean: Project) -> None:
    source = clean.notebook_source("01")
    source.write_text(source.read_text() + "\n# %% [markdown]\n# # Another page\n")
    (problem,) = [line for line in find_problems(clean) if "headings" in line]
    assert problem.startswith("01_tiny.py has 2 top-level headings") and "Another page" in problem


def test_claim_that_does_not_hold_is_reported(clean: Project) -> None:
    (clean.root / "report").mkdir()
    (clean.root / "report" / "claims.py").write_text(
        "from wholescript.publish.claims import claim\n\n"
        "@claim('The line is steep.')\n"
        "def steep(stored):\n"
        "    return [stored.metric('tiny/line:height').value > 5]\n"
    )
    assert find_problems(clean) == [
        "the claim 'steep' does not hold: the stored results do not support it"
    ]


@pytest.mark.parametrize(
    ("text", "trace"),
    [
        (
            "reads '/home/someone/films.parquet'\n",
            "contains a path of this machine, '/home/someone/films.parquet': show only its name",
        ),
        (
            "<Axes object at 0x7f31a2b4c5d6>\n",
            "contains a memory address, 'at 0x7f31a2b4c5d6': show a property of the object",
        ),
    ],
)
def test_machine_specific_output_is_reported(clean: Project, text: str, trace: str) -> None:
    change_cell(clean, 3, outputs=output(text))
    assert [line for line in find_problems(clean) if trace in line]


def test_urls_are_not_paths(clean: Project) -> None:
    change_cell(clean, 3, outputs=output("https://example.org/home/x and a/tmp/b\n"))
    assert find_problems(clean) == []


def test_cell_that_was_not_executed_is_reported(clean: Project) -> None:
    change_cell(clean, 3, execution_count=None)
    assert [line for line in find_problems(clean) if "has not been executed" in line]


def test_removed_cell_is_reported(clean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clean.root)
    path = clean.notebooks / "01_tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    del notebook.cells[3]
    path.write_text(nbformat.writes(notebook) + "\n")
    assert find_problems(clean)[0].startswith("notebooks/01_tiny.ipynb was edited")


def test_random_cell_ids_are_reported(clean: Project) -> None:
    change_cell(clean, 3, id="random")
    assert [line for line in find_problems(clean) if "ids of a single execution" in line]


def test_undeclared_and_missing_figures_are_reported(clean: Project) -> None:
    (clean.root / "figures" / "00_old").mkdir()
    source = clean.notebook_source("01")
    source.write_text(source.read_text().replace("#| label: fig-line", "#| label: fig-new"))
    found = find_problems(clean)[:3]
    assert found == [
        "figures/00_old is not written by any notebook",
        "fig-new of 01_tiny is missing in figures/: run `wholescript notebook run 01_tiny`",
        "fig-line in figures/ is not made by any notebook",
    ]


def test_large_files_are_reported(clean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checks.LIMITS, "results", 100)
    assert find_problems(clean)[0].startswith("results/")


def test_smoke_output_is_reported(clean: Project) -> None:
    path = clean.root / "figures" / "01_tiny" / "provenance.json"
    provenance = json.loads(path.read_text())
    provenance["parameters"]["scale"] = "smoke"
    path.write_text(json.dumps(provenance))
    store = RunStore(clean.root / "results")
    store.annotate(store.find("tiny/line"), {"scale": "smoke"})
    assert find_problems(clean) == [
        f"{name} was made with the run profile smoke, which is not published"
        for name in ("results/tiny/line", "fig-line", "tbl-heights")
    ]
