"""Execute notebooks from nothing and compare the results with the stored ones."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wholescript.experiments.results import Results
from wholescript.project import Project
from wholescript.publish.comparison.metrics import is_copy
from wholescript.publish.comparison.outputs import Comparison, compare_outputs
from wholescript.publish.execution import run_notebook
from wholescript.publish.not_made import NotMade, list_not_made
from wholescript.publish.parameters import published_parameters

TRAINED_ON = {"stored": "bundled"}
"""The source with which a notebook is executed again, where it is another than the published."""
LONG = {"02_imbalance": 7, "03_memory": 14, "04_training": 18}
"""The notebooks that a rerun leaves out unless they are named or a scale is given, with the minutes
that they take on two cores. The others make most of the runs that they show."""


@dataclass
class NotebookRerun:
    """A notebook of a rerun: its changed parameters, and how many metrics were made and compared.

    Measured time and memory are made, and not compared.
    """

    name: str
    changed: dict[str, Any]
    seconds: float = 0.0
    n_made: int = 0
    n_compared: int = 0


@dataclass(frozen=True)
class Rerun:
    """The notebooks, what was compared, and the stored runs that were not made."""

    notebooks: list[NotebookRerun]
    comparison: Comparison
    not_made: list[NotMade]


def rerun(
    project: Project,
    names: Sequence[str] = (),
    scale: str | None = None,
    on_notebook: Callable[[NotebookRerun], None] = lambda _: None,
) -> Rerun:
    """Execute notebooks, by default all but `LONG`, with an empty output root; compare the output.

    A notebook that publishes stored runs trains on the bundled texts instead, at `scale`, by
    default smoke. All others have published parameters except `scale`, if one is
    given. `on_notebook` is called after each one.
    Published results are neither read nor written. Notebooks with published parameters are compared
    whole, others by the runs that are stored too (`compare_outputs`).

    Raises:
        ParameterError: there is no such notebook, or it has no such scale.
    """
    notebooks, left_out = choose_notebooks(project, names, scale)
    shutil.rmtree(project.rerun_root, ignore_errors=True)
    for notebook in notebooks:
        start = time.perf_counter()
        run_notebook(notebook.name, notebook.changed, output=project.rerun_root, project=project)
        notebook.seconds = time.perf_counter() - start
        on_notebook(notebook)
    published = {notebook.name for notebook in notebooks if not notebook.changed}
    comparison = compare_outputs(project.root, project.rerun_root, published)
    _count(notebooks, project, comparison)
    made = {metric.run for metric in comparison.metrics}
    executed = {notebook.name: notebook.changed for notebook in notebooks}
    return Rerun(notebooks, comparison, list_not_made(project, made, executed, left_out))


def choose_notebooks(
    project: Project, names: Sequence[str] = (), scale: str | None = None
) -> tuple[list[NotebookRerun], dict[str, int]]:
    """Return the notebooks of a rerun, and those left out for their length with their minutes."""
    every = project.notebook_names()
    left_out = {} if names or scale else {n: minutes for n, minutes in LONG.items() if n in every}
    chosen = names or [name for name in every if name not in left_out]
    stems = {project.notebook_source(name).stem for name in chosen}
    return [NotebookRerun(name, _changed(project, name, scale)) for name in sorted(stems)], left_out


def _changed(project: Project, name: str, scale: str | None) -> dict[str, Any]:
    """Return the parameters with which a notebook is executed, where they are not the published."""
    published = published_parameters(project, name)
    wanted = {} if scale is None else {"scale": scale}
    if (source := published.get("source")) in TRAINED_ON:
        wanted = {"scale": "smoke", **wanted, "source": TRAINED_ON[source]}
    return {key: value for key, value in wanted.items() if published.get(key, value) != value}


def _count(notebooks: Sequence[NotebookRerun], project: Project, comparison: Comparison) -> None:
    stored, new = (Results(root / "results") for root in (project.root, project.rerun_root))
    by_name = {notebook.name: notebook for notebook in notebooks}
    makers: dict[str, NotebookRerun] = {}
    known = set(stored.names())
    for run in new.names():
        maker = by_name.get(new.config(run).get("notebook", ""))
        if maker is not None and not (run in known and is_copy(stored, new, run)):
            makers[run] = maker
            maker.n_made += len(new.metrics(run))
    for metric in comparison.metrics:
        if metric.run in makers and metric.stored and not metric.measured:
            makers[metric.run].n_compared += 1
