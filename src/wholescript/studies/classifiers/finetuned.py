"""Document classifiers that are fine-tuned from a pretrained decoder-only language model."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from pydoc_data.topics import topics
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.adapters import Tuning
from wholescript.models.decoder_classifier import DecoderClassifier
from wholescript.models.types import IntArray
from wholescript.studies.classifiers.settings import FinetunedSettings
from wholescript.training.document_classifier import (
    NeuralDocumentClassifier,
    TokenizeFn,
)
from wholescript.training.settings import TrainConfig

N_FORGETTING_PAGES = 16  # pages of Python's manual that measure forgetting
FORGETTING_PAGE_CHARS = 4_000  # of each of these pages


class FinetunedClassifier(FinetunedSettings, NeuralDocumentClassifier):
    """A pretrained decoder with a classification head on its last token.

    `tuning` is `full`, `lora`, `frozen` (head only) or `lp-ft`: linear probing for `frozen_epochs`,
    then full fine-tuning at a tenth of the learning rate (Kumar et al., 2022). `pretrained` is a
    name in `features.pretrained_decoders.PACKAGED_DECODERS`, a folder, or a model of the hub.
    """

    model: ClassVar[str] = "FinetunedClassifier"

    @property
    def name(self) -> str:
        """The default name of a run, such as `smollm2-lora`."""
        return f"{Path(self.pretrained).name}-{self.tuning}"

    @property
    def save_interval_s(self) -> float:
        """Longer where all weights are trained: such a checkpoint has gigabytes."""
        return 60.0 if self.tuning in ("lora", "frozen") else 600.0

    def build_model(
        self, texts: Sequence[str], n_classes: int, folder: Path | None
    ) -> tuple[nn.Module, TokenizeFn, int]:
        """Return the pretrained model with a new classification head.

        Raises:
            BundleError: the package of the model is not installed.
            ParameterError: there is no such model, or its context is shorter than `max_length`.
        """
        decoder = load_decoder(self.pretrained)
        max_positions = getattr(decoder.model.config, "max_position_embeddings", None)
        if max_positions and self.max_length > max_positions:
            raise ParameterError(
                f"max_length={self.max_length}: the context of {self.pretrained} has "
                f"{max_positions} tokens"
            )
        tuning: Tuning = "frozen" if self.tuning == "lp-ft" else self.tuning
        network = DecoderClassifier(
            decoder,
            n_classes,
            tuning,
            lora_rank=self.rank,
            lora_alpha=self.alpha,
            dropout=self.dropout,
        )

        def tokenize(texts: Sequence[str]) -> list[IntArray]:
            return [np.array([decoder.bos_token_id, *decoder.encode(text)]) for text in texts]

        return network, tokenize, decoder.bos_token_id

    def measure_network(self, network: nn.Module, tokenize: TokenizeFn) -> dict[str, float]:
        """Return the next-token loss on Python's manual, in nats per token.

        Its increase measures forgetting. The manual is English text that comes with Python and is
        in no data set of the report.
        """
        assert isinstance(network, DecoderClassifier)
        pages = [text[:FORGETTING_PAGE_CHARS] for _, text in sorted(topics.items())]
        tokens = [ids[: self.max_length] for ids in tokenize(pages)]
        windows = [ids for ids in tokens if len(ids) == self.max_length][:N_FORGETTING_PAGES]
        if not windows:
            return {}
        return {"lm_loss": network.lm_loss(torch.from_numpy(np.stack(windows)))}

    def phases(self, network: nn.Module) -> Iterator[TrainConfig]:
        """Yield one phase, or two for `lp-ft`; the second trains all weights."""
        config = self.train_config
        if self.tuning != "lp-ft":
            yield config
            return
        assert isinstance(network, DecoderClassifier)
        yield replace(config, epochs=self.frozen_epochs)
        network.unfreeze()
        yield replace(config, learning_rate=config.learning_rate / 10)
