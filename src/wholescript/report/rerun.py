"""Everything made again from nothing, and each stored metric compared within its tolerance."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

from wholescript.report.notebooks import run_notebook
from wholescript.report.project import Project
from wholescript.report.runs import Run, RunStore


@dataclass(frozen=True)
class Comparison:
    """A stored metric and the same made again; None where one of the two is missing."""

    run: str
    metric: str
    stored: float | None
    again: float | None
    tolerance: float

    @property
    def within(self) -> bool:
        """Whether both are there, no further apart than the tolerance."""
        if self.stored is None or self.again is None:
            return False
        return abs(self.stored - self.again) <= self.tolerance


def rerun(project: Project, report: Callable[[str, float], None]) -> list[Comparison]:
    """Execute every notebook with an empty output root and compare all metrics.

    `report` is told the name of each notebook and the seconds it took. Nothing published is read
    but the data, and nothing published is written.
    """
    shutil.rmtree(project.rerun, ignore_errors=True)
    for name in project.notebook_names():
        start = time.perf_counter()
        run_notebook(name, output=project.rerun, project=project)
        report(name, time.perf_counter() - start)
    return compare(RunStore(project.root / "results"), RunStore(project.rerun / "results"))


def compare(stored: RunStore, again: RunStore) -> list[Comparison]:
    """Compare all metrics of all runs of two stores, by name."""
    found = []
    for name in sorted({*stored.names(), *again.names()}):
        old, new = _values(stored.find(name)), _values(again.find(name))
        for metric in [*old, *(m for m in new if m not in old)]:
            tolerance = (old.get(metric) or new[metric])[1]
            a, b = old.get(metric), new.get(metric)
            found.append(Comparison(name, metric, a and a[0], b and b[0], tolerance))
    return found


def _values(run: Run | None) -> dict[str, tuple[float, float]]:
    return {k: (m.value, m.tolerance) for k, m in run.metrics.items()} if run else {}
