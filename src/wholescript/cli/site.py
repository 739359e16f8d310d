"""Commands of the site, and of what can be checked in it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from wholescript.cli.base import app, err, out

# The modules behind a command are imported when it runs: `--help` answers at once.


@app.command()
def site() -> None:
    """Build the site, if anything that it is made of has changed."""
    from wholescript.project import Project
    from wholescript.publish.site.build import build_site

    build = build_site(Project())
    if not build.ok:
        raise typer.Exit(1)
    what = "current" if build.skipped else "built"
    out.print(f"{what}: _build/html/index.html", highlight=False)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 8000,
) -> None:
    """Serve the site on localhost; build it again and reload its pages as you write."""
    from wholescript.project import Project
    from wholescript.publish.site.dev_server import serve as serve_site

    def log(text: str) -> None:
        out.print(text, markup=False, highlight=False, soft_wrap=True)

    serve_site(Project(), port, log)


@app.command()
def check() -> None:
    """Say what is wrong with the committed notebooks, figures and results."""
    from wholescript.project import Project
    from wholescript.publish.checks import find_problems

    found = find_problems(Project())
    for line in found:
        err.print(line, markup=False, highlight=False, soft_wrap=True)
    if found:
        raise typer.Exit(1)


@app.command()
def claims() -> None:
    """Evaluate every claim of the report on the stored results; 1 where one is broken."""
    from wholescript.project import Project
    from wholescript.publish.claims import evaluate_claims

    found = evaluate_claims(Project().root).values()
    table = Table("claim", "holds", "what it says")
    for one in found:
        table.add_row(one.name, "yes" if one.holds else "[red]NO[/red]", one.error or one.statement)
    out.print(table)
    if broken := sum(not one.holds for one in found):
        out.print(f"{broken} of {len(found)} claims are broken", highlight=False)
        raise typer.Exit(1)


@app.command()
def why(
    name: Annotated[str, typer.Argument(help="A notebook, or a run as <group>/<name>.")],
) -> None:
    """Say why a notebook or a run is stale, or that it is current; 1 where it is stale."""
    from wholescript.project import Project
    from wholescript.publish.provenance.explain import explain_staleness as explain

    _print_answer(explain(Project(), name), "current: nothing it depends on has changed", "stale")


@app.command()
def verify(
    file: Annotated[
        Path, typer.Argument(help="A saved PNG, SVG, CSV or JSON of the report, or its archive.")
    ],
) -> None:
    """Say whether this tree would make a saved figure or table, or whether an archive is whole."""
    if file.suffix == ".zip":
        _verify_archive(file)
        return
    from wholescript.project import Project
    from wholescript.publish.provenance.explain import verify as check_file

    _print_answer(check_file(Project(), file), "this tree makes it", "this tree makes another")


def _verify_archive(file: Path) -> None:
    from wholescript.publish.site.archive import archive_errors

    faults = archive_errors(file)
    for fault in faults:
        err.print(f"{file.name}: {fault}", markup=False, highlight=False, soft_wrap=True)
    if faults:
        raise typer.Exit(1)
    out.print(f"{file.name}: every file is as it was built", highlight=False, soft_wrap=True)


def _print_answer(answer: Any, fine: str, not_fine: str) -> None:
    out.print(
        f"{answer.subject}: {fine if answer.current else not_fine}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    for change in answer.changes:
        out.print(f"  {change}", markup=False, highlight=False, soft_wrap=True)
    if not answer.current:
        raise typer.Exit(1)
