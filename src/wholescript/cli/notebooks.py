"""Commands that execute notebooks and compare their outputs."""

import csv
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from wholescript.cli.base import NameValue, app, echo, out, warn


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
    from wholescript.publish.comparison.page import write_comparison
    from wholescript.publish.rerun import rerun as rerun_all

    project, seconds = Project(), {}

    def print_notebook(name: str, elapsed: float) -> None:
        seconds[name] = elapsed
        echo(f"{name}: {elapsed:.0f} s")

    found = rerun_all(project, print_notebook)
    _print_metrics(found.metrics)
    _print_changes(found)
    page = project.rerun_root / "report.html"
    write_comparison(found, page, title="Rerun from scratch", sides=["stored", "new"])
    minutes = sum(seconds.values()) / 60
    echo(f"{minutes:.1f} min; wrote {page.relative_to(project.root)}")
    if not (found.unchanged and found.metrics):
        raise typer.Exit(1)


@app.command(cls=NameValue)
def sweep(
    notebook: Annotated[str, typer.Argument(help="Name, number or path of a notebook, or all.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p", "--parameter", metavar="NAME VALUES", help="Comma-separated values; repeatable."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Folder under _build/sweeps; default: from the notebook.")
    ] = None,
) -> None:
    """Execute notebooks for all combinations of parameter values; write a comparison page."""
    from tqdm import tqdm

    from wholescript.project import Project
    from wholescript.publish.sweep import (
        combinations,
        execute,
        failures,
        sweep_name,
        write_sweep_page,
    )

    project = Project()
    values: dict[str, list[str]] = {}
    for key, _, text in (pair.partition("=") for pair in parameter or []):
        values.setdefault(key, []).extend(next(csv.reader([text])) or [""])
    combos = combinations(project, notebook, values)
    folder = sweep_name(notebook, combos, name)
    for combination in tqdm(combos, desc="sweep", unit="combination"):
        execute(project, combination)
    page = write_sweep_page(project, folder, combos)
    echo(f"wrote {page.relative_to(project.root)}")
    failed = list(failures(combos))
    for line in failed:
        warn(f"failed: {line}")
    if failed:
        raise typer.Exit(1)


@app.command()
def diff(
    revision: Annotated[str, typer.Argument(metavar="REV", help="A commit, branch or tag.")],
    output: Annotated[
        Path | None, typer.Option(help="HTML page to write; default: _build/diff.html.")
    ] = None,
) -> None:
    """List metrics, figures, parameters and claims that changed since a commit; write a page."""
    from wholescript.project import Project
    from wholescript.publish.comparison.git_revision import checkout_outputs
    from wholescript.publish.comparison.outputs import compare_outputs
    from wholescript.publish.comparison.page import write_comparison

    project = Project()
    page = output or project.build / "diff.html"
    with checkout_outputs(project.root, revision) as before:
        found = compare_outputs(before, project.root)
        title = f"Changes since {revision}"
        write_comparison(found, page, title=title, sides=[revision, "working tree"])
    _print_metrics(found.metrics_out_of_tolerance)
    _print_changes(found)
    echo(f"wrote {page}")


@app.command()
def pipeline() -> None:
    """Write dvc.yaml and params.yaml from the notebooks."""
    from wholescript.project import Project
    from wholescript.publish.pipeline import write_pipeline

    for path in write_pipeline(Project()):
        echo(f"wrote {path.name}")


def _print_metrics(metrics: Any) -> None:
    from wholescript.publish.comparison.page import number

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
    lines += map(str, found.parameters)
    lines += [f"claim {c.name}: {c}" for c in found.claims]
    n_metrics, n_figures = len(found.metrics_out_of_tolerance), len(found.figures_changed)
    lines.append(
        f"{n_metrics} of {len(found.metrics)} metrics outside their tolerance, "
        f"{n_figures} of {len(found.figures)} figures and tables changed"
    )
    for line in lines:
        echo(line)
