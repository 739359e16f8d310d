"""`wholescript notebook`: execute notebooks, and compare their output with the stored one."""

import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from wholescript.cli.help import as_typed
from wholescript.cli.output import EN_DASH, cell, echo, print_rows

group = App(name="notebook")


@group.command
def run(
    notebook: Annotated[str, Parameter(help="Name, number or path of a notebook.")],
    *,
    parameter: Annotated[
        tuple[tuple[str, str], ...],
        Parameter(
            name=["--parameter", "-p"],
            allow_leading_hyphen=True,
            help="NAME VALUE of a parameter to override; repeatable. For films of your own: "
            "`-p source local -p path films.parquet`, with the columns film_id, title, year, text "
            "(the whole screenplay) and the target, nominated_for_writing (0 or 1). Optional: "
            "group, the same for drafts and remakes of a film.",
        ),
    ] = (),
) -> None:
    """Execute a notebook; with overridden parameters the output goes to _build/runs.

    Example: `wholescript notebook run 01_corpus -p source hub -p seed 1`
    """
    from wholescript.project import Project
    from wholescript.publish.execution import run_notebook

    project = Project()
    path = run_notebook(notebook, dict(parameter), project=project)
    shown = path.relative_to(project.root) if path.is_relative_to(project.root) else path
    echo(f"wrote {shown}")


@group.command
def rerun() -> None:
    """Execute all notebooks from scratch and list what changed; exit code 1 if anything did.

    Example: `wholescript notebook rerun` (about an hour)
    """
    from wholescript.project import Project
    from wholescript.publish.rerun import rerun as rerun_all

    project, seconds = Project(), {}

    def print_notebook(name: str, elapsed: float) -> None:
        seconds[name] = elapsed
        echo(f"{name}: {elapsed:.0f} s")

    found = rerun_all(project, print_notebook)
    _print_metrics(found.metrics)
    _print_changes(found)
    echo(f"{sum(seconds.values()) / 60:.1f} min; the new output is in _build/rerun")
    if not (found.unchanged and found.metrics):
        sys.exit(1)


@group.command(name="list")
def list_notebooks() -> None:
    """List the notebooks with their parameters and published values.

    Example: `wholescript notebook list`
    """
    from wholescript.project import Project
    from wholescript.publish.parameters import published_parameters

    project = Project()
    for name in project.notebook_names():
        values = published_parameters(project, name)
        echo(name)
        for key, value in values.items():
            echo(f"  {key} {as_typed(value) or EN_DASH}")


def _print_metrics(metrics: Any) -> None:
    rows = []
    for m in metrics:
        values = [metric.value if metric else None for metric in (m.stored, m.new)]
        cells = [cell(value) for value in (*values, m.difference, m.tolerance)]
        rows.append([m.run, m.name, *cells, EN_DASH if m.within_tolerance else "outside"])
    if rows:
        print_rows(["run", "metric", "stored", "new", "difference", "tolerance", ""], rows)


def _print_changes(found: Any) -> None:
    lines = [
        f"{f.label}: {difference}" for f in found.figures_changed for difference in f.differences
    ]
    lines += [f"claim {c.name}: {c}" for c in found.claims]
    n_metrics, n_figures = len(found.metrics_out_of_tolerance), len(found.figures_changed)
    lines.append(
        f"{n_metrics} of {len(found.metrics)} metrics outside their tolerance, "
        f"{n_figures} of {len(found.figures)} figures and tables changed"
    )
    for line in lines:
        echo(line)
