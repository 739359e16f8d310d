"""`wholescript notebook`: execute notebooks, and compare their output with the stored one."""

import sys
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from wholescript.cli.help import as_typed
from wholescript.cli.options import PARAMETER_OPTION
from wholescript.cli.output import EN_DASH, cell, echo, print_rows

group = App(name="notebook")


@group.command
def run(
    notebook: Annotated[str, Parameter(help="Name, number or path of a notebook.")],
    *,
    parameter: Annotated[
        tuple[tuple[str, str], ...],
        Parameter(
            name=PARAMETER_OPTION,
            allow_leading_hyphen=True,
            help="NAME VALUE of a parameter to override; repeatable. For films of your own: "
            "`-p source local -p path films.parquet`, with the columns film_id, title, year, text "
            "(the whole screenplay) and the target, nominated_for_writing (0 or 1). Optional: "
            "group, the same for drafts and remakes of a film. For labelled texts, notebooks 07 to "
            "09: `-p source local -p path tickets.csv -p text_column Body "
            "-p label_column Category`. A relative path is one from the working directory. "
            "`wholescript notebook list` shows all parameters.",
        ),
    ] = (),
) -> None:
    """Execute a notebook; with overridden parameters the output goes to _build/runs.

    Values of the parameter scale:

    - smoke: a minute a notebook, every model family. 120 bundled films, or 24 of
      your own with 4 chunks each, in 2 folds; 1,000 labelled texts or headlines,
      1 epoch, 1 seed
    - cpu: minutes a notebook on two cores. All films, in 5 folds 5 times; labelled
      texts with fewer epochs, fewer large models and 1 seed; 6,000 headlines
    - full: films in 5 folds 20 times; of notebooks 07 to 10 the published recipe,
      hours to days. The other notebooks are published at cpu

    The first table of notebooks 07 to 10 has the numbers.

    Example: `wholescript notebook run 01_corpus -p source hub -p seed 1`
    """
    from wholescript.files import shown_path
    from wholescript.project import Project
    from wholescript.publish.execution import run_notebook

    path = run_notebook(notebook, dict(parameter), project=Project())
    echo(f"wrote {shown_path(path)}")


@group.command
def rerun(
    *notebook: Annotated[
        str,
        Parameter(help="Names or numbers of notebooks; default: all but 02 to 04, the longest."),
    ],
    scale: Annotated[
        Literal["smoke", "cpu", "full"] | None,
        Parameter(
            help="With it all notebooks are executed by default; `wholescript notebook run --help` "
            "says what each is; default: as published, and of notebooks 07 to 10, which publish "
            "stored runs, cpu for 07 and smoke for the others."
        ),
    ] = None,
) -> None:
    """Execute notebooks from nothing and list what changed.

    A notebook that publishes stored runs trains on the bundled texts instead;
    of its runs, those that are stored too are compared. Of measured time and
    memory only ratios are compared. Stored runs that were not made are listed
    with the reason and the command that makes them. The exit code is 1 if
    anything differs by more than its tolerance.

    Example: `wholescript notebook rerun 01 08 --scale cpu`
    """
    from wholescript.files import shown_path
    from wholescript.project import Project
    from wholescript.publish.rerun import rerun as rerun_notebooks

    project = Project()
    found = rerun_notebooks(
        project, notebook, scale, lambda one: echo(f"{one.name}: {one.seconds / 60:.1f} min")
    )
    _print_not_made(found.not_made)
    _print_notebooks(found.notebooks)
    _print_metrics(found.comparison.metrics_out_of_tolerance)
    _print_changes(found.comparison)
    minutes = sum(one.seconds for one in found.notebooks) / 60
    made = sum(one.n_made for one in found.notebooks)
    where = shown_path(project.rerun_root)
    echo(f"{made:,} metrics made in {minutes:.1f} min; the new output is in {where}")
    if not (found.comparison.unchanged and found.notebooks):
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


def _print_not_made(groups: Any) -> None:
    for group in groups:
        runs = "run" if group.n_runs == 1 else "runs"
        hours = f", {group.hours:.1f} h" if group.hours >= 0.05 else ""
        echo(
            f"not made: {group.n_runs:,} {runs} ({group.n_metrics:,} metrics{hours}) of "
            f"{group.notebook}: {group.reason}\n  {group.command}"
        )


def _print_notebooks(notebooks: Any) -> None:
    rows = [
        [
            one.name,
            ", ".join(f"{k}={v}" for k, v in one.changed.items()) or "as published",
            f"{one.seconds / 60:.1f}",
            f"{one.n_made:,}",
            f"{one.n_compared:,}",
        ]
        for one in notebooks
    ]
    if rows:
        print_rows(["notebook", "parameters", "minutes", "metrics made", "compared"], rows)


def _print_metrics(metrics: Any) -> None:
    rows = []
    for m in metrics:
        values = [metric.value if metric else None for metric in (m.stored, m.new)]
        cells = [cell(value) for value in (*values, m.difference, m.tolerance)]
        rows.append([m.run, m.name, *cells])
    if rows:
        title = "Metrics outside their tolerance"
        print_rows(["run", "metric", "stored", "new", "difference", "tolerance"], rows, title)


def _print_changes(found: Any) -> None:
    lines = [
        f"{f.label}: {difference}" for f in found.figures_changed for difference in f.differences
    ]
    lines += [f"claim {c.name}: {c}" for c in found.claims]
    n_metrics, n_figures = len(found.metrics_out_of_tolerance), len(found.figures_changed)
    compared = [metric for metric in found.metrics if not metric.measured]
    lines.append(
        f"{n_metrics:,} of {len(compared):,} metrics outside their tolerance, "
        f"{n_figures} of {len(found.figures)} figures and tables changed"
    )
    for line in lines:
        echo(line)
