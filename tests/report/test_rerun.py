import math
from pathlib import Path

import pytest

from wholescript.report.project import Project
from wholescript.report.rerun import Comparison, compare, rerun
from wholescript.report.runs import Metric, RunStore


@pytest.mark.parametrize(
    ("again", "within"),
    [(0.75, True), (0.759, True), (0.765, False), (None, False), (math.nan, False)],
)
def test_a_metric_is_within_its_tolerance_or_outside(again: float | None, within: bool) -> None:
    assert Comparison("g/n", "auc", 0.75, again, 0.01).within is within


def test_a_run_that_only_one_side_has_is_outside(tmp_path: Path) -> None:
    stored, again = RunStore(tmp_path / "a"), RunStore(tmp_path / "b")
    stored.save("g/old", {"key": "k"}, {"auc": Metric(0.7)})
    again.save("g/new", {"key": "k"}, {"auc": Metric(0.7)})
    found = compare(stored, again)
    assert [(c.run, c.stored, c.again, c.within) for c in found] == [
        ("g/new", None, 0.7, False),
        ("g/old", 0.7, None, False),
    ]


def test_a_rerun_makes_all_anew_and_touches_nothing(executed: Project) -> None:
    config = executed.root / "results" / "tiny" / "line" / "metrics.json"
    config.write_text(config.read_text().replace("2.0", "2.005"))
    (executed.rerun / "stale").mkdir(parents=True)
    seconds: dict[str, float] = {}
    found = rerun(executed, seconds.__setitem__)
    assert found == [Comparison("tiny/line", "height", 2.005, 2.0, 0.01)]
    assert found[0].within
    assert list(seconds) == ["01_tiny"]
    assert not (executed.rerun / "stale").exists()
    assert "2.005" in config.read_text()
