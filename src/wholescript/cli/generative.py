"""Commands of generative classifiers: train them, and generate synthetic texts with them."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import typer

from wholescript.cli.base import app, echo, train
from wholescript.cli.options import Data, LabelColumn, Store, load_labelled, open_workspace
from wholescript.cli.training_options import (
    TRAIN_CONFIG_OPTIONS,
    Epochs,
    GradientAccumulation,
    LearningRate,
    LoraAlpha,
    LoraRank,
    MaxEval,
    Name,
    NSynthetic,
    NTrain,
    Patience,
    PretrainEpochs,
    Seeds,
    SyntheticDir,
    UseBfloat16,
    flags_given,
    pretrain_fields,
    set_train_config,
    train_seeds,
    unlabelled_texts,
)

NGRAM_MODELS = ("ngram", "ngram-interpolated")
LORA_OPTIONS = ("tuning", "rank", "alpha", "prompt")
SHARED_TRUNK_OPTIONS = ("n_shared_layers", "disc_weight", "single_window", "keep_layers")
UNUSED_OPTIONS = {
    "ngram": (
        *TRAIN_CONFIG_OPTIONS,
        *LORA_OPTIONS,
        *SHARED_TRUNK_OPTIONS,
        "window",
        "vocab_size",
        "pretrain_epochs",
    ),
    "scratch": (*LORA_OPTIONS, *SHARED_TRUNK_OPTIONS),
    "pretrained": ("vocab_size", "pretrain_epochs", *SHARED_TRUNK_OPTIONS),
    "shared-trunk": ("prompt", "pretrain_epochs"),
}
"""Parameters of `train generative` without effect, by the kind of model."""


@train.command()
def generative(
    context: typer.Context,
    data: Data,
    model: Annotated[
        str,
        typer.Option(
            help="ngram: Kneser-Ney n-grams; ngram-interpolated: n-grams interpolated with a "
            "background model of all texts, unlabelled ones included, and a cache model; tiny, "
            "small, medium or large: transformer from scratch; smollm2, a folder or a hub name: "
            "pretrained transformer that is fine-tuned."
        ),
    ] = "ngram",
    tuning: Annotated[
        Literal["full", "lora"], typer.Option(help="Trained weights of a pretrained model.")
    ] = "lora",
    rank: LoraRank = 8,
    alpha: LoraAlpha = 16,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            help="Prompt before each text (pretrained model); one per class, in their order."
        ),
    ] = None,
    n_shared_layers: Annotated[
        int | None,
        typer.Option(
            "--shared-layers",
            help="Number of lower layers shared by all classes; the layers above are fine-tuned "
            "per class with the discriminative loss.",
        ),
    ] = None,
    disc_weight: Annotated[
        float,
        typer.Option(
            help="Weight of the label cross-entropy in the loss (with --shared-layers); the "
            "next-token loss has 1 - weight."
        ),
    ] = 0.8,
    single_window: Annotated[
        bool,
        typer.Option(
            "--single-window", help="Train on one window per text (with --shared-layers)."
        ),
    ] = False,
    keep_layers: Annotated[
        int | None,
        typer.Option(help="Keep the first n layers of the pretrained model (with --vocab-size)."),
    ] = None,
    epochs: Epochs = None,
    learning_rate: LearningRate = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Batch size in windows; default: from the model.")
    ] = None,
    gradient_accumulation_steps: GradientAccumulation = 1,
    window: Annotated[int, typer.Option(help="Tokens per training window.")] = 256,
    vocab_size: Annotated[
        int | None,
        typer.Option(
            help="Vocabulary size in tokens: of a model from scratch, or of a pretrained model "
            "after pruning (with --keep-layers); default: from the model."
        ),
    ] = None,
    pretrain_epochs: PretrainEpochs = 0,
    patience: Patience = None,
    bfloat16: UseBfloat16 = None,
    seed: Seeds = None,
    n_train: NTrain = None,
    max_eval: MaxEval = None,
    synthetic: SyntheticDir = None,
    n_synthetic: NSynthetic = 0,
    label_column: LabelColumn = "label",
    name: Name = None,
    store: Store = None,
) -> None:
    """Train one language model per class, combined by Bayes' rule; resumable."""
    from wholescript.errors import ParameterError
    from wholescript.models.documents.ngram import NgramClassifier
    from wholescript.models.documents.ngram_interpolated import InterpolatedNgramClassifier
    from wholescript.models.sizes import MODEL_SIZES
    from wholescript.studies.generative.class_lm import FinetunedGenerative, ScratchGenerative
    from wholescript.studies.generative.shared_trunk import SharedTrunkGenerative

    if model in NGRAM_MODELS:
        kind = "ngram"
    elif model in MODEL_SIZES:
        kind = "scratch"
    else:
        kind = "pretrained" if n_shared_layers is None else "shared-trunk"
    if unused := flags_given(context, UNUSED_OPTIONS[kind]):
        user = f"--model {model}" + (" with --shared-layers" if kind == "shared-trunk" else "")
        raise ParameterError(f"{user} does not use {', '.join(unused)}: remove the option")

    estimator: Any
    given_size: dict[str, Any] = {} if vocab_size is None else {"vocab_size": vocab_size}
    lora: dict[str, Any] = {"pretrained": model, "tuning": tuning, "rank": rank, "alpha": alpha}
    if model == "ngram":
        estimator = NgramClassifier()
    elif kind == "ngram":
        estimator = InterpolatedNgramClassifier(unlabelled=unlabelled_texts(data))
    elif kind == "scratch":
        pretraining = pretrain_fields(data, pretrain_epochs)
        estimator = ScratchGenerative(window=window, size=model, **given_size, **pretraining)
    elif n_shared_layers is None:
        estimator = FinetunedGenerative(window=window, prompts=tuple(prompt or ()), **lora)
    else:
        estimator = SharedTrunkGenerative(
            window=window,
            n_shared_layers=n_shared_layers,
            disc_weight=disc_weight,
            single_window=single_window,
            n_layer=keep_layers,
            **given_size,
            **lora,
        )
    if kind != "ngram":
        if batch_size is not None:
            estimator = replace(estimator, batch_size=batch_size)
        set_train_config(
            estimator, bfloat16, epochs, learning_rate, patience, gradient_accumulation_steps
        )
    train_seeds(
        data, estimator, seed, n_train, label_column, name, store, max_eval, synthetic, n_synthetic
    )


