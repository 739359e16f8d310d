import json
import subprocess
import sys

import nbformat
import pytest

from wholescript.project import Project
from wholescript.publish import checks as hygiene
from wholescript.publish.checks import find_problems
from wholescript.publish.pipeline import write_pipeline


@pytest.fixture
def clean(executed: Project) -> Project:
    write_pipeline(executed)
    return executed


def spoil(project: Project, cell: int, **changes: object) -> None:
    path = project.notebooks / "01_tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[cell].update(changes)
    path.write_text(nbformat.writes(notebook) + "\n")


def output(text: str) -> list[nbformat.NotebookNode]:
    return [nbformat.v4.new_output("stream", name="stdout", text=text)]


def test_an_executed_project_is_clean(clean: Project) -> None:
    assert find_problems(clean) == []


def test_a_changed_source_asks_for_a_run(clean: Project) -> None:
    source = clean.notebook_source("01")
    source.write_text(source.read_text().replace("range(3)", "range(4)"))
    assert find_problems(clean) == [
        "01_tiny.ipynb is not of the cells of 01_tiny.py: run `wholescript run 01_tiny`",
        "01_tiny: cell 3 changed",
    ]


def test_a_second_title_is_found(clean: Project) -> None:
    source = clean.notebook_source("01")
    source.write_text(source.read_text() + "\n# %% [markdown]\n# # Another page\n")
    (said,) = [line for line in find_problems(clean) if "title" in line]
    assert said.startswith("01_tiny.py has 2 titles") and "Another page): a page has one" in said


def test_an_edited_figure_is_found(clean: Project) -> None:
    path = clean.root / "figures" / "tbl-heights.csv"
    path.write_text(path.read_text().replace("1,2", "1,5"))
    assert find_problems(clean) == [
        "01_tiny: file figures/tbl-heights.csv was edited after it was drawn"
    ]


def test_a_broken_claim_is_found(clean: Project) -> None:
    (clean.root / "report").mkdir()
    (clean.root / "report" / "claims.py").write_text(
        "from wholescript.publish.claims import claim\n\n"
        "@claim('The line is steep.')\n"
        "def steep(results):\n"
        "    return results.metric('tiny/line:height').value > 5\n"
    )
    assert find_problems(clean) == [
        "the claim 'steep' is broken: the stored results no longer say so"
    ]


def test_an_edited_result_is_found_by_dvc(clean: Project) -> None:
    def run(*command: str) -> None:
        subprocess.run(command, cwd=clean.root, check=True, capture_output=True)

    run("git", "init", "--quiet")
    run(sys.executable, "-m", "dvc", "init", "--quiet")
    run(sys.executable, "-m", "dvc", "commit", "--force", "--quiet")
    assert find_problems(clean) == []
    path = clean.root / "results" / "tiny" / "line" / "metrics.json"
    path.write_text(path.read_text().replace("2.0", "3.0"))
    assert find_problems(clean) == ["results/tiny was modified since 01_tiny wrote it"]


@pytest.mark.parametrize(
    ("text", "trace"),
    [
        ("reads /home/someone/films.parquet\n", "shows a path of this machine"),
        ("<Axes object at 0x7f31a2b4c5d6>\n", "shows an object's address"),
    ],
)
def test_traces_of_a_machine_are_found(clean: Project, text: str, trace: str) -> None:
    spoil(clean, 3, outputs=output(text))
    assert [line for line in find_problems(clean) if trace in line]


def test_addresses_on_the_web_are_no_paths(clean: Project) -> None:
    spoil(clean, 3, outputs=output("https://example.org/home/x and a/tmp/b\n"))
    assert find_problems(clean) == []


def test_a_cell_that_did_not_run_is_found(clean: Project) -> None:
    spoil(clean, 3, execution_count=None)
    assert [line for line in find_problems(clean) if "has not been executed" in line]


def test_a_dropped_cell_is_found(clean: Project) -> None:
    path = clean.notebooks / "01_tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    del notebook.cells[3]
    path.write_text(nbformat.writes(notebook) + "\n")
    assert "01_tiny.ipynb is not of the cells of 01_tiny.py" in find_problems(clean)[0]


def test_ids_of_one_run_are_found(clean: Project) -> None:
    spoil(clean, 3, id="random")
    assert [line for line in find_problems(clean) if "ids of one run" in line]


def test_figures_that_no_notebook_makes_or_that_are_gone_are_found(clean: Project) -> None:
    (clean.root / "figures" / "fig-old.svg").touch()
    (clean.root / "figures" / "fig-line.png").unlink()
    assert find_problems(clean) == [
        "figures/fig-old.svg is made by no notebook",
        "figures/fig-line.png is missing",
    ]


def test_large_files_are_found(clean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hygiene.LIMITS, "results", 100)
    assert "results/config.json has" in find_problems(clean)[0]


def test_smoke_is_not_published(clean: Project) -> None:
    path = clean.root / "figures" / "fig-line.passport.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"scale": "smoke"}))
    assert find_problems(clean) == [
        "figures/fig-line.passport.json is of scale smoke, which is never published"
    ]


def test_a_stale_pipeline_is_found(clean: Project) -> None:
    (clean.root / "dvc.yaml").write_text("stages: {}\n")
    assert find_problems(clean) == [
        "dvc.yaml is not what the notebooks say: run `wholescript pipeline`"
    ]
