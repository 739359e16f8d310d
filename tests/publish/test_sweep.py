from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from typer.testing import CliRunner

from tests.publish.conftest import NOTEBOOK
from wholescript.cli import app
from wholescript.errors import ParameterError
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.execution import run_notebook
from wholescript.publish.sweep import combinations, execute, sweep_name

FAILING = NOTEBOOK.replace("run = record", "assert slope > 0, slope\nrun = record")


def tables(page: Path) -> list[list[str]]:
    soup = BeautifulSoup(page.read_text(), "html.parser")
    return [[" ".join(c.get_text().split()) for c in r(["th", "td"])] for r in soup("tr")]


def test_combinations_are_the_product_of_converted_values(project: Project) -> None:
    combos = combinations(project, "01", {"seed": ["0", "1", "0"], "slope": ["2", "3.5"]})
    assert [combo.overrides["01_tiny"] for combo in combos] == [
        {"seed": 0, "slope": 2.0},
        {"seed": 0, "slope": 3.5},
        {"seed": 1, "slope": 2.0},
        {"seed": 1, "slope": 3.5},
    ]
    assert combos[1].describe() == "seed 0, slope 3.5"


def test_each_notebook_gets_the_parameters_that_it_declares(project: Project) -> None:
    other = NOTEBOOK.replace('scale = "cpu"', 'scale = "cpu"\nwidth = 1').replace(
        "slope =", "steep ="
    )
    (project.notebooks / "02_other.py").write_text(other)
    [found] = combinations(project, "all", {"slope": ["3"], "seed": ["1"], "width": ["2"]})
    assert found.overrides == {
        "01_tiny": {"slope": 3.0, "seed": 1},
        "02_other": {"seed": 1, "width": 2},
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["01", "-p", "sead", "0,1"], "parameter 'sead'; did you mean 'seed'"),
        (["all", "-p", "seed", "0,x"], "'seed' takes int, not 'x'"),
        (["01", "-p", "scale", "cpu,huge"], "it can be: smoke, cpu, full"),
        (["09", "-p", "seed", "1"], "no notebook is called '09'"),
        (["01"], "-p NAME VALUE,VALUE"),
        (["01", "-p", "seed", "1", "--name", "../out"], "'../out' is not a valid folder name"),
    ],
)
def test_nothing_is_executed_with_an_invalid_argument(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    result = CliRunner().invoke(app, ["sweep", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert not project.build.exists()


def test_sweep_name_depends_on_the_values(project: Project) -> None:
    names = {
        sweep_name("01", combinations(project, "01", {"seed": values}), None)
        for values in (["0", "1"], ["0", "2"], ["0", "1"])
    }
    assert len(names) == 2
    assert all(name.startswith("01-") for name in names)
    with pytest.raises(ParameterError):
        sweep_name("01", [], "..")


def test_page_compares_combinations_and_lists_failures(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.notebooks / "01_tiny.py").write_text(FAILING)
    run_notebook("01", project=project)
    published = project.notebooks / "01_tiny.ipynb"
    before = published.stat().st_mtime_ns
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    arguments = ["sweep", "01", "-p", "slope", "2.0,-1,3", "--name", "slopes"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "wrote _build/sweeps/slopes/index.html" in result.output
    assert "01_tiny with slope -1: 01_tiny failed in cell" in result.stderr
    page = project.build / "sweeps" / "slopes" / "index.html"
    rows = tables(page)
    assert rows[1] == ["slope", "2.0", "-1", "3"]
    assert rows[3] == [
        *("tiny/line", "height"),
        *("2.0000", "missing", "3.0000 +1.0000 unpaired"),
    ]
    soup = BeautifulSoup(page.read_text(), "html.parser")
    images = {str(i["alt"]): str(i["src"]) for i in soup("img")}
    # Output of a failed execution is not shown.
    assert list(images) == ["fig-line, slope 2.0", "fig-line, slope 3"]
    assert len(set(images.values())) == 2
    assert "AssertionError" in soup.get_text()

    [steep] = project.build.glob("runs/*/01_tiny.ipynb")
    executed_at = steep.stat().st_mtime_ns
    assert CliRunner().invoke(app, arguments).exit_code == 1
    assert steep.stat().st_mtime_ns == executed_at
    assert published.stat().st_mtime_ns == before


def test_stale_notebook_is_executed_without_changing_published_output(
    executed: Project,
) -> None:
    combos = combinations(executed, "01", {"slope": ["2.0"]})
    execute(executed, combos[0])
    assert combos[0].outputs == {"01_tiny": executed.root}
    source = executed.notebooks / "01_tiny.py"
    source.write_text(source.read_text().replace("Metric(slope", "Metric(slope + 1"))
    published = (executed.notebooks / "01_tiny.ipynb").read_bytes()
    for _ in range(2):
        execute(executed, combos[0])
        [root] = combos[0].outputs.values()
        assert root.parent == executed.build / "runs"
        assert '"value": 3.0' in (root / "results" / "tiny" / "runs.json").read_text()
    assert (executed.notebooks / "01_tiny.ipynb").read_bytes() == published
    assert '"value": 2.0' in (executed.root / "results" / "tiny" / "runs.json").read_text()
