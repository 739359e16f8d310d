"""The command line, `wholescript ...`: thin, everything it does can be done from Python."""

import csv
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperCommand, TyperGroup

from wholescript.errors import WholeScriptError

DEFAULT_TARGET = "nominated_for_writing"

out = Console()
err = Console(stderr=True)


class _PlainErrors(TyperGroup):
    """Prints the errors that a user can mend as they are, and ends with code 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except WholeScriptError as error:
            err.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            err.print("interrupted: what was written is whole; the same command goes on from there")
            raise typer.Exit(130) from None


class _NameValue(TyperCommand):
    """Takes `-p NAME VALUE`, as papermill does, and hands on `NAME=VALUE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        joined: list[str] = []
        rest = iter(args)
        for arg in rest:
            joined.append(arg)
            if arg in {"-p", "--parameter"} and (name := next(rest, None)) is not None:
                joined.append(name if "=" in name else f"{name}={next(rest, '')}")
        return super().parse_args(ctx, joined)


app = typer.Typer(
    cls=_PlainErrors, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def _describe() -> None:
    """Whole Script: a report on reading long texts, with evidence that anyone can rerun."""


# The modules behind a command are imported when it runs: `--help` answers at once.


@app.command(cls=_NameValue)
def run(
    notebook: Annotated[str, typer.Argument(help="Name, number or path of a notebook.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME VALUE", help="Other than published."),
    ] = None,
) -> None:
    """Execute a notebook; with parameters of your own its output goes to _build/runs."""
    from wholescript.report.notebooks import run_notebook
    from wholescript.report.project import Project

    project = Project()
    pairs = [pair.partition("=") for pair in parameter or []]
    path = run_notebook(notebook, {name: value for name, _, value in pairs}, project=project)
    out.print(f"wrote {path.relative_to(project.root)}", highlight=False)


@app.command()
def rerun() -> None:
    """Execute every notebook from nothing and say what moved; 1 where anything did."""
    from wholescript.report.comparison.page import write_comparison
    from wholescript.report.project import Project
    from wholescript.report.rerun import rerun as rerun_all

    project, seconds = Project(), {}

    def report(name: str, took: float) -> None:
        seconds[name] = took
        out.print(f"{name}: {took:.0f} s", highlight=False)

    found = rerun_all(project, report)
    _print_metrics(found.metrics)
    _print_moved(found)
    page = project.rerun / "report.html"
    write_comparison(found, page, title="Made again from nothing", sides=["stored", "again"])
    minutes = sum(seconds.values()) / 60
    out.print(f"{minutes:.1f} min; wrote {page.relative_to(project.root)}", highlight=False)
    if not (found.same and found.metrics):
        raise typer.Exit(1)


@app.command()
def diff(
    revision: Annotated[str, typer.Argument(metavar="REV", help="A commit, branch or tag.")],
    output: Annotated[Path | None, typer.Option(help="The page; default _build/diff.html.")] = None,
) -> None:
    """Say what moved since a commit (numbers, figures, parameters, claims), and write a page."""
    from wholescript.report.comparison.page import write_comparison
    from wholescript.report.comparison.revisions import unpacked
    from wholescript.report.comparison.trees import compare_trees
    from wholescript.report.project import Project

    project = Project()
    page = output or project.build / "diff.html"
    with unpacked(project.root, revision) as before:
        found = compare_trees(before, project.root)
        title = f"What moved since {revision}"
        write_comparison(found, page, title=title, sides=[revision, "working tree"])
    _print_metrics(found.metrics_outside)
    _print_moved(found)
    out.print(f"wrote {page}", highlight=False, soft_wrap=True)


def _print_metrics(metrics: Any) -> None:
    from wholescript.report.comparison.page import number

    table = Table("run", "metric", "stored", "again", "difference", "tolerance", "")
    for m in metrics:
        values = [metric.value if metric else None for metric in (m.stored, m.again)]
        cells = [number(value) for value in (*values, m.difference, m.tolerance)]
        table.add_row(m.run, m.name, *cells, "" if m.within else "[red]outside[/red]")
    if metrics:
        out.print(table)


def _print_moved(found: Any) -> None:
    lines = [f"{f.label}: {words}" for f in found.figures_moved for words in f.differences]
    lines += map(str, found.parameters)
    lines += [f"claim {c.name}: {c}" for c in found.claims]
    lines.append(
        f"{len(found.metrics_outside)} of {len(found.metrics)} metrics outside their tolerance, "
        f"{len(found.figures_moved)} of {len(found.figures)} figures and tables moved"
    )
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command(cls=_NameValue)
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

    from wholescript.report.project import Project
    from wholescript.report.sweep import combinations, execute, failures, sweep_name, write_page

    project = Project()
    values: dict[str, list[str]] = {}
    for key, _, text in (pair.partition("=") for pair in parameter or []):
        values.setdefault(key, []).extend(next(csv.reader([text])) or [""])
    swept = combinations(project, notebook, values)
    folder = sweep_name(notebook, swept, name)
    for combination in tqdm(swept, desc="sweep", unit="combination"):
        execute(project, combination)
    page = write_page(project, folder, swept)
    out.print(f"wrote {page.relative_to(project.root)}", highlight=False, soft_wrap=True)
    failed = list(failures(swept))
    for line in failed:
        err.print(f"failed: {line}", markup=False, highlight=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@app.command()
def features(
    path: Annotated[Path | None, typer.Option(help="A Parquet file, or a copy of the hub.")] = None,
    source: Annotated[str, typer.Option(help="local | hub")] = "local",
    target: Annotated[str, typer.Option(help="The label that must be known.")] = DEFAULT_TARGET,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the bundle; without it the cache is filled.")
    ] = None,
    core_only: Annotated[bool, typer.Option(help="Leave out films that are not core.")] = False,
    layers: Annotated[int | None, typer.Option(help="Blocks of the encoder that are run.")] = None,
    chunk_length: Annotated[int | None, typer.Option(help="Tokens a chunk.")] = None,
    chunk_overlap: Annotated[int | None, typer.Option(help="Tokens shared by chunks.")] = None,
    engine: Annotated[str | None, typer.Option(help="auto | torch | openvino")] = None,
    precision: Annotated[str | None, typer.Option(help="auto | float32 | bfloat16")] = None,
) -> None:
    """Count words and tokens and embed the chunks of all scripts; can be killed and resumed."""
    from wholescript.data import load_corpus
    from wholescript.features.build import build_features, load_features
    from wholescript.features.extract import FeatureSettings

    given = {
        "layers": layers,
        "chunk_length": chunk_length,
        "chunk_overlap": chunk_overlap,
        "engine": engine,
        "precision": precision,
    }
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings = FeatureSettings(**chosen)
    corpus = load_corpus(source, path, target=target, core_only=core_only)
    if output is None:
        load_features(corpus, settings)
        out.print(f"the features of {len(corpus)} films are in the cache")
    else:
        error = build_features(corpus, output, settings)
        out.print(f"wrote the features of {len(corpus)} films to {output}; {error}")


@app.command()
def site() -> None:
    """Build the site, if anything that it is made of has changed."""
    from wholescript.report.project import Project
    from wholescript.report.site.build import build_site

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
    from wholescript.report.project import Project
    from wholescript.report.site.live import serve as serve_site

    def say(text: str) -> None:
        out.print(text, markup=False, highlight=False, soft_wrap=True)

    serve_site(Project(), port, say)


@app.command()
def pipeline() -> None:
    """Write dvc.yaml and params.yaml from the notebooks."""
    from wholescript.report.pipeline import write_pipeline
    from wholescript.report.project import Project

    for path in write_pipeline(Project()):
        out.print(f"wrote {path.name}", highlight=False)


@app.command()
def check() -> None:
    """Say what is wrong with the committed notebooks, figures and results."""
    from wholescript.report.hygiene import problems
    from wholescript.report.project import Project

    found = problems(Project())
    for line in found:
        err.print(line, markup=False, highlight=False, soft_wrap=True)
    if found:
        raise typer.Exit(1)


@app.command()
def why(
    name: Annotated[str, typer.Argument(help="A notebook, or a run as <group>/<name>.")],
) -> None:
    """Say why a notebook or a run is stale, or that it is current; 1 where it is stale."""
    from wholescript.report.project import Project
    from wholescript.report.provenance.explain import why as explain

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
    from wholescript.report.project import Project
    from wholescript.report.provenance.explain import verify as check_file

    _print_answer(check_file(Project(), file), "this tree makes it", "this tree makes another")


def _verify_archive(file: Path) -> None:
    from wholescript.report.site.archive import archive_faults

    faults = archive_faults(file)
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


@app.command()
def claims() -> None:
    """Evaluate every claim of the report on the stored results; 1 where one is broken."""
    from wholescript.report.claims import evaluate_claims
    from wholescript.report.project import Project

    found = evaluate_claims(Project().root).values()
    table = Table("claim", "holds", "what it says")
    for one in found:
        table.add_row(one.name, "yes" if one.holds else "[red]NO[/red]", one.error or one.statement)
    out.print(table)
    if broken := sum(not one.holds for one in found):
        out.print(f"{broken} of {len(found)} claims are broken", highlight=False)
        raise typer.Exit(1)
