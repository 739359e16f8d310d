"""Commands that train classifiers of texts, score them and set them side by side."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from wholescript.cli.base import app, out

# The modules behind a command are imported when it runs: `--help` answers at once.

train = typer.Typer(no_args_is_help=True, help="Train a classifier of texts: a run for each seed.")
app.add_typer(train, name="train")

Data = Annotated[str, typer.Argument(metavar="DATA", help="A prepared set, by name or folder.")]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="May be repeated; default 0.")]
Examples = Annotated[int | None, typer.Option(help="Training texts to use; default all.")]
Labels = Annotated[str, typer.Option(help="label, or a column kept by prepare --keep.")]
Name = Annotated[str | None, typer.Option(help="Of the run; default by the model.")]
Store = Annotated[Path | None, typer.Option(help="Folder of the runs; default _build/texts.")]
Epochs = Annotated[int | None, typer.Option(help="At most.")]
Rate = Annotated[float | None, typer.Option(help="The highest learning rate.")]
Batch = Annotated[int, typer.Option(help="Texts a batch.")]
Accumulate = Annotated[int, typer.Option(help="Batches a step.")]
Length = Annotated[int, typer.Option(help="Tokens of a text that are read.")]
Smoothing = Annotated[float, typer.Option(help="Label smoothing.")]
Patience = Annotated[int | None, typer.Option(help="Epochs without a better macro-F1.")]
Precision = Annotated[
    bool | None, typer.Option("--bfloat16/--float32", help="Default: what this machine is fast at.")
]


@train.command()
def scratch(
    data: Data,
    size: Annotated[str, typer.Option(help="tiny | small | medium | large")] = "small",
    pooling: Annotated[Literal["last", "mean"], typer.Option(help="Token states.")] = "mean",
    tokenizer: Annotated[
        Literal["bpe", "gpt2"], typer.Option(help="Trained on the spot, or GPT-2's, trimmed.")
    ] = "bpe",
    vocabulary: Annotated[int, typer.Option(help="Tokens of a tokenizer that is trained.")] = 8_000,
    dropout: Annotated[float, typer.Option(help="In embeddings, blocks and head.")] = 0.1,
    epochs: Epochs = None,
    learning_rate: Rate = None,
    batch_size: Batch = 32,
    accumulate: Accumulate = 1,
    max_length: Length = 256,
    label_smoothing: Smoothing = 0.1,
    patience: Patience = None,
    bfloat16: Precision = None,
    seed: Seeds = None,
    examples: Examples = None,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a small decoder-only transformer from scratch; killed, the same command goes on."""
    from wholescript.training.scratch import ScratchClassifier

    estimator = ScratchClassifier(
        max_length=max_length,
        batch_size=batch_size,
        label_smoothing=label_smoothing,
        dropout=dropout,
        size=size,
        pooling=pooling,
        tokenizer=tokenizer,
        vocabulary=vocabulary,
    )
    _neural(estimator, bfloat16, epochs, learning_rate, patience, accumulate)
    _train(data, estimator, seed, examples, labels, name, store)


