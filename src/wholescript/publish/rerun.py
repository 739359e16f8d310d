"""Execute all notebooks from scratch and compare the results with the stored ones."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace

from wholescript.experiments.results import Results
from wholescript.project import Project
from wholescript.publish.claims import FILE
from wholescript.publish.comparison.outputs import Comparison, compare_outputs
from wholescript.publish.execution import run_notebook


def rerun(project: Project, on_notebook: Callable[[str, float], None]) -> Comparison:
    """Execute every notebook with an empty output root and compare it with the published output.

    `on_notebook` is called with the name of each notebook and its time in seconds. Published
    results are neither read nor written. The claims of the project are evaluated on both results.
    Stored runs that were made by a command, not by a notebook, are not compared.
    """
    shutil.rmtree(project.rerun_root, ignore_errors=True)
    for name in project.notebook_names():
        start = time.perf_counter()
        run_notebook(name, output=project.rerun_root, project=project)
        on_notebook(name, time.perf_counter() - start)
    if (claims := project.root / FILE).exists():
        (project.rerun_root / FILE).parent.mkdir(parents=True)
        shutil.copy(claims, project.rerun_root / FILE)
    comparison = compare_outputs(project.root, project.rerun_root)
    stored = Results(project.root / "results")
    by_command = {run for run in stored.names() if "cell" not in stored.config(run)}
    return replace(
        comparison,
        metrics=[m for m in comparison.metrics if m.new or m.run not in by_command],
    )
