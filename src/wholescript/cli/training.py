"""Commands that train document classifiers; generative ones are in cli/generative.py."""

from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import typer

from wholescript.cli.base import app, echo, train
from wholescript.cli.options import Data, LabelColumn, Store, open_workspace, print_run
from wholescript.cli.training_options import (
    TRAIN_CONFIG_OPTIONS,
    BatchSize,
    Epochs,
    GradientAccumulation,
    LabelSmoothing,
    LearningRate,
    LoraAlpha,
    LoraRank,
    MaxEval,
    MaxLength,
    Name,
    NSynthetic,
    NTrain,
    Patience,
    PretrainEpochs,
    Seeds,
    SyntheticDir,
    TokenDropout,
    UseBfloat16,
    flags_given,
    pretrain_fields,
    set_train_config,
    train_seeds,
)
from wholescript.experiments.registry import SKLEARN_MODELS, model_display_name

# typer makes the choices of an option from an enumeration.
SklearnModel = Enum("SklearnModel", {name: name for name in SKLEARN_MODELS}, type=str)  # type: ignore[misc]
DEFAULT_SKLEARN_MODEL = SklearnModel("tfidf-svm")

PUBLISHED_CONFIG_SETS = (
    *TRAIN_CONFIG_OPTIONS,
    "token_dropout",
    "max_length",
    "label_smoothing",
    "pretrain_epochs",
)


