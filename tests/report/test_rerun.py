import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wholescript.cli import app
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.rerun import rerun

CLAIMS = """
from wholescript.report.claims import claim

@claim("It rises by more than 2.001.")
def it_rises(results):
    return results.metric("tiny/line:height").value > 2.001
"""


@pytest.fixture
def metrics(executed: Project) -> Path:
    return executed.root / "results" / "tiny" / "line" / "metrics.json"


def test_a_rerun_makes_all_anew_and_touches_nothing(executed: Project, metrics: Path) -> None:
    metrics.write_text(metrics.read_text().replace("2.0", "2.005"))
    (executed.rerun / "stale").mkdir(parents=True)
    (executed.root / "report").mkdir()
    (executed.root / "report" / "claims.py").write_text(CLAIMS)
    seconds: dict[str, float] = {}
    found = rerun(executed, seconds.__setitem__)
    [metric] = found.metrics
    assert metric.stored and metric.again
    assert (metric.stored.value, metric.again.value, metric.within) == (2.005, 2.0, True)
    assert [figure.label for figure in found.figures] == ["fig-line", "tbl-heights"]
    assert not (found.figures_changed or found.parameters)
    assert [(claim.name, str(claim)) for claim in found.claims] == [
        ("it-rises", "broken, was holds")
    ]
    assert list(seconds) == ["01_tiny"]
    assert not (executed.rerun / "stale").exists()
    assert "2.005" in metrics.read_text()


def test_what_a_cell_made_has_to_come_again_and_what_was_trained_outside_has_not(
    executed: Project, metrics: Path
) -> None:
    config = metrics.with_name("config.json")
    made = json.loads(config.read_text())
    for name, facts in (("gone", made), ("trained", {"key": "1"})):
        folder = executed.root / "results" / "tiny" / name
        folder.mkdir()
        (folder / "metrics.json").write_text(metrics.read_text())
        (folder / "config.json").write_text(json.dumps(facts))
    found = rerun(executed, lambda name, seconds: None)
    assert {m.run for m in found.metrics} == {"tiny/line", "tiny/gone"}
    assert [m.run for m in found.metrics_out_of_tolerance] == ["tiny/gone"]


@pytest.mark.parametrize(("label", "code"), [("height", 0), ("depth", 1)])
def test_the_command_ends_with_an_error_when_anything_moved(
    executed: Project, monkeypatch: pytest.MonkeyPatch, label: str, code: int
) -> None:
    path = executed.root / "figures" / "fig-line.json"
    path.write_text(path.read_text().replace('"height"', f'"{label}"'))
    monkeypatch.setenv(ROOT_VARIABLE, str(executed.root))
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(app, ["rerun"])
    assert result.exit_code == code
    assert ("fig-line: axes 1, y, label: 'height' was 'depth'" in result.output) is bool(code)
    assert f"0 of 1 metrics outside their tolerance, {code} of 2 figures" in result.output
    assert "wrote _build/rerun/report.html" in result.output
    assert ("fig-line" in (executed.rerun / "report.html").read_text()) is bool(code)


def test_a_rerun_that_found_nothing_to_compare_is_an_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.notebooks / "01_tiny.py").unlink()
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    assert CliRunner().invoke(app, ["rerun"]).exit_code == 1