@app.command()
def generate(
    run: Annotated[str, typer.Argument(help="Run of `train generative` with transformers.")],
    data: Annotated[
        str | None,
        typer.Option(help="Data set that the run was trained on; default: by its stored name."),
    ] = None,
    n_per_class: Annotated[int, typer.Option(help="Number of texts per class.")] = 500,
    temperature: Annotated[float, typer.Option(help="Sampling temperature.")] = 1.0,
    top_p: Annotated[
        float, typer.Option(help="Nucleus sampling: share of the probability to sample from.")
    ] = 0.95,
    max_tokens: Annotated[int, typer.Option(help="Maximum length of a text in tokens.")] = 400,
    min_words: Annotated[
        int, typer.Option(help="Minimum length in words; shorter texts are rejected.")
    ] = 20,
    seed: Annotated[int, typer.Option(help="Random seed of the sampling.")] = 0,
    store: Store = None,
) -> None:
    """Generate synthetic texts of each class; texts copied from real ones are rejected."""
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.studies.generative.synthetic_data import SamplingConfig, generate_synthetic

    workspace = open_workspace(store)
    ((found, *_),) = find_document_runs(workspace.store, [run]).values()
    folder = generate_synthetic(
        workspace,
        found,
        load_labelled(data or found.config["dataset"]),
        n_per_class,
        SamplingConfig(temperature, top_p, max_tokens, min_words),
        seed=seed,
        progress=True,
    )
    echo(f"wrote {folder}")
