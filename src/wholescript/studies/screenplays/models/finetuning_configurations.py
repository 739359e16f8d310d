"""The settings of fine-tuning against the same encoder frozen, by display name.

Sizes, learning rates and epochs were set beforehand; nothing was chosen by a result.
"""

from collections.abc import Mapping
from dataclasses import replace

from wholescript.studies.screenplays.models.warm_start import WarmStartClassifier

FROZEN, FINETUNED = "MiniLM, frozen", "MiniLM, last layer fine-tuned"


def finetuning_models(profile: str = "cpu") -> Mapping[str, WarmStartClassifier]:
    """Return the encoder frozen, and fine-tuned from there on the same chunks.

    With the run profile smoke, each is trained for one epoch on two chunks of a film.
    """
    finetuned = WarmStartClassifier("minilm-finetuned-warm-start")
    if profile == "smoke":
        finetuned = replace(
            finetuned,
            n_train_chunks=2,
            n_eval_chunks=2,
            n_inner_folds=2,
            dimensions=8,
            warm_start_config=replace(finetuned.warm_start_config, epochs=1),
            train_config=replace(finetuned.train_config, epochs=1),
        )
    return {
        FROZEN: replace(finetuned, name="minilm-frozen-same-chunks", finetune=False),
        FINETUNED: finetuned,
    }
