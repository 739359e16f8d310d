"""Commands that train classifiers of texts, score them and set them side by side."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from wholescript.cli.base import app, out

# The modules behind a command are imported when it runs: `--help` answers at once.

WIDE = 110  # columns of a terminal

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
Written = Annotated[
    Path | None, typer.Option(help="A folder of `wholescript write`, to be learned from as well.")
]
Added = Annotated[int, typer.Option(help="So many texts of each class from there.")]
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
    token_dropout: Annotated[float, typer.Option(help="Share of tokens hidden in training.")] = 0.0,
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
        token_dropout=token_dropout,
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
        Literal[
            "svm",
            "sentences",
            "kernel",
            "linear-stack",
            "stack",
            "logistic",
            "naive-bayes",
            "nb-svm",
        ],
        typer.Option(
            help="Word and character TF-IDF; frozen sentence embeddings; a Gaussian kernel on "
            "them; the first two stacked; all three; logistic regression on TF-IDF; naive Bayes "
            "on counts; an SVM on its log-ratios."
        ),
    ] = "svm",
    seed: Seeds = None,
    examples: Examples = None,
    written: Written = None,
    added: Added = 0,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a shallow model on counted words, on frozen sentence embeddings, or on both."""
    from wholescript.models.text_counts import NBSVM, CountLogistic, NaiveBayes
    from wholescript.models.text_kernel import SentenceKernel
    from wholescript.models.text_linear import SentenceLinear, TfidfSVM
    from wholescript.models.text_stack import SparseDenseStack

    models: dict[str, Callable[[], Any]] = {
        "svm": TfidfSVM,
        "sentences": SentenceLinear,
        "kernel": SentenceKernel,
        "linear-stack": partial(SparseDenseStack, kernel=None),
        "stack": SparseDenseStack,
        "logistic": CountLogistic,
        "naive-bayes": NaiveBayes,
        "nb-svm": NBSVM,
    }
    model = models[kind]()
    default = "linear-stack" if kind == "linear-stack" else None
    _train(data, model, seed, examples, labels, name or default, store, None, written, added)


