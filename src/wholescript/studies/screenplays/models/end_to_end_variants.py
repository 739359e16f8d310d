"""The published models that read texts: no notebook trains them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Protocol

from wholescript.models.decoder_embeddings import FromDecoder
from wholescript.models.mean_embedding import MeanPoolingLR
from wholescript.models.task import Estimator
from wholescript.studies.screenplays.models.aggregation import aggregators
from wholescript.studies.screenplays.models.end_to_end import EndToEnd
from wholescript.training.loop import TrainingSettings
from wholescript.training.masked_lm import Pretraining

SMALL: dict[str, Any] = {"d_model": 128, "heads": 4, "d_feedforward": 512, "layers": 2}
"""The encoder from scratch."""


class TextModel(Estimator, Protocol):
    """An estimator that first takes the texts."""

    def take(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        """Keep what it needs of scripts, given as (SHA-1 of the text, text)."""


def text_models() -> dict[str, TextModel]:
    """Return the published models that read texts, by name.

    Samples and epochs are what two cores manage in an hour; nothing was chosen by trials.
    """
    reading = TrainingSettings(
        epochs=2, learning_rate=1e-3, weight_decay=0.01, patience=2, chunk_dropout=0.0
    )
    training = TrainingSettings(epochs=4, learning_rate=5e-4, patience=2, chunk_dropout=0.0)
    shorter = replace(training, epochs=2)
    causal = {"positions": "rotary", "causal": True}
    gated = aggregators(epochs=12, inner_folds=5)["gated attention"]
    return {
        "from scratch, pretrained": EndToEnd(
            "pretrained",
            sample=8,
            look=24,
            way="whole",
            encoder_options=SMALL,
            pretraining=Pretraining(sample=8, training=reading),
            training=training,
        ),
        "from scratch, causal": EndToEnd(
            "causal",
            sample=8,
            look=16,
            way="whole",
            encoder_options=SMALL | causal,
            training=shorter,
        ),
        "thawed": EndToEnd("thawed", "thawed", sample=4, look=12, way="whole", training=shorter),
        "language model, mean": FromDecoder(MeanPoolingLR()),
        "language model, gated": FromDecoder(gated),
    }
