"""Commands that build, serve and check the site."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from wholescript.cli.base import app, echo, out, warn


@app.command()
def site() -> None:
    """Build the site if one of its sources has changed."""
    from wholescript.project import Project
    from wholescript.publish.site.build import build_site

    build = build_site(Project())
    if not build.ok:
        raise typer.Exit(1)
    echo(f"{'up to date' if build.skipped else 'built'}: _build/html/index.html")


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free port.")] = 8000,
) -> None:
    """Serve the site on localhost; rebuild it and reload its pages when a source changes."""
    from wholescript.project import Project
    from wholescript.publish.site.dev_server import serve as serve_site

    serve_site(Project(), port, echo)


@app.command()
def check(
    runs: Annotated[
        bool, typer.Option("--runs", help="List the runs that were made by other source code.")
    ] = False,
) -> None:
    """List problems of the committed notebooks, figures and results; exit code 1 if any."""
    from wholescript.experiments.origin import made_by_other_code
    from wholescript.project import Project
    from wholescript.publish.checks import find_problems

    project = Project()
    found = find_problems(project)
    for line in found:
        warn(line)
    if other := made_by_other_code(project):
        echo(
            f"{len(other)} stored runs were made by other source code than this tree's"
            + (":" if runs else " (--runs lists them; `wholescript rerun` makes them again)")
        )
        for name in other if runs else ():
            echo(f"  {name}")
    if found:
        raise typer.Exit(1)


@app.command()
def claims() -> None:
    """Evaluate all claims of the report on the stored results; exit code 1 if one is false."""
    from wholescript.project import Project
    from wholescript.publish.claims import evaluate_claims

    found = evaluate_claims(Project().root).values()
    table = Table("claim", "holds", "statement or error")
    for one in found:
        table.add_row(one.name, "yes" if one.holds else "[red]NO[/red]", one.error or one.statement)
    out.print(table)
    if broken := sum(not one.holds for one in found):
        echo(f"{broken} of {len(found)} claims do not hold")
        raise typer.Exit(1)


@app.command()
def verify(
    file: Annotated[
        Path,
        typer.Argument(
            help="A figure or table as downloaded, its name or label, or the archive (.zip)."
        ),
    ],
) -> None:
    """Check a saved figure or table against this checkout, or the checksums of an archive."""
    if file.suffix == ".zip":
        _verify_archive(file)
        return
    from wholescript.project import Project
    from wholescript.publish.provenance.verify import verify_file

    found = verify_file(Project(), file)
    state = "matches this checkout" if found.matches else "does not match this checkout"
    echo(f"{found.subject}: {state}")
    for difference in found.differences:
        echo(f"  {difference}")
    if not found.matches:
        raise typer.Exit(1)


def _verify_archive(file: Path) -> None:
    from wholescript.publish.site.archive import archive_errors

    errors = archive_errors(file)
    for error in errors:
        warn(f"{file.name}: {error}")
    if errors:
        raise typer.Exit(1)
    echo(f"{file.name}: all checksums match")
