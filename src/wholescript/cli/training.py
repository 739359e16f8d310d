"""Commands that train classifiers of texts."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from wholescript.cli.base import app, out
from wholescript.cli.options import Data, Labels, Store, open_workspace, print_run
from wholescript.cli.training_options import (
    ENCODER_OPTIONS,
    UNSUPPORTED_OPTIONS,
    Accumulate,
    Batch,
    Epochs,
    LearningRate,
    MaxEval,
    MaxLength,
    Name,
    NSynthetic,
    NTrain,
    Patience,
    PretrainEpochs,
    Seeds,
    Smoothing,
    SyntheticDir,
    TokenDropout,
    UseBfloat16,
    options_given,
    pretrain_fields,
    set_train_config,
    train_seeds,
    unlabelled_texts,
)

# The modules behind a command are imported when it runs: `--help` answers at once.

train = typer.Typer(no_args_is_help=True, help="Train a classifier of texts: a run for each seed.")
app.add_typer(train, name="train")


@train.callback()
def _begin() -> None:
    from wholescript.training.allocator import tune_allocator

    tune_allocator()


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
    token_dropout: TokenDropout = 0.0,
    epochs: Epochs = None,
    learning_rate: LearningRate = None,
    batch_size: Batch = 32,
    gradient_accumulation_steps: Accumulate = 1,
    max_length: MaxLength = 256,
    label_smoothing: Smoothing = 0.1,
    patience: Patience = None,
    bfloat16: UseBfloat16 = None,
    seed: Seeds = None,
    n_train: NTrain = None,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a small decoder-only transformer from scratch; killed, the same command goes on."""
    from wholescript.studies.classifiers.scratch import ScratchClassifier

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
    set_train_config(
        estimator, bfloat16, epochs, learning_rate, patience, gradient_accumulation_steps
    )
    train_seeds(data, estimator, seed, n_train, labels, name, store)


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
    learning_rate: LearningRate = None,
    batch_size: Batch = 32,
    gradient_accumulation_steps: Accumulate = 1,
    max_length: MaxLength = 256,
    label_smoothing: Smoothing = 0.1,
    patience: Patience = None,
    bfloat16: UseBfloat16 = None,
    seed: Seeds = None,
    n_train: NTrain = None,
    tested: MaxEval = None,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Fine-tune a pretrained decoder-only model; killed, the same command goes on."""
    from wholescript.studies.classifiers.finetuned import FinetunedClassifier

    estimator = FinetunedClassifier(
        max_length=max_length,
        batch_size=batch_size,
        label_smoothing=label_smoothing,
        pretrained=model,
        tuning=tuning,
        rank=rank,
        alpha=alpha,
    )
    set_train_config(
        estimator, bfloat16, epochs, learning_rate, patience, gradient_accumulation_steps
    )
    train_seeds(data, estimator, seed, n_train, labels, name, store, tested)


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
    n_train: NTrain = None,
    synthetic: SyntheticDir = None,
    n_synthetic: NSynthetic = 0,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a shallow model on counted words, on frozen sentence embeddings, or on both."""
    from wholescript.models.documents.bag_of_words import NBSVM, BagOfWordsLR, NaiveBayes
    from wholescript.models.documents.ensemble import SparseDenseEnsemble
    from wholescript.models.documents.kernel import SentenceKernel
    from wholescript.models.documents.sentence_embeddings import SentenceLinear
    from wholescript.models.documents.tfidf_svm import TfidfSVM

    models: dict[str, Callable[[], Any]] = {
        "svm": TfidfSVM,
        "sentences": SentenceLinear,
        "kernel": SentenceKernel,
        "linear-stack": partial(SparseDenseEnsemble, kernel=None),
        "stack": SparseDenseEnsemble,
        "logistic": BagOfWordsLR,
        "naive-bayes": NaiveBayes,
        "nb-svm": NBSVM,
    }
    model = models[kind]()
    default = "linear-stack" if kind == "linear-stack" else None
    train_seeds(
        data, model, seed, n_train, labels, name or default, store, None, synthetic, n_synthetic
    )