@train.command()
def finetune(
    data: Data,
    model: Annotated[str, typer.Option(help="smollm2, a folder, or a name of the hub.")] = (
        "smollm2"
    ),
    tuning: Annotated[
        Literal["full", "lora", "frozen", "thawed"],
        typer.Option(help="What is trained; thawed: the last layer first, then everything."),
    ] = "lora",
    rank: Annotated[int, typer.Option(help="Of LoRA.")] = 8,
    alpha: Annotated[int, typer.Option(help="Of LoRA: scaled by alpha / rank.")] = 16,
    epochs: Epochs = None,
    learning_rate: Rate = None,
    batch_size: Batch = 32,
    accumulate: Accumulate = 1,
    max_length: Length = 256,
    label_smoothing: Smoothing = 0.1,
    patience: Patience = None,
    bfloat16: Precision = None,
    seed: Seeds = None,
    examples: Examples = None,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Fine-tune a pretrained decoder-only model; killed, the same command goes on."""
    from wholescript.training.finetune import FinetunedClassifier

    estimator = FinetunedClassifier(
        max_length=max_length,
        batch_size=batch_size,
        label_smoothing=label_smoothing,
        pretrained=model,
        tuning=tuning,
        rank=rank,
        alpha=alpha,
    )
    _neural(estimator, bfloat16, epochs, learning_rate, patience, accumulate)
    _train(data, estimator, seed, examples, labels, name, store)


@train.command()
def linear(
    data: Data,
    kind: Annotated[
        Literal["svm", "sentences", "stack"],
        typer.Option(help="Word and character TF-IDF; frozen sentence embeddings; both stacked."),
    ] = "svm",
    seed: Seeds = None,
    examples: Examples = None,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a linear model on TF-IDF, on frozen sentence embeddings, or on both."""
    from wholescript.models.text_linear import SentenceLinear, TfidfSVM
    from wholescript.models.text_stack import SparseDenseStack

    models = {"svm": TfidfSVM, "sentences": SentenceLinear, "stack": SparseDenseStack}
    _train(data, models[kind](), seed, examples, labels, name, store)


@app.command()
def evaluate(
    run: Annotated[str, typer.Argument(help="A run, or a model of which all seeds are meant.")],
    top: Annotated[int, typer.Option(help="Pairs of classes to show.")] = 10,
    store: Store = None,
) -> None:
    """Score a run on the test texts: metrics with intervals, cost, classes, what is confused."""
    from wholescript.evaluation.multiclass_comparison import confused_pairs, per_class
    from wholescript.report.text_comparison import cost_table, predictions_of, score_rows
    from wholescript.report.text_runs import find_text_runs

    runs = find_text_runs(_store(store), [run])
    _print(score_rows(runs).reset_index(), "scores on test")
    _print(cost_table(runs).T.reset_index(names="cost"), "cost")
    for name, seeds in predictions_of(runs).items():
        classes = per_class(seeds).reset_index()
        _print(classes.sort_values("f1").head(top), f"{name}: the worst classes")
        _print(confused_pairs(seeds, top=top).reset_index(drop=True), f"{name}: most confused")


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
    from wholescript.report.project import Project
    from wholescript.report.text_comparison import (
        cost_table,
        differences,
        score_rows,
        write_comparison_page,
    )
    from wholescript.report.text_runs import find_text_runs

    found = find_text_runs(_store(store), runs)
    first = baseline or (next(iter(found)) if len(found) > 1 else None)
    scores = score_rows(found).reset_index()
    _print(scores[scores["metric"].isin(["accuracy", "macro_f1", "weighted_f1"])], "scores on test")
    _print(cost_table(found).T.reset_index(names="cost"), "cost")
    if first:
        _print(differences(found, first), f"differences from {first}")
    page = output or Project().build / "comparison" / "texts.html"
    write_comparison_page(found, first, page)
    out.print(f"wrote {page}", markup=False, highlight=False, soft_wrap=True)


def _neural(
    estimator: Any,
    bfloat16: bool | None,
    epochs: int | None,
    learning_rate: float | None,
    patience: int | None,
    accumulate: int,
) -> None:
    """Change what was given of an estimator's defaults."""
    given = {"epochs": epochs, "learning_rate": learning_rate, "patience": patience}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    estimator.training = replace(estimator.training, accumulate=accumulate, **changed)
    if bfloat16 is not None:
        estimator.bfloat16 = bfloat16


def _train(
    data: str,
    estimator: Any,
    seeds: list[int] | None,
    examples: int | None,
    labels: str,
    name: str | None,
    store: Path | None,
) -> None:
    from wholescript.data.textsets import read_textset
    from wholescript.report.project import Project
    from wholescript.report.text_runs import Training, train_text_run

    project = Project()
    folder = Path(data)
    textset = read_textset(folder if folder.is_dir() else project.build / "textsets" / data)
    for seed in seeds or [0]:
        run = train_text_run(
            _store(store),
            textset,
            estimator,
            Training(seed, examples, labels),
            name=name,
            project=project,
            progress=True,
            on_epoch=_say,
        )
        accuracy, macro = run.metrics["accuracy"], run.metrics["macro_f1"]
        out.print(
            f"{run.name}: accuracy {accuracy.value:.4f} ({accuracy.low:.4f} to "
            f"{accuracy.high:.4f}), macro-F1 {macro.value:.4f}, "
            f"{run.metrics['train_seconds'].value:.1f} s",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _say(row: dict[str, float | int]) -> None:
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.items())
    out.print(words, markup=False, highlight=False, soft_wrap=True)


def _store(folder: Path | None) -> Any:
    from wholescript.report.project import Project
    from wholescript.report.runs import RunStore

    return RunStore(folder or Project().build / "texts")


def _print(frame: Any, title: str) -> None:
    table = Table(*map(str, frame.columns), title=title, title_justify="left")
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{v:,.4f}" if isinstance(v, float) else str(v) for v in row))
    out.print(table)
