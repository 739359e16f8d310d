"""Commands that execute notebooks and compare their outputs."""

from typing import Annotated, Any

import typer
from rich.table import Table

from wholescript.cli.base import NameValue, app, echo, out


@app.command(cls=NameValue)
def run(
    notebook: Annotated[str, typer.Argument(help="Name, number or path of a notebook.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p", "--parameter", metavar="NAME VALUE", help="Override a parameter; repeatable."
        ),
    ] = None,
) -> None:
    """Execute a notebook; with overridden parameters the output goes to _build/runs."""
    from wholescript.project import Project
    from wholescript.publish.execution import run_notebook

    project = Project()
    pairs = [pair.partition("=") for pair in parameter or []]
    path = run_notebook(notebook, {name: value for name, _, value in pairs}, project=project)
    shown = path.relative_to(project.root) if path.is_relative_to(project.root) else path
    echo(f"wrote {shown}")


@app.command()
def rerun() -> None:
    """Execute all notebooks from scratch and list what changed; exit code 1 if anything did."""
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
        raise typer.Exit(1)


notebook_commands = typer.Typer(no_args_is_help=True, help="Execute and compare notebooks.")
notebook_commands.command("run", cls=NameValue)(run)
notebook_commands.command("rerun")(rerun)
app.add_typer(notebook_commands, name="notebook")


def _print_metrics(metrics: Any) -> None:
    from wholescript.publish.comparison.outputs import number

    table = Table("run", "metric", "stored", "new", "difference", "tolerance", "")
    for m in metrics:
        values = [metric.value if metric else None for metric in (m.stored, m.new)]
        cells = [number(value) for value in (*values, m.difference, m.tolerance)]
        table.add_row(m.run, m.name, *cells, "" if m.within_tolerance else "[red]outside[/red]")
    if metrics:
        out.print(table)


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
