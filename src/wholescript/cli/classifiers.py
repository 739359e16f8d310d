"""Commands on trained classifiers of texts: watch, score, compare, ask, let write."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from wholescript.cli.base import app, out
from wholescript.cli.options import (
    Data,
    Labels,
    Store,
    load_labelled,
    open_run_store,
    open_workspace,
    print_table,
)

# The modules behind a command are imported when it runs: `--help` answers at once.

FULL_WIDTH = 110  # columns of a terminal
MAX_FINISHED = 10  # trainings that `status` shows


@app.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Until Ctrl-C, every two seconds.")] = (
        False
    ),
    every: Annotated[
        bool, typer.Option("--all", help=f"More than the last {MAX_FINISHED} that are finished.")
    ] = False,
) -> None:
    """Say which trainings are running, interrupted, failed or finished, and how far they are."""
    from rich.live import Live

    from wholescript.experiments.progress import list_trainings
    from wholescript.project import Project
    from wholescript.publish.site.training_status import StatusRow, status_row

    def lines() -> Group:
        runs, now = list_trainings(Project()), time.time()
        # A narrow terminal has no room for all.
        dropped = {"val_loss", "speed", "checkpoint"} if out.width < FULL_WIDTH else set[str]()
        kept = [name for name in StatusRow._fields if name not in dropped]
        titles = [name.replace("_", " ") for name in kept]
        table = Table(*titles, title="trainings, the last one first", title_justify="left")
        finished = [run for run in runs if run.state == "finished"]
        left_out = set() if every else {run.folder for run in finished[MAX_FINISHED:]}
        for run in (run for run in runs if run.folder not in left_out):
            words = status_row(run, now)
            table.add_row(*(escape(getattr(words, name)) for name in kept))
        broken = [run for run in runs if run.state in ("interrupted", "failed")]
        more = [f"{len(left_out)} more are finished: --all shows them"] if left_out else []
        more += [f"{run.name} goes on by: {run.command}" for run in broken]
        if broken:
            more.append("One whose code has changed since begins anew.")
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
    run: Annotated[str, typer.Argument(help="A run, or a model of which all seeds are meant.")],
    top: Annotated[int, typer.Option(help="Pairs of classes to show.")] = 10,
    store: Store = None,
) -> None:
    """Score a run on the test texts: metrics with intervals, cost, classes, what is confused."""
    from wholescript.evaluation.document_comparison import confused_pairs, per_class_metrics
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.publish.comparison.classifiers import (
        cost_table,
        metrics_with_intervals,
        test_predictions,
    )

    runs = find_document_runs(open_run_store(store), [run])
    print_table(metrics_with_intervals(runs).reset_index(), "scores on test")
    print_table(cost_table(runs).T.reset_index(names="cost"), "cost")
    for name, seeds in test_predictions(runs).items():
        classes = per_class_metrics(seeds).reset_index()
        print_table(classes.sort_values("f1").head(top), f"{name}: the worst classes")
        print_table(confused_pairs(seeds, top=top).reset_index(drop=True), f"{name}: most confused")


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(help="Runs or models, of one set of texts.")],
    baseline: Annotated[str | None, typer.Option(help="Default: the first.")] = None,
    output: Annotated[Path | None, typer.Option(help="Default _build/comparison/texts.html.")] = (
        None
    ),
    store: Store = None,
) -> None:
    """Set runs side by side: scores, cost, paired differences, curves; and write a page."""
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
    scores = metrics_with_intervals(found).reset_index()
    print_table(
        scores[scores["metric"].isin(["accuracy", "macro_f1", "weighted_f1"])], "scores on test"
    )
    print_table(cost_table(found).T.reset_index(names="cost"), "cost")
    if first:
        print_table(paired_differences(found, first), f"differences from {first}")
    page = output or Project().build / "comparison" / "texts.html"
    write_comparison_page(found, first, page)
    out.print(f"wrote {page}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def classify(
    run: Annotated[str, typer.Argument(help="A run, such as questions/tfidf-svm-s0.")],
    texts: Annotated[list[str], typer.Argument(help="Texts, each in quotes.")],
    top: Annotated[int, typer.Option(help="Classes to show of each.")] = 3,
    keep: Annotated[
        bool, typer.Option("--keep", help="Store what each word of the text is worth.")
    ] = False,
    store: Store = None,
) -> None:
    """Ask a trained model of other texts; one that can also shows what each word is worth."""
    from wholescript.errors import ParameterError
    from wholescript.evaluation.token_attribution import (
        attribute_tokens,
        supports_token_attribution,
    )
    from wholescript.experiments.documents.attribution import TokenAttribution
    from wholescript.experiments.documents.load import load_trained_run
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.experiments.experiment import run as execute

    if keep and len(texts) > 1:
        raise ParameterError(f"--keep stores the words of one text, not of {len(texts)}")
    workspace = open_workspace(store)
    ((found, *_),) = find_document_runs(workspace.store, [run]).values()
    fitted = load_trained_run(workspace.project, found)
    classes = found.config["classes"]
    for text, row in zip(texts, fitted.predict_proba(texts), strict=True):
        best = sorted(zip(row, classes, strict=True), reverse=True)[:top]
        out.print(", ".join(f"{name} {share:.1%}" for share, name in best), highlight=False)
        if supports_token_attribution(fitted):
            line = Text()
            table = attribute_tokens(fitted, text)
            for word, evidence in zip(table["word"], table["evidence"], strict=True):
                shade = "bold green" if evidence > 1 else "bold red" if evidence < -1 else ""
                line.append(f"{word.strip() or 'end'} ", shade).append(f"{evidence:+.1f} ", "dim")
            out.print(line)
    if keep:
        kept = execute(TokenAttribution(fitted, texts[0]), found, workspace)
        out.print(f"stored {kept.name}", markup=False, highlight=False)


@app.command()
def write(
    run: Annotated[str, typer.Argument(help="A run of `train generative`, of transformers.")],
    data: Annotated[str | None, typer.Option(help="The prepared set; default the run's.")] = None,
    per_class: Annotated[int, typer.Option(help="Texts of each class.")] = 500,
    temperature: Annotated[float, typer.Option(help="Below 1: likelier, above: bolder.")] = 1.0,
    top_p: Annotated[
        float, typer.Option(help="Share of the likeliest tokens to draw from.")
    ] = 0.95,
    max_tokens: Annotated[int, typer.Option(help="Tokens of a text, at most.")] = 400,
    min_words: Annotated[int, typer.Option(help="Words of a text that is kept.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the writing.")] = 0,
    store: Store = None,
) -> None:
    """Let the language model of each class write texts that copy no real one."""
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.studies.generative.synthesis import SamplingConfig
    from wholescript.studies.generative.synthetic_data import generate_synthetic

    workspace = open_workspace(store)
    ((found, *_),) = find_document_runs(workspace.store, [run]).values()
    folder = generate_synthetic(
        workspace,
        found,
        load_labelled(data or found.config["textset"]),
        per_class,
        SamplingConfig(temperature, top_p, max_tokens, min_words),
        seed=seed,
        progress=True,
    )
    out.print(f"wrote {folder}", markup=False, highlight=False, soft_wrap=True)


@app.command("labels")
def label_errors(
    data: Data,
    labels: Labels = "label",
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    top: Annotated[int, typer.Option(help="Texts to show.")] = 20,
    output: Annotated[Path | None, typer.Option(help="A CSV of all texts, by suspicion.")] = None,
    store: Store = None,
) -> None:
    """Find training texts whose label is likely wrong, by models that did not learn them."""
    import pandas as pd

    from wholescript.experiments.experiment import run as execute
    from wholescript.files import write_atomic
    from wholescript.models.documents.sentence_embeddings import SentenceLinear
    from wholescript.studies.classifiers.label_errors import LabelErrors, load_ranking

    dataset, workspace = load_labelled(data), open_workspace(store)
    # The ranking is not in the store: it is made again with the run.
    found = execute(LabelErrors(SentenceLinear, labels, seed), dataset, workspace, again=True)
    ranking = load_ranking(workspace, found)
    texts = [dataset.splits["train"].texts[row] for row in ranking["row"]]
    ranking = ranking.assign(text=texts)
    if output:
        write_atomic(output, ranking.to_csv(index=False, lineterminator="\n"))
    shown = ranking.head(top).drop(columns=["row", "flagged"])
    print_table(shown.assign(text=shown["text"].str.slice(0, 60)), "the most suspicious labels")
    metrics = {name: metric.value for name, metric in found.metrics.items()}
    print_table(
        pd.Series(metrics, name="value").rename_axis(found.name).reset_index(), "in numbers"
    )
