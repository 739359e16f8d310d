"""The command line, `wholescript ...`: thin, everything it does can be done from Python."""

import csv
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperCommand, TyperGroup

from wholescript.errors import ParameterError, WholeScriptError

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


@app.command("train-texts")
def train_texts(
    parquet: Annotated[Path, typer.Argument(metavar="FILMS", help="Parquet with the texts.")],
    only: Annotated[list[str] | None, typer.Option(help="One model; may be repeated.")] = None,
) -> None:
    """Train the models that read texts on the bundled films; a killed training goes on."""
    from wholescript.report.texts import train_texts

    for run in train_texts(parquet, only or ()):
        auc = run.metrics["auc"]
        out.print(f"{run.name}: AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})")


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
    runtime: Annotated[str | None, typer.Option(help="auto | torch | openvino")] = None,
    precision: Annotated[str | None, typer.Option(help="auto | float32 | bfloat16")] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="This machine's processes, or a Ray cluster.")
    ] = "local",
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster, for engine ray.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes here; default one a core.")] = None,
) -> None:
    """Count words and tokens and embed the chunks of all scripts; can be killed and resumed."""
    from wholescript.data import load_corpus
    from wholescript.features.build import build_features, load_features
    from wholescript.features.extract import FeatureSettings

    given = {
        "layers": layers,
        "chunk_length": chunk_length,
        "chunk_overlap": chunk_overlap,
        "engine": runtime,
        "precision": precision,
    }
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings = FeatureSettings(**chosen)
    extract = _extraction(engine, address, workers)
    corpus = load_corpus(source, path, target=target, core_only=core_only)
    if output is None:
        load_features(corpus, settings, extract=extract)
        out.print(f"the features of {len(corpus)} films are in the cache")
    else:
        error = build_features(corpus, output, settings, extract=extract)
        out.print(f"wrote the features of {len(corpus)} films to {output}; {error}")


def _extraction(engine: str, address: str | None, workers: int | None) -> Any:
    if engine == "ray":
        from wholescript.features.on_ray import extract_records_on_ray

        return partial(extract_records_on_ray, address=address, workers=workers)
    from wholescript.features.extract import extract_records

    if address:
        raise ParameterError(f"the engine local has no address, such as {address}: --engine ray")
    return partial(extract_records, workers=workers)


@app.command()
def names(
    path: Annotated[Path | None, typer.Option(help="A Parquet file, or a copy of the hub.")] = None,
    source: Annotated[str, typer.Option(help="local | hub")] = "local",
) -> None:
    """Find out from scripts which of the bundled words are names, and write data/names.txt."""
    from wholescript.data import load_corpus
    from wholescript.errors import DataError
    from wholescript.features.build import BUNDLE
    from wholescript.features.bundle import read_bundle
    from wholescript.features.names import write_names

    corpus = load_corpus(source, path)
    if corpus.texts is None:
        raise DataError("bundled films come without texts: give a local file or the hub's films")
    found = write_names(corpus.texts.values(), read_bundle(BUNDLE).words.vocabulary)
    out.print(f"wrote {found:,} names to data/names.txt", highlight=False)


