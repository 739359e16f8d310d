"""Everything made again from nothing, and held against what is stored."""

import shutil
import time
from collections.abc import Callable

from wholescript.report.claims import FILE
from wholescript.report.comparison.trees import Comparison, compare_trees
from wholescript.report.notebooks import run_notebook
from wholescript.report.project import Project


def rerun(project: Project, report: Callable[[str, float], None]) -> Comparison:
    """Execute every notebook with an empty output root and compare all that it holds.

    `report` is told the name of each notebook and the seconds it took. Nothing published is read
    but the data, and nothing published is written. The claims are those of the project, evaluated
    on both results.
    """
    shutil.rmtree(project.rerun, ignore_errors=True)
    for name in project.notebook_names():
        start = time.perf_counter()
        run_notebook(name, output=project.rerun, project=project)
        report(name, time.perf_counter() - start)
    if (claims := project.root / FILE).exists():
        (project.rerun / FILE).parent.mkdir(parents=True)
        shutil.copy(claims, project.rerun / FILE)
    return compare_trees(project.root, project.rerun)
