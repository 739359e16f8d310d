"""The published models that read texts: no notebook trains them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Protocol

from wholescript.models.decoder_embeddings import DecoderEmbeddingEstimator
from wholescript.models.mean_embedding import MeanPoolingLR
from wholescript.models.task import Estimator
from wholescript.studies.screenplays.models.aggregation import aggregators
from wholescript.studies.screenplays.models.end_to_end import EndToEndClassifier
from wholescript.training.loop import TrainConfig
from wholescript.training.masked_lm import MLMConfig

SCRATCH_ENCODER: dict[str, Any] = {"d_model": 128, "heads": 4, "d_feedforward": 512, "layers": 2}
"""The encoder from scratch."""


class ScriptEstimator(Estimator, Protocol):
    """An estimator that first takes the texts."""

    def cache_texts(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        """Keep what it needs of scripts, given as (SHA-1 of the text, text)."""


def end_to_end_models() -> dict[str, ScriptEstimator]:
    """Return the published models that read texts, by name.

    Samples and epochs are what two cores manage in an hour; nothing was chosen by trials.
    """
    mlm_training = TrainConfig(
        epochs=2, learning_rate=1e-3, weight_decay=0.01, patience=2, chunk_dropout=0.0
    )
    training = TrainConfig(epochs=4, learning_rate=5e-4, patience=2, chunk_dropout=0.0)
    short_training = replace(training, epochs=2)
    causal = {"positions": "rotary", "causal": True}
    gated = aggregators(epochs=12, inner_folds=5)["gated attention"]
    return {
        "from scratch, pretrained": EndToEndClassifier(
            "pretrained",
            n_train_chunks=8,
            n_eval_chunks=24,
            memory_strategy="whole",
            encoder_options=SCRATCH_ENCODER,
            pretrain_config=MLMConfig(n_train_chunks=8, training=mlm_training),
            training=training,
        ),
        "from scratch, causal": EndToEndClassifier(
            "causal",
            n_train_chunks=8,
            n_eval_chunks=16,
            memory_strategy="whole",
            encoder_options=SCRATCH_ENCODER | causal,
            training=short_training,
        ),
        "thawed": EndToEndClassifier(
            "thawed",
            "thawed",
            n_train_chunks=4,
            n_eval_chunks=12,
            memory_strategy="whole",
            training=short_training,
        ),
        "language model, mean": DecoderEmbeddingEstimator(MeanPoolingLR()),
        "language model, gated": DecoderEmbeddingEstimator(gated),
    }
