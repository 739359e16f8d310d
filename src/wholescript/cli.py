"""The command line, `wholescript ...`: thin, everything it does can be done from Python."""

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
    """Execute every notebook from nothing and compare each stored metric within its tolerance."""
    from wholescript.report.project import Project
    from wholescript.report.rerun import rerun as rerun_all

    seconds: dict[str, float] = {}

    def report(name: str, took: float) -> None:
        seconds[name] = took
        out.print(f"{name}: {took:.0f} s", highlight=False)

    comparisons = rerun_all(Project(), report)
    table = Table("run", "metric", "stored", "again", "difference", "tolerance", "")
    for c in comparisons:
        difference = None if c.stored is None or c.again is None else c.again - c.stored
        numbers = [_number(value) for value in (c.stored, c.again, difference, c.tolerance)]
        table.add_row(c.run, c.metric, *numbers, "" if c.within else "[red]outside[/red]")
    out.print(table)
    outside = sum(not c.within for c in comparisons)
    total = sum(seconds.values()) / 60
    out.print(f"{len(comparisons)} metrics, {outside} outside their tolerance; {total:.1f} min")
    if outside or not comparisons:
        raise typer.Exit(1)


def _number(value: float | None) -> str:
    return "missing" if value is None else f"{value:.4f}"


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