@app.command()
def tune(
    space: Annotated[Path, typer.Argument(help="What to choose among: search/aggregators.yaml.")],
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster whose nodes share this folder.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes here; default one a core.")] = None,
    trials: Annotated[int, typer.Option(help="How many choices to try.")] = 80,
    name: Annotated[str | None, typer.Option(help="Of the result; default as the file.")] = None,
    source: Annotated[str, typer.Option(help="bundled | local | hub")] = "bundled",
    path: Annotated[Path | None, typer.Option(help="A Parquet file, or a copy of the hub.")] = None,
) -> None:
    """Search the choices of a training with Ray Tune; killed, the same command goes on."""
    from wholescript.data import load_corpus
    from wholescript.features.build import load_features
    from wholescript.models.task import Task
    from wholescript.report.project import Project
    from wholescript.training.search import search
    from wholescript.training.search_results import write_search
    from wholescript.training.space import read_space

    project, found = Project(), read_space(space)
    name = name or space.stem
    corpus = load_corpus(source, path, target=found.protocol.target)
    features = load_features(corpus)
    origin = corpus.provenance
    result = search(
        found,
        Task(corpus.films, corpus.labels, features.groups, features),
        project.build / "search" / name,
        data={"location": origin.location, "fingerprint": origin.fingerprint},
        trials=trials,
        address=address,
        workers=workers,
    )
    stored = project.root / "results" / "search" / f"{name}.json"
    write_search(result, stored)
    best = result.best
    for choice, value in best.config.items():
        if choice not in best.ignored:
            out.print(f"{choice}: {value}", highlight=False)
    last = best.history[-1]
    out.print(
        f"held-out loss {last['held_out_loss']:.4f}, AUC {last['held_out_auc']:.4f}, best of "
        f"{len(result.trials)} trials; wrote {stored.relative_to(project.root)}",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def smoke(
    source: Annotated[str, typer.Option(help="bundled | local | hub")] = "bundled",
    path: Annotated[Path | None, typer.Option(help="A Parquet file, or a copy of the hub.")] = None,
    target: Annotated[str, typer.Option(help="The label to learn.")] = DEFAULT_TARGET,
    seed: Annotated[int, typer.Option(help="Another draws another film.")] = 0,
) -> None:
    """Take one random film through every model, forward and backward; 1 where one is at fault."""
    from wholescript.data import load_corpus
    from wholescript.training.smoke import check_models, draw_film

    drawn = draw_film(load_corpus(source, path, target=target), seed=seed)
    film, chunks = drawn.films.films.iloc[-1], drawn.films.features.chunks.counts[-1]
    about = f"{film['title']} ({film['year']}), {film['n_words']:,} words, {chunks} chunks"
    out.print(f"{about}, drawn with seed {seed}", markup=False, highlight=False)
    if drawn.invented:
        out.print("no text is at hand: token models read random word pieces, of the film's length")
    table = Table("model", "reads", "gives", "gradient", "probability", "seconds")
    faults = []
    for c in check_models(drawn, target, seed=seed):
        shapes = [" x ".join(map(str, shape)) for shape in (c.reads, c.gives)]
        gradient = "" if c.gradient is None else f"{c.gradient:.3g}"
        table.add_row(c.model, *shapes, gradient, f"{c.probability:.3f}", f"{c.seconds:.1f}")
        faults += [f"{c.model}: {fault}" for fault in c.faults]
    out.print(table)
    for fault in faults:
        err.print(fault, markup=False, highlight=False, soft_wrap=True)
    if faults:
        raise typer.Exit(1)


@app.command()
def predict(
    scripts: Annotated[
        list[Path], typer.Argument(metavar="SCRIPT...", help=".txt, .fountain, .fdx or .pdf")
    ],
    year: Annotated[int | None, typer.Option(help="Of the film, to warn of another era.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="PNG or SVG; default SCRIPT.prediction.png.")
    ] = None,
    no_figure: Annotated[bool, typer.Option("--no-figure", help="Draw none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One list, for machines.")] = False,
) -> None:
    """Say how likely a script is of a film nominated for its writing; 2 where one failed."""
    import json
    from dataclasses import asdict

    from wholescript.prediction.figure import figure_of, write_figure
    from wholescript.prediction.predictor import load_predictor
    from wholescript.prediction.reading import predict as judge
    from wholescript.prediction.scripts import read_script, shown
    from wholescript.prediction.wording import explanation, sentence

    drawings = [None] * len(scripts) if no_figure else figure_of(scripts, figure)
    predictor, answers = load_predictor(), list[dict[str, Any]]()
    for path, drawing in zip(scripts, drawings, strict=True):
        name = shown(path)
        try:
            prediction = judge(read_script(path), predictor, year=year)
            if drawing is not None:
                write_figure(prediction, shown(Path(path.name)), drawing)
        except WholeScriptError as error:
            answers.append({"file": name, "error": str(error)})
            err.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
            continue
        answers.append({"file": name, **asdict(prediction), "figure": drawing and shown(drawing)})
        if not as_json:
            lines = [f"{name}: {sentence(prediction)}", *explanation(prediction)]
            lines += [f"figure: {shown(drawing)}"] if drawing is not None else []
            out.print("\n  ".join(lines), markup=False, highlight=False, soft_wrap=True)
    if as_json:
        typer.echo(json.dumps(answers, indent=2))
    if any("error" in answer for answer in answers):
        raise typer.Exit(2)


@app.command("fit-predictor")
def fit_predictor(
    output: Annotated[Path | None, typer.Option(help="Folder; default model/.")] = None,
) -> None:
    """Make the weights that `predict` uses from the bundled features: the same bytes each time."""
    from wholescript.data import load_corpus
    from wholescript.features.build import load_features
    from wholescript.prediction.fitting import make_predictor
    from wholescript.prediction.predictor import MODEL, save_predictor

    corpus = load_corpus()
    predictor = make_predictor(corpus, load_features(corpus))
    save_predictor(predictor, output or MODEL)
    for name, metric in predictor.facts["out_of_fold"].items():
        out.print(f"{name}: {metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})")


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
