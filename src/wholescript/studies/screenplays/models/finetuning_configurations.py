"""The settings of fine-tuning against the same encoder frozen, by display name.

Sizes, learning rates and epochs were set beforehand; nothing was chosen by a result.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from wholescript.experiments.display_names import model_display_name
from wholescript.studies.screenplays.models.warm_start import WarmStartClassifier


class Pair(NamedTuple):
    """The display names of an encoder, frozen and fine-tuned on the same chunks."""

    frozen: str
    finetuned: str


RUN_NAMES = {
    8: ("minilm-frozen-same-chunks", "minilm-finetuned-warm-start"),
    32: ("minilm-frozen-32-chunks", "minilm-finetuned-32-chunks"),
}
PAIRS = {n_chunks: Pair(*map(model_display_name, names)) for n_chunks, names in RUN_NAMES.items()}
"""By the number of evenly spaced chunks of each film."""


def finetuning_models(profile: str = "cpu") -> Mapping[str, WarmStartClassifier]:
    """Return the encoder frozen, and fine-tuned from there on the same chunks, for all `PAIRS`.

    With the run profile smoke, each is trained for one epoch on two chunks of a film.
    """
    models = [
        WarmStartClassifier(name, n_eval_chunks=n_chunks, finetune=finetune)
        for n_chunks, names in RUN_NAMES.items()
        for name, finetune in zip(names, (False, True), strict=True)
    ]
    return {
        model_display_name(model.name): _smaller(model) if profile == "smoke" else model
        for model in models
    }


def _smaller(model: WarmStartClassifier) -> WarmStartClassifier:
    return replace(
        model,
        n_train_chunks=2,
        n_eval_chunks=2,
        n_inner_folds=2,
        dimensions=8,
        warm_start_config=replace(model.warm_start_config, epochs=1),
        train_config=replace(model.train_config, epochs=1),
    )
