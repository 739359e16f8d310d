"""Commands on screenplays: features, training, search, prediction."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from wholescript.cli.base import DEFAULT_TARGET, app, err, out
from wholescript.errors import ParameterError, WholeScriptError

# The modules behind a command are imported when it runs: `--help` answers at once.


@app.command()
def features(
    path: Annotated[Path | None, typer.Option(help="A Parquet file, or a copy of the hub.")] = None,
    source: Annotated[str, typer.Option(help="local | hub")] = "local",
    target: Annotated[str, typer.Option(help="The label that must be known.")] = DEFAULT_TARGET,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the bundle; without it the cache is filled.")
    ] = None,
    core_only: Annotated[bool, typer.Option(help="Leave out films that are not core.")] = False,
    n_layer: Annotated[int | None, typer.Option(help="Blocks of the encoder that are run.")] = None,
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
    from wholescript.data.films import load_corpus
    from wholescript.features.build import build_features, load_features
    from wholescript.features.extract import FeatureConfig

    given = {
        "layers": n_layer,
        "chunk_length": chunk_length,
        "chunk_overlap": chunk_overlap,
        "engine": runtime,
        "precision": precision,
    }
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings = FeatureConfig(**chosen)
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
        from wholescript.features.extract_ray import extract_records_on_ray

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
    from wholescript.data.films import load_corpus
    from wholescript.errors import DataError
    from wholescript.features.build import BUNDLE_FOLDER
    from wholescript.features.bundle import read_bundle
    from wholescript.features.character_names import write_proper_names

    corpus = load_corpus(source, path)
    if corpus.texts is None:
        raise DataError("bundled films come without texts: give a local file or the hub's films")
    found = write_proper_names(corpus.texts.values(), read_bundle(BUNDLE_FOLDER).words.vocabulary)
    out.print(f"wrote {found:,} names to data/names.txt", highlight=False)


@app.command("train-texts")
def train_end_to_end(
    parquet: Annotated[Path, typer.Argument(metavar="FILMS", help="Parquet with the texts.")],
    only: Annotated[list[str] | None, typer.Option(help="One model; may be repeated.")] = None,
) -> None:
    """Train the models that read texts on the bundled films; a killed training goes on."""
    from wholescript.experiments.store import RunStore
    from wholescript.experiments.workspace import Workspace, activate
    from wholescript.project import Project
    from wholescript.studies.screenplays.train_end_to_end import train_end_to_end

    project = Project()
    activate(Workspace(project, RunStore(project.root / "results")))
    for run in train_end_to_end(parquet, only or ()):
        auc = run.metrics["auc"]
        out.print(f"{run.name}: AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})")


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
    from wholescript.data.films import load_corpus
    from wholescript.features.build import load_features
    from wholescript.models.films.task import Task
    from wholescript.project import Project
    from wholescript.studies.screenplays.search.results import write_search
    from wholescript.studies.screenplays.search.run import search
    from wholescript.studies.screenplays.search.space import read_space

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
        if choice not in best.inactive:
            out.print(f"{choice}: {value}", highlight=False)
    last = best.history[-1]
    out.print(
        f"held-out loss {last['val_loss']:.4f}, AUC {last['val_auc']:.4f}, best of "
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
    from wholescript.data.films import load_corpus
    from wholescript.studies.screenplays.smoke import check_models, sample_film

    sample = sample_film(load_corpus(source, path, target=target), seed=seed)
    film, chunks = sample.task.films.iloc[-1], sample.task.features.chunks.counts[-1]
    about = f"{film['title']} ({film['year']}), {film['n_words']:,} words, {chunks} chunks"
    out.print(f"{about}, drawn with seed {seed}", markup=False, highlight=False)
    if sample.tokens_are_random:
        out.print("no text is at hand: token models read random word pieces, of the film's length")
    table = Table("model", "reads", "gives", "gradient", "probability", "seconds")
    problems = []
    for c in check_models(sample, target, seed=seed):
        shapes = [" x ".join(map(str, shape)) for shape in (c.input_shape, c.output_shape)]
        grad_norm = "" if c.grad_norm is None else f"{c.grad_norm:.3g}"
        table.add_row(c.model, *shapes, grad_norm, f"{c.probability:.3f}", f"{c.seconds:.1f}")
        problems += [f"{c.model}: {fault}" for fault in c.problems]
    out.print(table)
    for fault in problems:
        err.print(fault, markup=False, highlight=False, soft_wrap=True)
    if problems:
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

    from wholescript.prediction.figure import figure_paths, write_figure
    from wholescript.prediction.predictor import load_predictor
    from wholescript.prediction.predict import predict as predict_script
    from wholescript.prediction.parsers import printable_path, read_script
    from wholescript.prediction.text_output import explanation_lines, summary_line

    drawings = [None] * len(scripts) if no_figure else figure_paths(scripts, figure)
    predictor, answers = load_predictor(), list[dict[str, Any]]()
    for path, drawing in zip(scripts, drawings, strict=True):
        name = printable_path(path)
        try:
            prediction = predict_script(read_script(path), predictor, year=year)
            if drawing is not None:
                write_figure(prediction, printable_path(Path(path.name)), drawing)
        except WholeScriptError as error:
            answers.append({"file": name, "error": str(error)})
            err.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
            continue
        answers.append(
            {"file": name, **asdict(prediction), "figure": drawing and printable_path(drawing)}
        )
        if not as_json:
            lines = [f"{name}: {summary_line(prediction)}", *explanation_lines(prediction)]
            lines += [f"figure: {printable_path(drawing)}"] if drawing is not None else []
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
    from wholescript.data.films import load_corpus
    from wholescript.features.build import load_features
    from wholescript.prediction.fit import make_predictor
    from wholescript.prediction.predictor import MODEL_DIR, save_predictor

    corpus = load_corpus()
    predictor = make_predictor(corpus, load_features(corpus))
    save_predictor(predictor, output or MODEL_DIR)
    for name, metric in predictor.manifest["out_of_fold"].items():
        out.print(f"{name}: {metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})")
