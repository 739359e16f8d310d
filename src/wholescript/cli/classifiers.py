"""Commands on trained document classifiers: status, evaluation, comparison, prediction."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from wholescript.cli.base import app, echo, out
from wholescript.cli.options import (
    Data,
    LabelColumn,
    Store,
    load_labelled,
    open_run_store,
    open_workspace,
    print_table,
)

FULL_WIDTH = 110  # columns of a terminal
MAX_FINISHED = 10  # finished trainings that `status` shows
MIN_COLOURED_ATTRIBUTION = 1  # nats


@app.command()
def status(
    watch: Annotated[
        bool, typer.Option("--watch", help="Refresh every two seconds until Ctrl-C.")
    ] = False,
    show_all: Annotated[
        bool,
        typer.Option("--all", help=f"Show all finished trainings, not only {MAX_FINISHED}."),
    ] = False,
) -> None:
    """Show the state and progress of all trainings: running, interrupted, failed or finished."""
    from rich.live import Live

    from wholescript.experiments.progress import list_trainings
    from wholescript.experiments.training_status import StatusRow, status_row
    from wholescript.project import Project

    def lines() -> Group:
        runs, now = list_trainings(Project()), time.time()
        dropped = {"val_loss", "speed", "checkpoint"} if out.width < FULL_WIDTH else set[str]()
        columns = [name for name in StatusRow._fields if name not in dropped]
        headers = [name.replace("_", " ") for name in columns]
        table = Table(*headers, title="trainings, newest first", title_justify="left")
        finished = [run for run in runs if run.state == "finished"]
        hidden = set() if show_all else {run.folder for run in finished[MAX_FINISHED:]}
        for run in (run for run in runs if run.folder not in hidden):
            row = status_row(run, now)
            table.add_row(*(escape(getattr(row, name)) for name in columns))
        stopped = [run for run in runs if run.state in ("interrupted", "failed")]
        more = [f"{len(hidden)} older finished trainings: show them with --all"] if hidden else []
        more += [f"resume {run.name} with: {run.command}" for run in stopped]
        return Group(table, *map(Text, more))

    if not watch:
        out.print(lines())
        return
    with suppress(KeyboardInterrupt), Live(lines(), console=out, auto_refresh=False) as live:
        while True:
            time.sleep(2)
            live.update(lines(), refresh=True)


@app.command()
def evaluate(
    run: Annotated[str, typer.Argument(help="A run, or a model name for all its seeds.")],
    top: Annotated[int, typer.Option(help="Number of classes and class pairs to show.")] = 10,
    store: Store = None,
) -> None:
    """Print test metrics with intervals, cost, per-class metrics and confused class pairs."""
    from wholescript.evaluation.document_comparison import confused_pairs, per_class_metrics
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.publish.comparison.classifiers import (
        cost_table,
        metrics_with_intervals,
        test_predictions,
    )

    runs = find_document_runs(open_run_store(store), [run])
    print_table(metrics_with_intervals(runs).reset_index(), "test metrics")
    print_table(cost_table(runs).T.reset_index(names="cost"), "cost")
    for name, seeds in test_predictions(runs).items():
        classes = per_class_metrics(seeds).reset_index()
        print_table(classes.sort_values("f1").head(top), f"{name}: classes with the lowest F1")
        pairs = confused_pairs(seeds, top=top).reset_index(drop=True)
        print_table(pairs, f"{name}: most confused class pairs")


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(help="Runs or model names, all of one data set.")],
    baseline: Annotated[
        str | None, typer.Option(help="Model to compare with; default: the first.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="HTML page to write; default: _build/comparison/classifiers.html."),
    ] = None,
    store: Store = None,
) -> None:
    """Compare runs (metrics, cost, paired differences, training curves); write an HTML page."""
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.project import Project
    from wholescript.publish.comparison.classifiers import (
        cost_table,
        metrics_with_intervals,
        paired_differences,
        write_comparison_page,
    )

    found = find_document_runs(open_run_store(store), runs)
    first = baseline or (next(iter(found)) if len(found) > 1 else None)
    metrics = metrics_with_intervals(found).reset_index()
    shown = metrics["metric"].isin(["accuracy", "macro_f1", "weighted_f1"])
    print_table(metrics[shown], "test metrics")
    print_table(cost_table(found).T.reset_index(names="cost"), "cost")
    if first:
        print_table(paired_differences(found, first), f"differences from {first}")
    page = output or Project().build / "comparison" / "classifiers.html"
    write_comparison_page(found, first, page)
    echo(f"wrote {page}")


@app.command()
def classify(
    run: Annotated[str, typer.Argument(help="A run, such as questions/tfidf-svm-s0.")],
    texts: Annotated[list[str], typer.Argument(help="Texts to classify, each in quotes.")],
    top: Annotated[int, typer.Option(help="Number of most probable classes to show.")] = 3,
    store_attribution: Annotated[
        bool,
        typer.Option("--store-attribution", help="Store the token attributions as a run."),
    ] = False,
    store: Store = None,
) -> None:
    """Classify texts with a trained model; show token attributions if the model has them."""
    from wholescript.errors import ParameterError
    from wholescript.evaluation.token_attribution import (
        attribute_tokens,
        supports_token_attribution,
    )
    from wholescript.experiments.documents.attribution import TokenAttribution
    from wholescript.experiments.documents.load import load_trained_run
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.experiments.experiment import run as execute

    if store_attribution and len(texts) > 1:
        raise ParameterError(
            f"--store-attribution stores the attributions of one text; {len(texts)} were given"
        )
    workspace = open_workspace(store)
    ((found, *_),) = find_document_runs(workspace.store, [run]).values()
    fitted = load_trained_run(workspace.project, found)
    classes = found.config["classes"]
    for text, row in zip(texts, fitted.predict_proba(texts), strict=True):
        best = sorted(zip(row, classes, strict=True), reverse=True)[:top]
        echo(", ".join(f"{name} {probability:.1%}" for probability, name in best))
        if supports_token_attribution(fitted):
            out.print(_attribution_line(attribute_tokens(fitted, text)))
    if store_attribution:
        stored = execute(TokenAttribution(fitted, texts[0]), found, workspace)
        echo(f"stored {stored.name}")


def _attribution_line(table: Any) -> Text:
    """Return the tokens with their attributions in nats, the large ones in colour."""
    line = Text()
    for token, value in zip(table["token"], table["attribution"], strict=True):
        if abs(value) <= MIN_COLOURED_ATTRIBUTION:
            style = ""
        else:
            style = "bold green" if value > 0 else "bold red"
        line.append(f"{token.strip() or 'end'} ", style).append(f"{value:+.1f} ", "dim")
    return line


@app.command("label-errors")
def label_errors(
    data: Data,
    label_column: LabelColumn = "label",
    seed: Annotated[int, typer.Option(help="Random seed of the cross-validation folds.")] = 0,
    top: Annotated[int, typer.Option(help="Number of texts to show.")] = 20,
    output: Annotated[
        Path | None,
        typer.Option(help="CSV file to write with all training texts, likeliest errors first."),
    ] = None,
    store: Store = None,
) -> None:
    """Rank training texts by label quality (confident learning) to find label errors."""
    import pandas as pd

    from wholescript.experiments.experiment import run as execute
    from wholescript.files import write_atomic
    from wholescript.models.documents.sentence_embeddings import SentenceLinear
    from wholescript.studies.classifiers.label_errors import LabelErrors, load_ranking

    dataset, workspace = load_labelled(data), open_workspace(store)
    # A stored run does not imply that its ranking is on this computer: always execute.
    found = execute(LabelErrors(SentenceLinear, label_column, seed), dataset, workspace, again=True)
    ranking = load_ranking(workspace, found)
    texts = [dataset.splits["train"].texts[row] for row in ranking["row"]]
    ranking = ranking.assign(text=texts)
    if output:
        write_atomic(output, ranking.to_csv(index=False, lineterminator="\n"))
    shown = ranking.head(top).drop(columns=["row", "flagged"])
    print_table(shown.assign(text=shown["text"].str.slice(0, 60)), "most likely label errors")
    metrics = {name: metric.value for name, metric in found.metrics.items()}
    table = pd.Series(metrics, name="value").rename_axis(found.name).reset_index()
    print_table(table, "metrics")
