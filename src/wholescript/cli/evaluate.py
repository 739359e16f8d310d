"""`wholescript evaluate`: stored runs, one in detail or several compared, and other analyses."""

from pathlib import Path
from typing import Annotated, Any, get_args

from cyclopts import App, Parameter

from wholescript.cli.evaluate_films import films, movie_o_label
from wholescript.cli.options import (
    DEFAULT_TARGET,
    FilmsPath,
    FilmsSource,
    OneSeed,
    Store,
    Top,
    open_workspace,
)
from wholescript.cli.output import EN_DASH, echo, print_rows, print_table, warn
from wholescript.cli.train_others import HeadlinesPath, NHeadlines, Revision
from wholescript.settings import PositiveInt

COMPARED_METRICS = ("accuracy", "macro_f1", "weighted_f1")

group = App(name="evaluate")


@group.default
def evaluate(
    *runs: Annotated[str, Parameter(help="Runs, or names of models for all their seeds.")],
    baseline: Annotated[
        str | None, Parameter(help="Model to compare with; default: the first.")
    ] = None,
    top: Top = 10,
    output: Annotated[
        Path | None,
        Parameter(help="HTML page to write; default: _build/comparison/classifiers.html."),
    ] = None,
    store: Store = None,
) -> None:
    """Evaluate stored runs: one in detail, several compared with paired differences."""
    from wholescript.errors import ParameterError
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.files import check_output_file
    from wholescript.project import Project
    from wholescript.publish.comparison.classifiers import (
        cost_table,
        metrics_with_intervals,
        paired_differences,
        write_comparison_page,
    )

    if not runs:
        raise ParameterError("give at least one run, such as questions/tfidf-svm")
    if output:
        check_output_file(output)
    found = find_document_runs(open_workspace(store).store, list(runs))
    first = baseline or next(iter(found))
    # Before anything is printed: it refuses runs on different test texts.
    differences = paired_differences(found, first) if len(found) > 1 else None
    metrics = metrics_with_intervals(found).reset_index()
    if len(found) > 1:
        metrics = metrics[metrics["metric"].isin(COMPARED_METRICS)]
    print_table(metrics, "test metrics")
    print_table(cost_table(found).T.reset_index(names="cost"), "cost")
    if differences is None:
        _print_classes(found, top)
        return
    print_table(differences, f"differences from {first}")
    page = output or Project().build / "comparison" / "classifiers.html"
    write_comparison_page(found, first, page)
    echo(f"wrote {page}")


def _print_classes(found: Any, top: int) -> None:
    from wholescript.evaluation.document_comparison import confused_pairs, per_class_metrics
    from wholescript.publish.comparison.classifiers import test_predictions

    for name, seeds in test_predictions(found).items():
        classes = per_class_metrics(seeds).reset_index()
        print_table(classes.sort_values("f1").head(top), f"{name}: classes with the lowest F1")
        pairs = confused_pairs(seeds, top=top).reset_index(drop=True)
        print_table(pairs, f"{name}: most confused class pairs")


@group.command
def headlines(
    run: Annotated[str, Parameter(help="A run of `train headlines`.")],
    *,
    path: HeadlinesPath = None,
    revision: Revision = "main",
    n_headlines: NHeadlines = 100_000,
    store: Store = None,
) -> None:
    """Store next-token predictions, losses and samples of a headline model, for a notebook.

    Example: `wholescript evaluate headlines headlines/adamw-s1337`
    """
    from wholescript.data.headlines import load_headlines
    from wholescript.errors import RunError, did_you_mean
    from wholescript.experiments.experiment import run as execute
    from wholescript.studies.headlines.analysis_runs import (
        HeadlineAnalysis,
        Measurement,
        trained_model,
    )

    workspace = open_workspace(store)
    found = workspace.store.find(run)
    if found is None:
        raise RunError(f"there is no run {run!r}{did_you_mean(run, workspace.store.names())}")
    data = load_headlines(path, n_headlines=n_headlines, revision=revision)
    trained = trained_model(found, data, workspace)
    for measurement in get_args(Measurement):
        echo(f"stored {execute(HeadlineAnalysis(measurement), trained, workspace).name}")


@group.command
def label_sorted_demo(
    dataset: Annotated[str, Parameter(help="imdb, another registered data set, or a file.")] = (
        "imdb"
    ),
    *,
    path: Annotated[
        Path | None, Parameter(help="Local copy of the data set; default: the hub.")
    ] = None,
    n_train: Annotated[PositiveInt, Parameter(help="Train on the first n rows.")] = 5_000,
    max_eval: Annotated[
        PositiveInt, Parameter(help="Select the epoch on the first n test rows, as published.")
    ] = 1_000,
    name: Annotated[
        str | None, Parameter(help="Name of the data set; default: from the source.")
    ] = None,
    seed: OneSeed = 0,
    store: Store = None,
) -> None:
    """Train and test an encoder on the first rows of a label-sorted file, as was published.

    Example: `wholescript evaluate label-sorted-demo imdb --path imdb`
    """
    from wholescript.data.labelled import load_source
    from wholescript.experiments.experiment import run as execute
    from wholescript.studies.encoder.label_sorted_demo import (
        LabelSortedDemo,
        in_published_order,
        published_encoder,
    )

    texts = in_published_order(load_source(dataset, path, name=name))
    demo = LabelSortedDemo(published_encoder(), n_train, max_eval, seed)
    run = execute(demo, texts, open_workspace(store))
    first_rows, all_rows = (run.metrics[m].value for m in ("accuracy_first_rows", "accuracy"))
    echo(f"accuracy on the first {max_eval:,} test rows: {first_rows:.2%}; on all: {all_rows:.2%}")
    echo(f"`data prepare --head {n_train}`: {run.config['guard_error'] or 'no error'}")


@group.command
def smoke(
    *,
    source: FilmsSource = "bundled",
    path: FilmsPath = None,
    target: Annotated[str, Parameter(help="Label column.")] = DEFAULT_TARGET,
    seed: OneSeed = 0,
) -> None:
    """Run one random film through every model, forward and backward; exit code 1 on a problem.

    Example: `wholescript evaluate smoke --seed 3`
    """
    import sys

    from wholescript.data.films import load_corpus
    from wholescript.studies.screenplays.smoke import check_models, make_smoke_sample

    sample = make_smoke_sample(load_corpus(source, path, target=target), seed=seed)
    film, chunks = sample.dataset.films.iloc[-1], sample.dataset.features.chunks.counts[-1]
    echo(
        f"{film['title']} ({film['year']}), {film['n_words']:,} words, {chunks} chunks, sampled "
        f"with seed {seed}"
    )
    if sample.tokens_are_random:
        echo("without the text, token models get random tokens, as many as the film has")
    rows, problems = [], []
    for r in check_models(sample, target, seed=seed):
        shapes = [" x ".join(map(str, shape)) for shape in (r.input_shape, r.output_shape)]
        grad_norm = EN_DASH if r.grad_norm is None else f"{r.grad_norm:.3g}"
        rows.append([r.model, *shapes, grad_norm, f"{r.probability:.3f}", f"{r.seconds:.1f}"])
        problems += [f"{r.model}: {problem}" for problem in r.problems]
    headers = ["model", "input shape", "output shape", "gradient norm", "probability", "time, s"]
    print_rows(headers, rows)
    for problem in problems:
        warn(problem)
    if problems:
        sys.exit(1)


for _command in (films, movie_o_label):
    group.command(_command)
