"""Options that commands of training share, and how they become a trained run for each seed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from wholescript.cli.options import load_labelled, open_workspace, print_epoch, print_run

# The modules behind a command are imported when it runs: `--help` answers at once.

Seeds = Annotated[list[int] | None, typer.Option("--seed", help="May be repeated; default 0.")]
NTrain = Annotated[int | None, typer.Option(help="Training texts to use; default all.")]
MaxEval = Annotated[
    int | None, typer.Option(help="Texts of test, and of validation, to score; default all.")
]
Name = Annotated[str | None, typer.Option(help="Of the run; default by the model.")]
Epochs = Annotated[int | None, typer.Option(help="At most.")]
LearningRate = Annotated[float | None, typer.Option(help="The highest learning rate.")]
Batch = Annotated[int, typer.Option(help="Texts a batch.")]
Accumulate = Annotated[int, typer.Option(help="Batches a step.")]
MaxLength = Annotated[int, typer.Option(help="Tokens of a text that are read.")]
TokenDropout = Annotated[float, typer.Option(help="Share of tokens hidden in training.")]
Smoothing = Annotated[float, typer.Option(help="Label smoothing.")]
SyntheticDir = Annotated[
    Path | None, typer.Option(help="A folder of `wholescript write`, to be learned from as well.")
]
NSynthetic = Annotated[int, typer.Option(help="So many texts of each class from there.")]
PretrainEpochs = Annotated[
    int, typer.Option(help="Epochs of reading before, unlabelled texts too; 0 for none.")
]
Patience = Annotated[int | None, typer.Option(help="Epochs without a better score.")]
UseBfloat16 = Annotated[
    bool | None, typer.Option("--bfloat16/--float32", help="Default: what this machine is fast at.")
]
TRAIN_OPTIONS = ("epochs", "learning_rate", "batch_size", "accumulate", "patience", "bfloat16")
ENCODER_OPTIONS = (*TRAIN_OPTIONS, "token_dropout", "max_length", "label_smoothing", "reading")
SHARED_TRUNK_OPTIONS = ("fork", "telling", "one_window", "blocks")
LORA_OPTIONS = ("tuning", "rank", "alpha", "prompt")
UNSUPPORTED_OPTIONS = {  # of `train generative`, by the kind of model
    "ngram": (
        *TRAIN_OPTIONS,
        *LORA_OPTIONS,
        *SHARED_TRUNK_OPTIONS,
        "window",
        "vocabulary",
        "reading",
    ),
    "scratch": (*LORA_OPTIONS, *SHARED_TRUNK_OPTIONS),
    "pretrained": ("vocabulary", "reading", *SHARED_TRUNK_OPTIONS),
    "forked": ("prompt", "reading"),
}


def options_given(context: typer.Context, names: Sequence[str]) -> list[str]:
    """Return which of these options stand on the command line, as they are written there."""
    sources = {name: context.get_parameter_source(name) for name in names}
    # By its name: typer brings a click of its own, whose sources are not those of click.
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    return [f"--{name.replace('_', '-')}" for name in given]


def pretrain_fields(data: str, epochs: int) -> dict[str, Any]:
    """Return the fields of an estimator that say what it reads before it is trained."""
    from wholescript.training.pretrain import PRETRAIN_CONFIG

    if epochs == 0:
        return {}
    return {
        "reading": replace(PRETRAIN_CONFIG, epochs=epochs),
        "unlabelled": unlabelled_texts(data),
    }


def unlabelled_texts(data: str) -> Sequence[str]:
    """Return the texts of a set that have no label, if there are any."""
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
    """Change what was given of an estimator's defaults."""
    from wholescript.errors import ParameterError

    if patience is not None and patience < 1:
        raise ParameterError(f"--patience {patience}: wait one epoch at least for a better score")
    given = {"epochs": epochs, "learning_rate": learning_rate, "patience": patience}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    estimator.training = replace(
        estimator.training, gradient_accumulation_steps=gradient_accumulation_steps, **changed
    )
    if bfloat16 is not None:
        estimator.bfloat16 = bfloat16


def train_seeds(
    data: str,
    estimator: Any,
    seeds: list[int] | None,
    n_train: int | None,
    labels: str,
    name: str | None,
    store: Path | None,
    max_eval: int | None = None,
    synthetic: Path | None = None,
    n_synthetic: int = 0,
) -> None:
    """Train an estimator on a prepared set once for each seed, and tell each run."""
    from wholescript.errors import ParameterError
    from wholescript.experiments.documents.data_config import DataConfig
    from wholescript.experiments.documents.train import DocumentExperiment
    from wholescript.experiments.experiment import run
    from wholescript.studies.generative.synthetic_data import load_synthetic

    if bool(synthetic) != bool(n_synthetic):
        raise ParameterError("--written FOLDER and --added NUMBER go together")
    dataset = load_labelled(data)
    for seed in seeds or [0]:
        training = DataConfig(seed, n_train, labels, max_eval, n_synthetic)
        texts = load_synthetic(synthetic, n_synthetic, dataset, training) if synthetic else None
        experiment = DocumentExperiment(estimator, training, name, texts)
        print_run(run(experiment, dataset, open_workspace(store), on_epoch_end=print_epoch))
