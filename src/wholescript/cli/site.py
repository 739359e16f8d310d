"""`wholescript site`: build, serve and check the report."""

import sys
from pathlib import Path
from typing import Annotated

from annotated_types import Interval
from cyclopts import App, Parameter

from wholescript.cli.output import echo, print_rows, warn

Port = Annotated[int, Interval(ge=0, le=65_535)]

group = App(name="site")


@group.command
def build() -> None:
    """Build the site if one of its sources has changed.

    Example: `wholescript site build`
    """
    from wholescript.files import shown_path
    from wholescript.project import Project
    from wholescript.publish.site.build import build_site

    project = Project()
    built = build_site(project)
    if not built.ok:
        sys.exit(1)
    page = project.build / "html" / "index.html"
    echo(f"{'up to date' if built.skipped else 'built'}: {shown_path(page)}")


@group.command
def serve(
    *, port: Annotated[Port, Parameter(help="Port on localhost; 0: any free port.")] = 8000
) -> None:
    """Serve the site on localhost; rebuild it and reload its pages when a source changes.

    Example: `wholescript site serve --port 9000`; Ctrl-C ends it
    """
    from wholescript.project import Project
    from wholescript.publish.site.dev_server import serve as serve_site

    serve_site(Project(), port, echo)


@group.command
def check(
    *,
    runs: Annotated[
        bool, Parameter(negative=(), help="List the runs that were made by other source code.")
    ] = False,
) -> None:
    """List problems of the committed notebooks, figures and results; exit code 1 if any.

    Example: `wholescript site check`
    """
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
            + (":" if runs else " (--runs lists them; `notebook rerun` makes them again)")
        )
        for name in other if runs else ():
            echo(f"  {name}")
    if found:
        sys.exit(1)


@group.command
def diagrams() -> None:
    """Draw the diagrams of the pages in report/diagrams from the settings of the code.

    Example: `wholescript site diagrams`
    """
    from wholescript.files import shown_path
    from wholescript.project import Project
    from wholescript.publish.diagrams.write import write_diagrams

    changed = write_diagrams(Project())
    for path in changed:
        echo(f"drawn: {shown_path(path)}")
    if not changed:
        echo("all diagrams are as the code draws them")


@group.command
def claims() -> None:
    """Evaluate all claims of the report on the stored results; exit code 1 if one is false.

    Example: `wholescript site claims`
    """
    from wholescript.project import Project
    from wholescript.publish.claims import evaluate_claims

    found = evaluate_claims(Project().root).values()
    rows = [[c.name, "yes" if c.holds else "NO", c.error or c.statement] for c in found]
    print_rows(["claim", "holds", "statement or error"], rows)
    if broken := sum(not one.holds for one in found):
        echo(f"{broken} of {len(found)} claims do not hold")
        sys.exit(1)


@group.command
def verify(
    file: Annotated[
        Path,
        Parameter(help="A downloaded figure or table, its name or label, or the archive (.zip)."),
    ],
) -> None:
    """Check a saved figure or table against this checkout, or the checksums of an archive.

    Example: `wholescript site verify fig-auc.png`
    """
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
        sys.exit(1)


def _verify_archive(file: Path) -> None:
    from wholescript.publish.site.archive import archive_errors

    errors = archive_errors(file)
    for error in errors:
        warn(f"{file.name}: {error}")
    if errors:
        sys.exit(1)
    echo(f"{file.name}: all checksums match")