@train.command()
def generative(
    data: Data,
    model: Annotated[
        str,
        typer.Option(
            help="ngram; tiny, small, medium or large for a transformer from scratch; smollm2, a "
            "folder or a name of the hub for one that is fine-tuned."
        ),
    ] = "ngram",
    tuning: Annotated[
        Literal["full", "lora"], typer.Option(help="What is trained of a pretrained model.")
    ] = "lora",
    rank: Annotated[int, typer.Option(help="Of LoRA.")] = 8,
    alpha: Annotated[int, typer.Option(help="Of LoRA: scaled by alpha / rank.")] = 16,
    epochs: Epochs = None,
    learning_rate: Rate = None,
    batch_size: Annotated[int | None, typer.Option(help="Windows a batch.")] = None,
    accumulate: Accumulate = 1,
    window: Annotated[int, typer.Option(help="Tokens of a window that is trained on.")] = 256,
    patience: Patience = None,
    bfloat16: Precision = None,
    seed: Seeds = None,
    examples: Examples = None,
    tested: Annotated[int | None, typer.Option(help="Test texts to score; default all.")] = None,
    written: Written = None,
    added: Added = 0,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a language model for each class, and decide by Bayes' rule."""
    from wholescript.models.text_classifier import SIZES
    from wholescript.models.text_ngram import NgramBayes
    from wholescript.training.generative import FinetunedGenerative, ScratchGenerative

    estimator: Any
    if model == "ngram":
        estimator = NgramBayes()
    else:
        estimator = (
            ScratchGenerative(window=window, size=model)
            if model in SIZES
            else FinetunedGenerative(
                window=window, pretrained=model, tuning=tuning, rank=rank, alpha=alpha
            )
        )
        estimator.batch_size = batch_size or estimator.batch_size
        _neural(estimator, bfloat16, epochs, learning_rate, patience, accumulate)
    _train(data, estimator, seed, examples, labels, name, store, tested, written, added)


@train.command()
def encoder(
    data: Data,
    reading: Annotated[
        int, typer.Option(help="Epochs of filling in hidden words before; 0 for none.")
    ] = 0,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Settings of a known small model of IMDB.")
    ] = False,
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
    """Train an encoder over whole words from scratch; killed, the same command goes on."""
    from wholescript.training.encoder import READING, EncoderClassifier, published

    if as_published:
        estimator = published()
        name = name or "encoder-published"
    else:
        estimator = EncoderClassifier(
            max_length=max_length, batch_size=batch_size, label_smoothing=label_smoothing
        )
    if reading:
        estimator.reading = replace(READING, epochs=reading)
        unlabelled = _read(data).splits.get("unsupervised")
        estimator.unlabelled = unlabelled.texts if unlabelled else ()
    _neural(estimator, bfloat16, epochs, learning_rate, patience, accumulate)
    _train(data, estimator, seed, examples, labels, name, store)


@app.command()
def trap(
    dataset: Annotated[str, typer.Argument(help="imdb, another known set, or a file.")] = "imdb",
    path: Annotated[Path | None, typer.Option(help="Of the texts; default the hub.")] = None,
    rows: Annotated[int, typer.Option(help="Of train, from its head.")] = 5_000,
    tested: Annotated[int, typer.Option(help="Of test, from its head.")] = 1_000,
    name: Annotated[str | None, typer.Option(help="Of the set; default as the dataset.")] = None,
    seed: Annotated[int, typer.Option(help="Of the training.")] = 0,
    store: Store = None,
) -> None:
    """Train and test an encoder on the head of a sorted file, as a published one was."""
    from wholescript.data.textsets import find_source
    from wholescript.report.trap import train_on_the_head
    from wholescript.training.encoder import published

    source = find_source(dataset, path, name=name)
    run = train_on_the_head(_store(store), source, published(), rows=rows, tested=tested, seed=seed)
    head, whole = run.metrics["head_accuracy"].value, run.metrics["accuracy"].value
    out.print(f"accuracy on the first {tested:,} test texts: {head:.2%}; on all: {whole:.2%}")
    out.print(f"`wholescript prepare --head {rows}` says: {run.config['refusal'] or 'nothing'}")


@train.command()
def blend(
    runs: Annotated[list[str], typer.Argument(help="Runs or models, of one set of texts.")],
    name: Annotated[str, typer.Option(help="Of the run.")] = "blend",
    store: Store = None,
) -> None:
    """Join trained models of two classes, weighted on validation: a run for each seed."""
    from wholescript.report.blending import blend_runs
    from wholescript.report.text_runs import find_text_runs

    folder = _store(store)
    of_models = find_text_runs(folder, runs).values()
    seeds = set.intersection(*({run.config["seed"] for run in found} for found in of_models))
    for seed in sorted(seeds):
        members = [run for found in of_models for run in found if run.config["seed"] == seed]
        _tell(blend_runs(folder, members, name))


@app.command()
def write(
    run: Annotated[str, typer.Argument(help="A run of `train generative`, of transformers.")],
    data: Annotated[
        str, typer.Option(help="The prepared set it learned from; default its name.")
    ] = (""),
    per_class: Annotated[int, typer.Option(help="Texts of each class.")] = 500,
    temperature: Annotated[float, typer.Option(help="Below 1: likelier, above: bolder.")] = 1.0,
    top_p: Annotated[
        float, typer.Option(help="Share of the likeliest tokens to draw from.")
    ] = 0.95,
    longest: Annotated[int, typer.Option(help="Tokens of a text, at most.")] = 400,
    seed: Annotated[int, typer.Option(help="Of the writing.")] = 0,
    store: Store = None,
) -> None:
    """Let the language model of each class write texts that copy no real one."""
    from wholescript.report.project import Project
    from wholescript.report.synthetic import write_synthetic
    from wholescript.report.text_runs import find_text_runs
    from wholescript.training.synthesis import Sampling

    ((found, *_),) = find_text_runs(_store(store), [run]).values()
    folder = write_synthetic(
        Project(),
        found,
        _read(data or found.config["textset"]),
        per_class,
        Sampling(temperature, top_p, longest),
        seed=seed,
        progress=True,
    )
    out.print(f"wrote {folder}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def classify(
    run: Annotated[str, typer.Argument(help="A run, such as questions/tfidf-svm-s0.")],
    texts: Annotated[list[str], typer.Argument(help="Texts, each in quotes.")],
    top: Annotated[int, typer.Option(help="Classes to show of each.")] = 3,
    store: Store = None,
) -> None:
    """Ask a trained model of other texts; one of language also shows what each word is worth."""
    from wholescript.report.project import Project
    from wholescript.report.text_runs import find_text_runs
    from wholescript.report.trained import load_trained_run, word_evidence

    ((found, *_),) = find_text_runs(_store(store), [run]).values()
    fitted = load_trained_run(Project(), found)
    classes = found.config["classes"]
    for text, row in zip(texts, fitted.predict_proba(texts), strict=True):
        best = sorted(zip(row, classes, strict=True), reverse=True)[:top]
        out.print(", ".join(f"{name} {share:.1%}" for share, name in best), highlight=False)
        if hasattr(fitted, "by_word"):
            line = Text()
            for word, evidence in word_evidence(fitted, text).itertuples(index=False):
                shade = "bold green" if evidence > 1 else "bold red" if evidence < -1 else ""
                line.append(f"{word.strip() or 'end'} ", shade).append(f"{evidence:+.1f} ", "dim")
            out.print(line)


@app.command("labels")
def wrong_labels(
    data: Data,
    labels: Labels = "label",
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    top: Annotated[int, typer.Option(help="Texts to show.")] = 20,
    output: Annotated[Path | None, typer.Option(help="A CSV of all texts, by suspicion.")] = None,
    store: Store = None,
) -> None:
    """Find training texts whose label is likely wrong, by models that did not learn them."""
    import pandas as pd

    from wholescript.files import write_atomic
    from wholescript.models.text_linear import SentenceLinear
    from wholescript.report.label_runs import find_wrong_labels

    textset = _read(data)
    found = find_wrong_labels(_store(store), textset, SentenceLinear, labels=labels, seed=seed)
    texts = [textset.splits["train"].texts[row] for row in found.ranking["row"]]
    ranking = found.ranking.assign(text=texts)
    if output:
        write_atomic(output, ranking.to_csv(index=False, lineterminator="\n"))
    shown = ranking.head(top).drop(columns=["row", "flagged"])
    _print(shown.assign(text=shown["text"].str.slice(0, 60)), "the most suspicious labels")
    metrics = {name: metric.value for name, metric in found.run.metrics.items()}
    _print(pd.Series(metrics, name="value").rename_axis(found.run.name).reset_index(), "in numbers")


@app.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Until Ctrl-C, every two seconds.")] = (
        False
    ),
) -> None:
    """Say which trainings are running, interrupted, failed or finished, and how far they are."""
    from rich.live import Live

    from wholescript.report.live_runs import live_runs
    from wholescript.report.project import Project
    from wholescript.report.site.trainings import Shown, shown

    def lines() -> Group:
        runs, now = live_runs(Project()), time.time()
        # A narrow terminal has no room for all.
        dropped = {"held_out", "speed", "checkpoint"} if out.width < WIDE else set[str]()
        kept = [name for name in Shown._fields if name not in dropped]
        titles = [name.replace("_", " ") for name in kept]
        table = Table(*titles, title="trainings, the last one first", title_justify="left")
        for run in runs:
            words = shown(run, now)
            table.add_row(*(escape(getattr(words, name)) for name in kept))
        broken = [run for run in runs if run.state in ("interrupted", "failed")]
        return Group(table, *(Text(f"{run.name} goes on by: {run.command}") for run in broken))

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
    tested: int | None = None,
    written: Path | None = None,
    added: int = 0,
) -> None:
    from wholescript.errors import ParameterError
    from wholescript.report.synthetic import read_synthetic
    from wholescript.report.text_runs import Training, train_text_run

    if bool(written) != bool(added):
        raise ParameterError("--written FOLDER and --added NUMBER go together")
    textset = _read(data)
    more = read_synthetic(written, added, len(textset.classes)) if written else None
    for seed in seeds or [0]:
        run = train_text_run(
            _store(store),
            textset,
            estimator,
            Training(seed, examples, labels, tested, added),
            written=more,
            name=name,
            progress=True,
            on_epoch=_say,
        )
        _tell(run)


def _tell(run: Any) -> None:
    accuracy, macro = run.metrics["accuracy"], run.metrics["macro_f1"]
    out.print(
        f"{run.name}: accuracy {accuracy.value:.4f} ({accuracy.low:.4f} to {accuracy.high:.4f}), "
        f"macro-F1 {macro.value:.4f}, {run.metrics['train_seconds'].value:.1f} s",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _read(data: str) -> Any:
    from wholescript.data.textsets import read_textset
    from wholescript.report.project import Project

    folder = Path(data)
    return read_textset(folder if folder.is_dir() else Project().build / "textsets" / data)


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