@train.command()
def generative(
    context: typer.Context,
    data: Data,
    model: Annotated[
        str,
        typer.Option(
            help="ngram; ngram-mixed, with those of unlabelled texts; tiny, small, medium or large "
            "for a transformer from scratch; smollm2, a folder or a name of the hub for one that "
            "is fine-tuned."
        ),
    ] = "ngram",
    tuning: Annotated[
        Literal["full", "lora"], typer.Option(help="What is trained of a pretrained model.")
    ] = "lora",
    rank: Annotated[int, typer.Option(help="Of LoRA.")] = 8,
    alpha: Annotated[int, typer.Option(help="Of LoRA: scaled by alpha / rank.")] = 16,
    prompt: Annotated[
        list[str] | None,
        typer.Option(help="What stands before a text of a pretrained model; one for each class."),
    ] = None,
    fork: Annotated[
        int | None,
        typer.Option(
            help="Blocks of a pretrained model that read for all classes; those above are tuned "
            "together, to tell texts apart."
        ),
    ] = None,
    telling: Annotated[
        float, typer.Option(help="Share of telling apart in the loss of a fork.")
    ] = 0.8,
    single_window: Annotated[
        bool, typer.Option("--one-window", help="Train a fork on one window of each text.")
    ] = False,
    epochs: Epochs = None,
    learning_rate: LearningRate = None,
    batch_size: Annotated[int | None, typer.Option(help="Windows a batch.")] = None,
    gradient_accumulation_steps: Accumulate = 1,
    window: Annotated[int, typer.Option(help="Tokens of a window that is trained on.")] = 256,
    blocks: Annotated[
        int | None, typer.Option(help="Of a pretrained model to take for a fork, the first ones.")
    ] = None,
    vocabulary: Annotated[
        int | None,
        typer.Option(help="Tokens of a model from scratch, or of those that --blocks leaves."),
    ] = None,
    reading: PretrainEpochs = 0,
    patience: Patience = None,
    bfloat16: UseBfloat16 = None,
    seed: Seeds = None,
    n_train: NTrain = None,
    tested: MaxEval = None,
    synthetic: SyntheticDir = None,
    n_synthetic: NSynthetic = 0,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a language model for each class, and decide by Bayes' rule."""
    from wholescript.errors import ParameterError
    from wholescript.models.documents.ngram import NgramClassifier
    from wholescript.models.documents.ngram_interpolated import InterpolatedNgramClassifier
    from wholescript.models.sizes import MODEL_SIZES
    from wholescript.studies.generative.class_lm import FinetunedGenerative, ScratchGenerative
    from wholescript.studies.generative.shared_trunk import SharedTrunkGenerative

    estimator: Any
    ngrams = ("ngram", "ngram-mixed")
    kind = "ngram" if model in ngrams else "scratch" if model in MODEL_SIZES else "pretrained"
    forked = kind == "pretrained" and fork is not None
    if idle := options_given(context, UNSUPPORTED_OPTIONS["forked" if forked else kind]):
        what = f"--fork {fork}" if forked else f"--model {model}"
        raise ParameterError(f"{what} has no {', '.join(idle)}: leave it out")
    if model == "ngram":
        estimator = NgramClassifier()
    elif kind == "ngram":
        estimator = InterpolatedNgramClassifier(unlabelled=unlabelled_texts(data))
    else:
        sizes: dict[str, Any] = {} if vocabulary is None else {"vocabulary": vocabulary}
        tuned: dict[str, Any] = {
            "pretrained": model,
            "tuning": tuning,
            "rank": rank,
            "alpha": alpha,
        }
        if kind == "scratch":
            before = pretrain_fields(data, reading)
            estimator = ScratchGenerative(window=window, size=model, **sizes, **before)
        elif fork is not None:
            estimator = SharedTrunkGenerative(
                window=window,
                fork=fork,
                telling=telling,
                single_window=single_window,
                blocks=blocks,
                **sizes,
                **tuned,
            )
        else:
            prompts = tuple(prompt or ())
            estimator = FinetunedGenerative(window=window, prompts=prompts, **tuned)
        if batch_size is not None:
            estimator = replace(estimator, batch_size=batch_size)
        set_train_config(
            estimator, bfloat16, epochs, learning_rate, patience, gradient_accumulation_steps
        )
    train_seeds(data, estimator, seed, n_train, labels, name, store, tested, synthetic, n_synthetic)


@train.command()
def encoder(
    context: typer.Context,
    data: Data,
    reading: PretrainEpochs = 0,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Settings of a known small model of IMDB.")
    ] = False,
    token_dropout: TokenDropout = 0.0,
    epochs: Epochs = None,
    learning_rate: LearningRate = None,
    batch_size: Batch = 32,
    gradient_accumulation_steps: Accumulate = 1,
    max_length: MaxLength = 256,
    label_smoothing: Smoothing = 0.1,
    patience: Patience = None,
    bfloat16: UseBfloat16 = None,
    seed: Seeds = None,
    n_train: NTrain = None,
    labels: Labels = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train an encoder over whole words from scratch; killed, the same command goes on."""
    from wholescript.errors import ParameterError
    from wholescript.studies.encoder.classifier import EncoderClassifier, published_encoder

    if as_published:
        if given := options_given(context, ENCODER_OPTIONS):
            raise ParameterError(f"--as-published has its own {', '.join(given)}: leave it out")
        estimator = published_encoder()
        name = name or "encoder-published"
    else:
        estimator = EncoderClassifier(
            max_length=max_length,
            batch_size=batch_size,
            label_smoothing=label_smoothing,
            token_dropout=token_dropout,
        )
    estimator = replace(estimator, **pretrain_fields(data, reading))
    set_train_config(
        estimator, bfloat16, epochs, learning_rate, patience, gradient_accumulation_steps
    )
    train_seeds(data, estimator, seed, n_train, labels, name, store)


@train.command()
def blend(
    runs: Annotated[list[str], typer.Argument(help="Runs or models, of one set of texts.")],
    name: Annotated[str, typer.Option(help="Of the run.")] = "blend",
    store: Store = None,
) -> None:
    """Join trained models of two classes, weighted on validation: a run for each seed."""
    from wholescript.errors import ParameterError
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.experiments.experiment import run as execute
    from wholescript.experiments.documents.ensemble import Ensemble

    workspace = open_workspace(store)
    of_models = find_document_runs(workspace.store, runs).values()
    seeds = set.intersection(*({run.config["seed"] for run in found} for found in of_models))
    if not seeds:
        raise ParameterError(f"{', '.join(runs)} have no seed in common: train each with the same")
    for seed in sorted(seeds):
        members = [run for found in of_models for run in found if run.config["seed"] == seed]
        print_run(execute(Ensemble(name), members, workspace))


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
    from wholescript.data.labelled import load_source
    from wholescript.experiments.experiment import run as execute
    from wholescript.studies.encoder.classifier import published_encoder
    from wholescript.studies.encoder.label_sorted_demo import LabelSortedDemo

    source = load_source(dataset, path, name=name)
    demo = LabelSortedDemo(published_encoder(), rows, tested, seed)
    run = execute(demo, source, open_workspace(store))
    head, whole = run.metrics["head_accuracy"].value, run.metrics["accuracy"].value
    out.print(f"accuracy on the first {tested:,} test texts: {head:.2%}; on all: {whole:.2%}")
    out.print(f"`wholescript prepare --head {rows}` says: {run.config['refusal'] or 'nothing'}")
