"""Everything made again from nothing, and held against what is stored."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace

from wholescript.experiments.results import Results
from wholescript.project import Project
from wholescript.publish.claims import FILE
from wholescript.publish.comparison.trees import Comparison, compare_outputs
from wholescript.publish.execution import run_notebook


def rerun(project: Project, report: Callable[[str, float], None]) -> Comparison:
    """Execute every notebook with an empty output root and compare all that it holds.

    `report` is told the name of each notebook and the seconds it took. Nothing published is read
    but the data, and nothing published is written. The claims are those of the project, evaluated
    on both results. Runs that no cell made, which notebooks read, are not held against anything.
    """
    shutil.rmtree(project.rerun, ignore_errors=True)
    for name in project.notebook_names():
        start = time.perf_counter()
        run_notebook(name, output=project.rerun, project=project)
        report(name, time.perf_counter() - start)
    if (claims := project.root / FILE).exists():
        (project.rerun / FILE).parent.mkdir(parents=True)
        shutil.copy(claims, project.rerun / FILE)
    found = compare_outputs(project.root, project.rerun)
    stored = Results(project.root / "results")
    trained = {run for run in stored.names() if "cell" not in stored.config(run)}
    return replace(found, metrics=[m for m in found.metrics if m.again or m.run not in trained])
