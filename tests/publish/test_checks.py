import json
import subprocess
import sys

import nbformat
import pytest

from wholescript.experiments.store import RunStore
from wholescript.project import Project
from wholescript.publish import checks
from wholescript.publish.checks import find_problems
from wholescript.publish.pipeline import write_pipeline


@pytest.fixture
def clean(executed: Project) -> Project:
    write_pipeline(executed)
    return executed


def change_cell(project: Project, cell: int, **changes: object) -> None:
    path = project.notebooks / "01_tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[cell].update(changes)
    path.write_text(nbformat.writes(notebook) + "\n")


def output(text: str) -> list[nbformat.NotebookNode]:
    return [nbformat.v4.new_output("stream", name="stdout", text=text)]


def test_executed_project_has_no_problems(clean: Project) -> None:
    assert find_problems(clean) == []


def test_changed_source_is_reported(clean: Project) -> None:
    source = clean.notebook_source("01")
    source.write_text(source.read_text().replace("range(3)", "range(4)"))
    assert find_problems(clean) == [
        "01_tiny.ipynb does not have the cells of 01_tiny.py: run `wholescript run 01_tiny`",
        "01_tiny: cell 3 changed",
    ]


def test_second_top_level_heading_is_reported(clean: Project) -> None:
    source = clean.notebook_source("01")
    source.write_text(source.read_text() + "\n# %% [markdown]\n# # Another page\n")
    (problem,) = [line for line in find_problems(clean) if "headings" in line]
    assert problem.startswith("01_tiny.py has 2 top-level headings") and "Another page" in problem


def test_edited_figure_is_reported(clean: Project) -> None:
    path = clean.root / "figures" / "tbl-heights.csv"
    path.write_text(path.read_text().replace("1,2", "1,5"))
    assert find_problems(clean) == [
        "01_tiny: file figures/tbl-heights.csv was changed after the notebook wrote it"
    ]


def test_claim_that_does_not_hold_is_reported(clean: Project) -> None:
    (clean.root / "report").mkdir()
    (clean.root / "report" / "claims.py").write_text(
        "from wholescript.publish.claims import claim\n\n"
        "@claim('The line is steep.')\n"
        "def steep(results):\n"
        "    return results.metric('tiny/line:height').value > 5\n"
    )
    assert find_problems(clean) == [
        "the claim 'steep' does not hold: the stored results do not support it"
    ]


def test_edited_result_is_reported_by_dvc(clean: Project) -> None:
    def run(*command: str) -> None:
        subprocess.run(command, cwd=clean.root, check=True, capture_output=True)

    run("git", "init", "--quiet")
    run(sys.executable, "-m", "dvc", "init", "--quiet")
    run(sys.executable, "-m", "dvc", "commit", "--force", "--quiet")
    assert find_problems(clean) == []
    path = clean.root / "results" / "tiny" / "runs.json"
    path.write_text(path.read_text().replace('"value": 2.0', '"value": 3.0'))
    assert find_problems(clean) == ["results/tiny was modified after stage 01_tiny wrote it"]


@pytest.mark.parametrize(
    ("text", "trace"),
    [
        ("reads /home/someone/films.parquet\n", "contains a path of this machine"),
        ("<Axes object at 0x7f31a2b4c5d6>\n", "contains a memory address"),
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


def test_removed_cell_is_reported(clean: Project) -> None:
    path = clean.notebooks / "01_tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    del notebook.cells[3]
    path.write_text(nbformat.writes(notebook) + "\n")
    assert "01_tiny.ipynb does not have the cells of 01_tiny.py" in find_problems(clean)[0]


def test_random_cell_ids_are_reported(clean: Project) -> None:
    change_cell(clean, 3, id="random")
    assert [line for line in find_problems(clean) if "ids of a single execution" in line]


def test_undeclared_and_missing_figures_are_reported(clean: Project) -> None:
    (clean.root / "figures" / "fig-old.svg").touch()
    (clean.root / "figures" / "fig-line.png").unlink()
    assert find_problems(clean) == [
        "figures/fig-old.svg is not written by any notebook",
        "figures/fig-line.png is missing",
    ]


def test_large_files_are_reported(clean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checks.LIMITS, "results", 100)
    assert "results/runs.json has" in find_problems(clean)[0]


def test_smoke_output_is_reported(clean: Project) -> None:
    path = clean.root / "figures" / "fig-line.provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"scale": "smoke"}))
    store = RunStore(clean.root / "results")
    store.annotate(store.find("tiny/line"), {"scale": "smoke"})
    assert find_problems(clean) == [
        f"{name} was made with the run profile smoke, which is not published"
        for name in ("figures/fig-line.provenance.json", "results/tiny/line")
    ]


def test_outdated_pipeline_is_reported(clean: Project) -> None:
    (clean.root / "dvc.yaml").write_text("stages: {}\n")
    assert find_problems(clean) == ["dvc.yaml is out of date: run `wholescript pipeline`"]
