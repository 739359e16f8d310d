"""Options that the `train` commands share, and the training of one run per seed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from wholescript.cli.options import load_labelled, open_workspace, print_epoch, print_run

Seeds = Annotated[
    list[int] | None, typer.Option("--seed", help="Random seed; repeatable; default: 0.")
]
NTrain = Annotated[
    int | None, typer.Option(help="Number of training texts, a stratified sample; default: all.")
]
MaxEval = Annotated[
    int | None,
    typer.Option(help="Evaluate at most this many validation and test texts; default: all."),
]
Name = Annotated[str | None, typer.Option(help="Name of the run; default: from the model.")]
Epochs = Annotated[
    int | None, typer.Option(help="Maximum number of epochs; default: from the model.")
]
LearningRate = Annotated[
    float | None, typer.Option(help="Peak learning rate; default: from the model.")
]
BatchSize = Annotated[int, typer.Option(help="Batch size in texts.")]
GradientAccumulation = Annotated[
    int, typer.Option(help="Gradient accumulation: batches per optimiser step.")
]
MaxLength = Annotated[
    int, typer.Option(help="Maximum length in tokens; longer texts are truncated.")
]
TokenDropout = Annotated[
    float, typer.Option(help="Share of training tokens replaced by the unknown token.")
]
LabelSmoothing = Annotated[float, typer.Option(help="Label smoothing factor.")]
SyntheticDir = Annotated[
    Path | None,
    typer.Option(help="Folder of synthetic texts from `generate`, added to the training texts."),
]
NSynthetic = Annotated[int, typer.Option(help="Number of synthetic texts per class.")]
PretrainEpochs = Annotated[
    int,
    typer.Option(help="Epochs of pretraining on the texts, unlabelled ones included; 0: none."),
]
Patience = Annotated[
    int | None,
    typer.Option(help="Epochs without a better validation score before training stops."),
]
UseBfloat16 = Annotated[
    bool | None,
    typer.Option(
        "--bfloat16/--float32", help="Precision; default: bfloat16 if the hardware supports it."
    ),
]
LoraRank = Annotated[int, typer.Option("--lora-rank", help="Rank of the LoRA adapters.")]
LoraAlpha = Annotated[
    int, typer.Option("--lora-alpha", help="LoRA alpha; the update is scaled by alpha / rank.")
]

TRAIN_CONFIG_OPTIONS = (
    "epochs",
    "learning_rate",
    "batch_size",
    "gradient_accumulation_steps",
    "patience",
    "bfloat16",
)


def flags_given(context: typer.Context, parameters: Sequence[str]) -> list[str]:
    """Return those of these parameters that are on the command line, by their flags."""
    flags = {param.name: param.opts[0] for param in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in parameters}
    # Compared by name: typer has its own click, whose enum is not that of click.
    return [flags[n] for n, source in sources.items() if source and source.name == "COMMANDLINE"]


def pretrain_fields(data: str, epochs: int) -> dict[str, Any]:
    """Return the fields `pretrain` and `unlabelled` of an estimator; none for 0 epochs."""
    from wholescript.training.pretrain import PRETRAIN_CONFIG

    if epochs == 0:
        return {}
    return {
        "pretrain": replace(PRETRAIN_CONFIG, epochs=epochs),
        "unlabelled": unlabelled_texts(data),
    }


def unlabelled_texts(data: str) -> Sequence[str]:
    """Return the unlabelled texts of a data set, possibly none."""
    unlabelled = load_labelled(data).splits.get("unsupervised")
    return unlabelled.texts if unlabelled else ()


def set_train_config(
    estimator: Any,
    bfloat16: bool | None,
    epochs: int | None,
    learning_rate: float | None,
    patience: int | None,
    gradient_accumulation_steps: int,
) -> None:
    """Set the training configuration of an estimator; None keeps its default."""
    from wholescript.errors import ParameterError

    if patience is not None and patience < 1:
        raise ParameterError(f"--patience {patience}: must be at least 1")
    given = {"epochs": epochs, "learning_rate": learning_rate, "patience": patience}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    estimator.train_config = replace(
        estimator.train_config, gradient_accumulation_steps=gradient_accumulation_steps, **changed
    )
    if bfloat16 is not None:
        estimator.bfloat16 = bfloat16


def train_seeds(
    data: str,
    estimator: Any,
    seeds: list[int] | None,
    n_train: int | None,
    label_column: str,
    name: str | None,
    store: Path | None,
    max_eval: int | None = None,
    synthetic: Path | None = None,
    n_synthetic: int = 0,
) -> None:
    """Train an estimator on a prepared data set once per seed, and print the metrics."""
    from wholescript.errors import ParameterError
    from wholescript.experiments.documents.data_config import DataConfig
    from wholescript.experiments.documents.train import DocumentExperiment
    from wholescript.experiments.experiment import run
    from wholescript.studies.generative.synthetic_data import load_synthetic

    if bool(synthetic) != bool(n_synthetic):
        raise ParameterError("--synthetic FOLDER and --n-synthetic NUMBER need each other")
    dataset = load_labelled(data)
    for seed in seeds or [0]:
        config = DataConfig(seed, n_train, label_column, max_eval, n_synthetic)
        texts = load_synthetic(synthetic, n_synthetic, dataset, config) if synthetic else None
        experiment = DocumentExperiment(estimator, config, name, texts)
        print_run(run(experiment, dataset, open_workspace(store), on_epoch_end=print_epoch))
