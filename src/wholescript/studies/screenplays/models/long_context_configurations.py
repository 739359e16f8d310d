"""The settings of Longformer and Mamba-2 in the report, by display name.

Sizes, learning rates and epochs were set beforehand by what two cores train in minutes; nothing was
chosen by a result.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wholescript.features.pretrained_models import pretrained_version, shown_name
from wholescript.models.films.estimator import Estimator
from wholescript.models.long_context import pretrained_max_tokens
from wholescript.studies.screenplays.models.configurations import ScriptEstimator
from wholescript.studies.screenplays.models.end_to_end import (
    N_SPECIAL_TOKENS,
    EndToEndClassifier,
)
from wholescript.studies.screenplays.models.long_context import LongContextMILClassifier
from wholescript.training.loop import TrainConfig

WHOLE_SCRIPT = 110_000  # tokens; the longest bundled script has fewer
WINDOW = 2_048  # tokens, with those before and after: an epoch of whole scripts takes two hours
SMALL: dict[str, Any] = {"d_model": 64, "n_head": 4, "n_layer": 2}
"""What both models of raw text have in common."""
TEXT_TRAIN_CONFIG = TrainConfig(epochs=3, learning_rate=1e-3, patience=3, chunk_dropout=0.0)


def long_context_aggregators(epochs: int, n_inner_folds: int) -> dict[str, Estimator]:
    """Return Longformer and Mamba-2 over frozen chunk embeddings.

    `epochs` is the maximum, `n_inner_folds` the number of networks that are averaged. An epoch
    takes as long as several of the query decoder: at most 3 inner folds are used.
    """
    config = TrainConfig(epochs=min(8, epochs), learning_rate=1e-3, patience=2)
    n_folds = min(3, n_inner_folds)
    return {
        "Longformer": LongContextMILClassifier(
            "longformer", n_inner_folds=n_folds, train_config=config
        ),
        "Mamba-2": LongContextMILClassifier("mamba2", n_inner_folds=n_folds, train_config=config),
    }


def long_context_encoders(profile: str = "cpu") -> Mapping[str, ScriptEstimator]:
    """Return Longformer and Mamba-2 from scratch on the raw text.

    Each epoch takes a random window of each script, evaluation two windows, as many tokens as two
    cores train on in some ten minutes. With the run profile smoke, windows are short and there is
    one epoch.
    """
    models = {
        "Longformer from scratch": _on_windows(
            "scratch-longformer", "longformer", d_feedforward=256, attention_window=64
        ),
        "Mamba-2 from scratch": _on_windows("scratch-mamba2", "mamba2", d_state=16, chunk_size=64),
    }
    if profile == "smoke":
        return {
            name: replace(
                model,
                chunk_length=254,
                n_inner_folds=2,
                train_config=replace(model.train_config, epochs=1),
            )
            for name, model in models.items()
        }
    return models


def _on_windows(name: str, encoder: Any, **options: Any) -> EndToEndClassifier:
    return EndToEndClassifier(
        name,
        encoder,
        chunk_length=WINDOW - N_SPECIAL_TOKENS,
        n_train_chunks=1,
        n_eval_chunks=2,
        batch_size=8,
        memory_strategy="full_backprop",
        chunks_per_group=8,
        bfloat16=False,
        encoder_options=SMALL | options,
        train_config=TEXT_TRAIN_CONFIG,
    )


def pretrained_model(name: str) -> EndToEndClassifier:
    """Return a classifier with a pretrained model of transformers, fine-tuned on the texts.

    `name` is that of the model on the hub, of which the present commit is taken, or a folder. A
    chunk is as long as the model allows; a model without a limit takes whole scripts.

    Raises:
        ParameterError: there is no such model.
    """
    version = pretrained_version(name)
    positions = pretrained_max_tokens(name, None if Path(name).is_dir() else version)
    length = WHOLE_SCRIPT if positions is None else min(positions - N_SPECIAL_TOKENS, WHOLE_SCRIPT)
    label = shown_name(name).rpartition("/")[2].lower().replace(".", "-")
    return EndToEndClassifier(
        f"pretrained-{label}",
        "pretrained",
        chunk_length=length,
        n_train_chunks=1,
        n_eval_chunks=4,
        batch_size=1,
        memory_strategy="full_backprop",
        chunks_per_group=1,
        encoder_options={"name": name},
        encoder_version=version,
        train_config=replace(TEXT_TRAIN_CONFIG, learning_rate=2e-5, gradient_accumulation_steps=8),
    )
