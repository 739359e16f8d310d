"""Commands on screenplays: features, training, hyperparameter search, prediction."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from wholescript.cli.base import app, echo, out, warn
from wholescript.cli.options import (
    DEFAULT_TARGET,
    FilmsPath,
    FilmsSource,
    RayAddress,
    ScriptsSource,
    Workers,
)
from wholescript.errors import ParameterError, WholeScriptError
from wholescript.prediction.parsers import FORMATS


@app.command()
def features(
    path: FilmsPath = None,
    source: ScriptsSource = "local",
    target: Annotated[
        str, typer.Option(help="Label column; films without a value are left out.")
    ] = DEFAULT_TARGET,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder to write the feature bundle to; default: only fill the cache."),
    ] = None,
    core_only: Annotated[
        bool,
        typer.Option(
            help="Use only films whose script is a whole, properly typed draft (column `core`)."
        ),
    ] = False,
    n_layer: Annotated[
        int | None, typer.Option(help="Number of encoder layers, the first n; default: 3.")
    ] = None,
    chunk_length: Annotated[
        int | None, typer.Option(help="Tokens per chunk; default: 254.")
    ] = None,
    chunk_overlap: Annotated[
        int | None, typer.Option(help="Tokens that consecutive chunks share; default: 0.")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(help="Inference engine: auto | torch | openvino; default: auto."),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto | float32 | bfloat16; default: auto.")
    ] = None,
    executor: Annotated[
        Literal["local", "ray"], typer.Option(help="Local processes or a Ray cluster.")
    ] = "local",
    address: RayAddress = None,
    workers: Workers = None,
) -> None:
    """Extract word counts, token counts and chunk embeddings of all screenplays; resumable."""
    from wholescript.data.films import load_corpus
    from wholescript.features.build import build_features, load_features
    from wholescript.features.extract import FeatureConfig

    given = {
        "n_layer": n_layer,
        "chunk_length": chunk_length,
        "chunk_overlap": chunk_overlap,
        "engine": engine,
        "precision": precision,
    }
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    config = FeatureConfig(**chosen)
    extract = _extraction(executor, address, workers)
    corpus = load_corpus(source, path, target=target, core_only=core_only)
    if output is None:
        load_features(corpus, config, extract=extract)
        echo(f"cached the features of {len(corpus)} films")
    else:
        error = build_features(corpus, output, config, extract=extract)
        echo(f"wrote the features of {len(corpus)} films to {output}; {error}")


def _extraction(executor: str, address: str | None, workers: int | None) -> Any:
    if executor == "ray":
        from wholescript.features.extract_ray import extract_records_on_ray

        return partial(extract_records_on_ray, address=address, workers=workers)
    from wholescript.features.extract import extract_records

    if address:
        raise ParameterError(f"--address {address} needs --executor ray")
    return partial(extract_records, workers=workers)


@app.command("find-proper-names")
def find_proper_names(path: FilmsPath = None, source: ScriptsSource = "local") -> None:
    """Detect which words of the bundled vocabulary are proper names; write data/names.txt."""
    from wholescript.data.films import load_corpus
    from wholescript.errors import DataError
    from wholescript.features.build import BUNDLE_FOLDER
    from wholescript.features.bundle import read_bundle
    from wholescript.features.proper_names import write_proper_names

    corpus = load_corpus(source, path)
    if corpus.texts is None:
        raise DataError(
            "the bundled films have no texts: use --source local --path FILE, or --source hub"
        )
    found = write_proper_names(
        corpus.texts.values(), read_bundle(BUNDLE_FOLDER).word_counts.vocabulary
    )
    echo(f"wrote {found:,} names to data/names.txt")


@app.command("train-end-to-end")
def train_end_to_end_models(
    parquet: Annotated[
        Path, typer.Argument(metavar="FILMS", help="Parquet file with the screenplay texts.")
    ],
    model: Annotated[
        list[str] | None, typer.Option(help="Model to train; repeatable; default: all.")
    ] = None,
) -> None:
    """Train the chunk encoders that need the texts on the bundled films; resumable."""
    from wholescript.experiments.store import RunStore
    from wholescript.experiments.workspace import Workspace, activate
    from wholescript.project import Project
    from wholescript.studies.screenplays.train_end_to_end import train_end_to_end

    project = Project()
    activate(Workspace(project, RunStore(project.root / "results")))
    for run in train_end_to_end(parquet, model or ()):
        auc = run.metrics["auc"]
        echo(f"{run.name}: AUROC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})")


@app.command()
def tune(
    space: Annotated[
        Path, typer.Argument(help="Search space, for example search/aggregators.yaml.")
    ],
    address: RayAddress = None,
    workers: Workers = None,
    trials: Annotated[int, typer.Option(help="Number of trials.")] = 80,
    name: Annotated[
        str | None, typer.Option(help="Name of the result; default: that of the space's file.")
    ] = None,
    source: FilmsSource = "bundled",
    path: FilmsPath = None,
) -> None:
    """Search hyperparameters with Ray Tune; the same command resumes the search."""
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
        n_trials=trials,
        address=address,
        n_workers=workers,
    )
    stored = project.root / "results" / "search" / f"{name}.json"
    write_search(result, stored)
    best = result.best
    for hyperparameter, value in best.config.items():
        if hyperparameter not in best.inactive:
            echo(f"{hyperparameter}: {value}")
    last = best.history[-1]
    echo(
        f"best of {len(result.trials)} trials: validation loss {last['val_loss']:.4f}, "
        f"AUROC {last['val_auc']:.4f}; wrote {stored.relative_to(project.root)}"
    )


@app.command()
def smoke(
    source: FilmsSource = "bundled",
    path: FilmsPath = None,
    target: Annotated[str, typer.Option(help="Label column.")] = DEFAULT_TARGET,
    seed: Annotated[
        int, typer.Option(help="Random seed of the film and of the initial weights.")
    ] = 0,
) -> None:
    """Run one random film through every model, forward and backward; exit code 1 on a problem."""
    from wholescript.data.films import load_corpus
    from wholescript.studies.screenplays.smoke import check_models, sample_film

    sample = sample_film(load_corpus(source, path, target=target), seed=seed)
    film, chunks = sample.task.films.iloc[-1], sample.task.features.chunks.counts[-1]
    echo(
        f"{film['title']} ({film['year']}), {film['n_words']:,} words, {chunks} chunks, sampled "
        f"with seed {seed}"
    )
    if sample.tokens_are_random:
        echo("without the text, token models get random tokens, as many as the film has")
    table = Table("model", "input shape", "output shape", "gradient norm", "probability", "time, s")
    problems = []
    for r in check_models(sample, target, seed=seed):
        shapes = [" x ".join(map(str, shape)) for shape in (r.input_shape, r.output_shape)]
        grad_norm = "" if r.grad_norm is None else f"{r.grad_norm:.3g}"
        table.add_row(r.model, *shapes, grad_norm, f"{r.probability:.3f}", f"{r.seconds:.1f}")
        problems += [f"{r.model}: {problem}" for problem in r.problems]
    out.print(table)
    for problem in problems:
        warn(problem)
    if problems:
        raise typer.Exit(1)


@app.command()
def predict(
    scripts: Annotated[
        list[Path],
        typer.Argument(metavar="SCRIPT...", help=f"Screenplays: {', '.join(FORMATS)}."),
    ],
    year: Annotated[
        int | None,
        typer.Option(help="Year of the film; warns if it is outside the training years."),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="Figure file, .png or .svg; default: SCRIPT.prediction.png."),
    ] = None,
    no_figure: Annotated[bool, typer.Option("--no-figure", help="Do not draw a figure.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the predictions as one JSON list.")
    ] = False,
) -> None:
    """Predict the probability of a nomination for writing; exit code 2 if a script fails."""
    import json
    from dataclasses import asdict

    from wholescript.prediction.figure import figure_paths, write_figure
    from wholescript.prediction.parsers import printable_path, read_script
    from wholescript.prediction.predict import predict as predict_script
    from wholescript.prediction.predictor import load_predictor
    from wholescript.prediction.text_output import explanation_lines, summary_line

    figures = [None] * len(scripts) if no_figure else figure_paths(scripts, figure)
    predictor, results = load_predictor(), list[dict[str, Any]]()
    for path, figure_path in zip(scripts, figures, strict=True):
        name = printable_path(path)
        try:
            prediction = predict_script(read_script(path), predictor, year=year)
            if figure_path is not None:
                write_figure(prediction, printable_path(Path(path.name)), figure_path)
        except WholeScriptError as error:
            results.append({"file": name, "error": str(error)})
            warn(f"error: {error}")
            continue
        results.append(
            {
                "file": name,
                **asdict(prediction),
                "figure": figure_path and printable_path(figure_path),
            }
        )
        if not as_json:
            lines = [f"{name}: {summary_line(prediction)}", *explanation_lines(prediction)]
            lines += [f"figure: {printable_path(figure_path)}"] if figure_path is not None else []
            echo("\n  ".join(lines))
    if as_json:
        typer.echo(json.dumps(results, indent=2))
    if any("error" in result for result in results):
        raise typer.Exit(2)


@app.command("fit-predictor")
def fit_predictor(
    output: Annotated[Path | None, typer.Option(help="Output folder; default: model/.")] = None,
) -> None:
    """Fit the model that `predict` uses on the bundled features; byte-identical each time."""
    from wholescript.data.films import load_corpus
    from wholescript.features.build import load_features
    from wholescript.prediction.fit import make_predictor
    from wholescript.prediction.predictor import MODEL_DIR, save_predictor

    corpus = load_corpus()
    predictor = make_predictor(corpus, load_features(corpus))
    save_predictor(predictor, output or MODEL_DIR)
    for name, metric in predictor.manifest["out_of_fold"].items():
        echo(f"{name}: {metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})")
