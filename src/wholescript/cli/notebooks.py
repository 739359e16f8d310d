"""Commands that execute notebooks and compare what they made."""

import csv
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from wholescript.cli.base import NameValue, app, err, out

# The modules behind a command are imported when it runs: `--help` answers at once.


@app.command(cls=NameValue)
def run(
    notebook: Annotated[str, typer.Argument(help="Name, number or path of a notebook.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME VALUE", help="Other than published."),
    ] = None,
) -> None:
    """Execute a notebook; with parameters of your own its output goes to _build/runs."""
    from wholescript.project import Project
    from wholescript.publish.execution import run_notebook

    project = Project()
    pairs = [pair.partition("=") for pair in parameter or []]
    path = run_notebook(notebook, {name: value for name, _, value in pairs}, project=project)
    shown = path.relative_to(project.root) if path.is_relative_to(project.root) else path
    out.print(f"wrote {shown}", highlight=False)


@app.command()
def rerun() -> None:
    """Execute every notebook from nothing and say what moved; 1 where anything did."""
    from wholescript.project import Project
    from wholescript.publish.comparison.page import write_comparison
    from wholescript.publish.rerun import rerun as rerun_all

    project, seconds = Project(), {}

    def report(name: str, took: float) -> None:
        seconds[name] = took
        out.print(f"{name}: {took:.0f} s", highlight=False)

    found = rerun_all(project, report)
    _print_metrics(found.metrics)
    _print_changes(found)
    page = project.rerun_root / "report.html"
    write_comparison(found, page, title="Made again from nothing", sides=["stored", "new"])
    minutes = sum(seconds.values()) / 60
    out.print(f"{minutes:.1f} min; wrote {page.relative_to(project.root)}", highlight=False)
    if not (found.unchanged and found.metrics):
        raise typer.Exit(1)


@app.command(cls=NameValue)
def sweep(
    notebook: Annotated[str, typer.Argument(help="Name, number or path of a notebook, or all.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME VALUES", help="Values, with commas."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Folder under _build/sweeps.")] = None,
) -> None:
    """Execute notebooks over every combination of values, and set the results side by side."""
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
    out.print(f"wrote {page.relative_to(project.root)}", highlight=False, soft_wrap=True)
    failed = list(failures(combos))
    for line in failed:
        err.print(f"failed: {line}", markup=False, highlight=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@app.command()
def diff(
    revision: Annotated[str, typer.Argument(metavar="REV", help="A commit, branch or tag.")],
    output: Annotated[Path | None, typer.Option(help="The page; default _build/diff.html.")] = None,
) -> None:
    """Say what moved since a commit (numbers, figures, parameters, claims), and write a page."""
    from wholescript.project import Project
    from wholescript.publish.comparison.page import write_comparison
    from wholescript.publish.comparison.git_revision import checkout_outputs
    from wholescript.publish.comparison.outputs import compare_outputs

    project = Project()
    page = output or project.build / "diff.html"
    with checkout_outputs(project.root, revision) as before:
        found = compare_outputs(before, project.root)
        title = f"What moved since {revision}"
        write_comparison(found, page, title=title, sides=[revision, "working tree"])
    _print_metrics(found.metrics_out_of_tolerance)
    _print_changes(found)
    out.print(f"wrote {page}", highlight=False, soft_wrap=True)


@app.command()
def pipeline() -> None:
    """Write dvc.yaml and params.yaml from the notebooks."""
    from wholescript.project import Project
    from wholescript.publish.pipeline import write_pipeline

    for path in write_pipeline(Project()):
        out.print(f"wrote {path.name}", highlight=False)


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
    lines = [f"{f.label}: {words}" for f in found.figures_changed for words in f.differences]
    lines += map(str, found.parameters)
    lines += [f"claim {c.name}: {c}" for c in found.claims]
    lines.append(
        f"{len(found.metrics_out_of_tolerance)} of {len(found.metrics)} metrics outside their tolerance, "
        f"{len(found.figures_changed)} of {len(found.figures)} figures and tables moved"
    )
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
