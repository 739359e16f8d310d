"""Classifiers of texts that are fine-tuned from a pretrained language model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from pydoc_data.topics import topics
from typing import Literal

import numpy as np
import torch
from torch import nn

from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.adapters import Tuning
from wholescript.models.decoder_classifier import DecoderClassifier
from wholescript.studies.classifiers.scratch import SCRATCH_TRAIN_CONFIG
from wholescript.training.document_classifier import NeuralDocumentClassifier, TokenizeFn
from wholescript.training.documents import IntArray
from wholescript.training.loop import TrainConfig

N_FORGETTING_PAGES, FORGETTING_PAGE_CHARS = (
    16,
    4_000,
)  # of Python's manual, and the characters of each that are looked at
FINETUNE_TRAIN_CONFIG = replace(SCRATCH_TRAIN_CONFIG, epochs=5, learning_rate=5e-4, patience=2)


@dataclass
class FinetunedClassifier(NeuralDocumentClassifier):
    """A pretrained decoder-only model, fine-tuned: `full`, `lora`, `frozen` or `thawed`.

    `thawed` trains the last layer for `frozen_epochs` first, then everything, at a tenth of the
    rate. `pretrained` is a name of `features.decoders.PACKAGED`, a folder, or one of the hub.
    """

    pretrained: str = "smollm2"
    tuning: Literal["full", "lora", "frozen", "thawed"] = "lora"
    rank: int = 8
    alpha: int = 16
    frozen_epochs: int = 2
    training: TrainConfig = field(default_factory=lambda: FINETUNE_TRAIN_CONFIG)

    def __post_init__(self) -> None:
        """Refuse names that are not there, and nothing to train."""
        super().__post_init__()
        if min(self.rank, self.alpha, self.frozen_epochs) < 1:
            raise ParameterError(
                f"rank={self.rank}, alpha={self.alpha} and frozen_epochs={self.frozen_epochs} must "
                "be at least 1"
            )
        if self.tuning not in ("full", "lora", "frozen", "thawed"):
            raise ParameterError(f"tuning={self.tuning!r} is none of full, lora, frozen, thawed")

    @property
    def name(self) -> str:
        """The model and how it is tuned, as a run is called."""
        return f"{Path(self.pretrained).name}-{self.tuning}"

    @property
    def save_interval_s(self) -> float:
        """All weights with what the optimizer knows of them are gigabytes."""
        return 60.0 if self.tuning in ("lora", "frozen") else 600.0

    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None
    ) -> tuple[nn.Module, TokenizeFn, int]:
        """Return the pretrained model with a last layer that is not.

        Raises:
            BundleError: the package that brings the model is not installed.
            ParameterError: there is no such model, or it cannot read `max_length` tokens.
        """
        decoder = load_decoder(self.pretrained)
        max_positions = getattr(decoder.model.config, "max_position_embeddings", None)
        if max_positions and self.max_length > max_positions:
            raise ParameterError(
                f"max_length={self.max_length}: {self.pretrained} reads at most {max_positions} tokens"
            )
        tuning: Tuning = "frozen" if self.tuning == "thawed" else self.tuning
        network = DecoderClassifier(
            decoder, classes, tuning, rank=self.rank, alpha=self.alpha, dropout=self.dropout
        )

        def tokenize(texts: Sequence[str]) -> list[IntArray]:
            return [np.array([decoder.bos_token_id, *decoder.tokens(text)]) for text in texts]

        return network, tokenize, decoder.bos_token_id

    def measure_network(self, network: nn.Module, tokenize: TokenizeFn) -> dict[str, float]:
        """Return the language loss on Python's manual, in nats a token: its growth is forgetting.

        That is English which every machine has, and which no data set of the report is made of.
        """
        assert isinstance(network, DecoderClassifier)
        pages = [text[:FORGETTING_PAGE_CHARS] for _, text in sorted(topics.items())]
        tokens = [ids[: self.max_length] for ids in tokenize(pages)]
        read = [ids for ids in tokens if len(ids) == self.max_length][:N_FORGETTING_PAGES]
        if not read:
            return {}
        return {"language_loss": network.lm_loss(torch.from_numpy(np.stack(read)))}

    def phases(self, network: nn.Module) -> Iterator[TrainConfig]:
        """Yield one phase, or two of which the second trains everything."""
        if self.tuning != "thawed":
            yield self.training
            return
        assert isinstance(network, DecoderClassifier)
        yield replace(self.training, epochs=self.frozen_epochs)
        network.unfreeze()
        yield replace(self.training, learning_rate=self.training.learning_rate / 10)