@train.command()
def scratch(
    data: Data,
    size: Annotated[str, typer.Option(help="Model size: tiny | small | medium | large.")] = "small",
    pooling: Annotated[
        Literal["last", "mean"], typer.Option(help="Pooling of the token states.")
    ] = "mean",
    tokenizer: Annotated[
        Literal["bpe", "gpt2"],
        typer.Option(
            help="bpe: trained on the training texts; gpt2: that of GPT-2, limited to the tokens "
            "that occur."
        ),
    ] = "bpe",
    vocab_size: Annotated[
        int, typer.Option(help="Vocabulary size in tokens (tokenizer bpe).")
    ] = 8_000,
    dropout: Annotated[
        float, typer.Option(help="Dropout rate of embeddings, layers and classification head.")
    ] = 0.1,
    token_dropout: TokenDropout = 0.0,
    epochs: Epochs = None,
    learning_rate: LearningRate = None,
    batch_size: BatchSize = 32,
    gradient_accumulation_steps: GradientAccumulation = 1,
    max_length: MaxLength = 256,
    label_smoothing: LabelSmoothing = 0.1,
    patience: Patience = None,
    bfloat16: UseBfloat16 = None,
    seed: Seeds = None,
    n_train: NTrain = None,
    label_column: LabelColumn = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a small decoder-only transformer from scratch; the same command resumes it."""
    from wholescript.studies.classifiers.scratch import ScratchClassifier

    estimator = ScratchClassifier(
        max_length=max_length,
        batch_size=batch_size,
        label_smoothing=label_smoothing,
        dropout=dropout,
        size=size,
        pooling=pooling,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        token_dropout=token_dropout,
    )
    set_train_config(
        estimator, bfloat16, epochs, learning_rate, patience, gradient_accumulation_steps
    )
    train_seeds(data, estimator, seed, n_train, label_column, name, store)


@train.command()
def finetune(
    data: Data,
    model: Annotated[
        str, typer.Option(help="Pretrained model: smollm2, a folder or a hub name.")
    ] = "smollm2",
    tuning: Annotated[
        Literal["full", "lora", "frozen", "lp-ft"],
        typer.Option(
            help="Trained weights: all, LoRA adapters and head, only the head, or first the head "
            "and then all (LP-FT, Kumar et al., 2022)."
        ),
    ] = "lora",
    rank: LoraRank = 8,
    alpha: LoraAlpha = 16,
    epochs: Epochs = None,
    learning_rate: LearningRate = None,
    batch_size: BatchSize = 32,
    gradient_accumulation_steps: GradientAccumulation = 1,
    max_length: MaxLength = 256,
    label_smoothing: LabelSmoothing = 0.1,
    patience: Patience = None,
    bfloat16: UseBfloat16 = None,
    seed: Seeds = None,
    n_train: NTrain = None,
    max_eval: MaxEval = None,
    label_column: LabelColumn = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Fine-tune a pretrained decoder-only transformer; the same command resumes it."""
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
    train_seeds(data, estimator, seed, n_train, label_column, name, store, max_eval)


@train.command()
def sklearn(
    data: Data,
    model: Annotated[
        SklearnModel,
        typer.Option(help="; ".join(f"{m}: {model_display_name(m)}" for m in SKLEARN_MODELS)),
    ] = DEFAULT_SKLEARN_MODEL,
    seed: Seeds = None,
    n_train: NTrain = None,
    synthetic: SyntheticDir = None,
    n_synthetic: NSynthetic = 0,
    label_column: LabelColumn = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a scikit-learn model on word counts, TF-IDF or frozen sentence embeddings."""
    from wholescript.experiments.registry import find_model

    registered, arguments = SKLEARN_MODELS[model.value]
    estimator = find_model(registered).load()(**arguments)
    train_seeds(
        data, estimator, seed, n_train, label_column, name or model.value, store, None, synthetic,
        n_synthetic,
    )  # fmt: skip


@train.command()
def encoder(
    context: typer.Context,
    data: Data,
    pretrain_epochs: PretrainEpochs = 0,
    published_config: Annotated[
        bool,
        typer.Option(
            "--published-config", help="Use the published settings of a small IMDB encoder."
        ),
    ] = False,
    token_dropout: TokenDropout = 0.0,
    epochs: Epochs = None,
    learning_rate: LearningRate = None,
    batch_size: BatchSize = 32,
    gradient_accumulation_steps: GradientAccumulation = 1,
    max_length: MaxLength = 256,
    label_smoothing: LabelSmoothing = 0.1,
    patience: Patience = None,
    bfloat16: UseBfloat16 = None,
    seed: Seeds = None,
    n_train: NTrain = None,
    label_column: LabelColumn = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train a word-level encoder-only transformer from scratch; the same command resumes it."""
    from wholescript.errors import ParameterError
    from wholescript.studies.encoder.classifier import EncoderClassifier, published_encoder

    if published_config:
        if given := flags_given(context, PUBLISHED_CONFIG_SETS):
            raise ParameterError(f"--published-config sets {', '.join(given)}: remove the option")
        estimator = published_encoder()
        name = name or "encoder-published"
    else:
        estimator = EncoderClassifier(
            max_length=max_length,
            batch_size=batch_size,
            label_smoothing=label_smoothing,
            token_dropout=token_dropout,
        )
    estimator = replace(estimator, **pretrain_fields(data, pretrain_epochs))
    set_train_config(
        estimator, bfloat16, epochs, learning_rate, patience, gradient_accumulation_steps
    )
    train_seeds(data, estimator, seed, n_train, label_column, name, store)


@train.command()
def ensemble(
    runs: Annotated[
        list[str], typer.Argument(help="Runs or model names, all of one data set of two classes.")
    ],
    name: Annotated[str, typer.Option(help="Name of the run.")] = "ensemble",
    store: Store = None,
) -> None:
    """Sum the log-probabilities of trained binary classifiers, weighted on validation."""
    from wholescript.errors import ParameterError
    from wholescript.experiments.documents.ensemble import Ensemble
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.experiments.experiment import run as execute

    workspace = open_workspace(store)
    of_models = find_document_runs(workspace.store, runs).values()
    seeds = set.intersection(*({run.config["seed"] for run in found} for found in of_models))
    if not seeds:
        raise ParameterError(f"{', '.join(runs)} have no seed in common: train all with the same")
    for seed in sorted(seeds):
        members = [run for found in of_models for run in found if run.config["seed"] == seed]
        print_run(execute(Ensemble(name), members, workspace))


@app.command("label-sorted-demo")
def label_sorted_demo(
    dataset: Annotated[
        str, typer.Argument(help="imdb, another registered data set, or a file.")
    ] = "imdb",
    path: Annotated[
        Path | None, typer.Option(help="Local copy of the data set; default: the hub.")
    ] = None,
    n_train: Annotated[int, typer.Option(help="Train on the first n rows.")] = 5_000,
    max_eval: Annotated[
        int, typer.Option(help="Select the epoch on the first n test rows, as published.")
    ] = 1_000,
    name: Annotated[
        str | None, typer.Option(help="Name of the data set; default: from the source.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the training.")] = 0,
    store: Store = None,
) -> None:
    """Train and test an encoder on the first rows of a label-sorted file, as was published."""
    from wholescript.data.labelled import load_source
    from wholescript.experiments.experiment import run as execute
    from wholescript.studies.encoder.classifier import published_encoder
    from wholescript.studies.encoder.label_sorted_demo import LabelSortedDemo

    source = load_source(dataset, path, name=name)
    demo = LabelSortedDemo(published_encoder(), n_train, max_eval, seed)
    run = execute(demo, source, open_workspace(store))
    first_rows, all_rows = (run.metrics[m].value for m in ("accuracy_first_rows", "accuracy"))
    echo(f"accuracy on the first {max_eval:,} test rows: {first_rows:.2%}; on all: {all_rows:.2%}")
    echo(f"`prepare --head {n_train}`: {run.config['guard_error'] or 'no error'}")
