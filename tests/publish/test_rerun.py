from pathlib import Path

import pytest

from tests.shell import shell
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.rerun import rerun

CLAIMS = """
from wholescript.publish.claims import claim

@claim("It rises by more than 2.001.")
def line_rises(results):
    return results.metric("tiny/line:height").value > 2.001
"""


@pytest.fixture
def metrics(executed: Project) -> Path:
    return executed.root / "results" / "tiny" / "runs.json"


def test_rerun_compares_everything_but_runs_of_commands_and_keeps_published_output(
    executed: Project, metrics: Path
) -> None:
    metrics.write_text(metrics.read_text().replace('"value": 2.0', '"value": 2.005'))
    store = RunStore(executed.root / "results")
    for name, metadata in (("removed", {"cell": "01_tiny-3"}), ("trained", {})):
        identity = RunIdentity("kind", 1, {}, {})
        store.save(f"tiny/{name}", identity, {"height": Metric(2.0)}, metadata=metadata)
    (executed.rerun_root / "stale").mkdir(parents=True)
    (executed.root / "report").mkdir()
    (executed.root / "report" / "claims.py").write_text(CLAIMS)
    seconds: dict[str, float] = {}
    found = rerun(executed, seconds.__setitem__)
    metric, removed = sorted(found.metrics, key=lambda metric: metric.run)
    assert (metric.run, removed.run) == ("tiny/line", "tiny/removed")
    assert found.metrics_out_of_tolerance == [removed]
    assert metric.stored and metric.new
    assert (metric.stored.value, metric.new.value, metric.within_tolerance) == (2.005, 2.0, True)
    assert [figure.label for figure in found.figures] == ["fig-line", "tbl-heights"]
    assert not found.figures_changed
    assert [(claim.name, str(claim)) for claim in found.claims] == [
        ("line-rises", "does not hold, was holds")
    ]
    assert list(seconds) == ["01_tiny"]
    assert not (executed.rerun_root / "stale").exists()
    assert "2.005" in metrics.read_text()


@pytest.mark.parametrize(("label", "code"), [("height", 0), ("depth", 1)])
def test_exit_code_is_1_if_anything_changed(
    executed: Project, monkeypatch: pytest.MonkeyPatch, label: str, code: int
) -> None:
    path = executed.root / "figures/01_tiny/plots.json"
    path.write_text(path.read_text().replace('"height"', f'"{label}"'))
    monkeypatch.setenv(ROOT_VARIABLE, str(executed.root))
    monkeypatch.setenv("COLUMNS", "200")
    result = shell(["notebook", "rerun"])
    assert result.exit_code == code
    assert ("fig-line: axes 1, y, label: 'height' was 'depth'" in result.output) is bool(code)
    assert f"0 of 1 metrics outside their tolerance, {code} of 2 figures" in result.output
    assert "the new output is in _build/rerun" in result.output


def test_rerun_without_notebooks_is_an_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.notebooks / "01_tiny.py").unlink()
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    assert shell(["notebook", "rerun"]).exit_code == 1
