"""Decoder-only transformers that are trained from scratch on the labelled documents."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from torch import nn

from wholescript.features.tokenizers import (
    PAD_ID,
    TOKENIZER_FILE,
    UNK_ID,
    SubwordTokenizer,
    load_or_build_subword_tokenizer,
)
from wholescript.models.transformer_classifier import CausalTransformerClassifier
from wholescript.studies.classifiers.settings import ScratchSettings
from wholescript.training.document_classifier import (
    FittedDocumentClassifier,
    NeuralDocumentClassifier,
    TokenizeFn,
)
from wholescript.training.objectives.documents import ClassificationObjective


class ScratchClassifier(ScratchSettings, NeuralDocumentClassifier):
    """A small decoder-only transformer with random initial weights.

    `token_dropout` replaces a share of the training tokens by the unknown token.
    """

    model: ClassVar[str] = "ScratchClassifier"

    @property
    def name(self) -> str:
        """The default name of a run, such as `scratch-small`."""
        return f"scratch-{self.size}"

    @property
    def objective(self) -> ClassificationObjective:
        """The training objective, with token dropout."""
        return ClassificationObjective(self.bfloat16, self.token_dropout, UNK_ID)

    def build_model(
        self, texts: Sequence[str], n_classes: int, folder: Path | None
    ) -> tuple[nn.Module, TokenizeFn, int]:
        """Return an untrained transformer over the tokens of `texts`."""
        tokenizer_fn = load_or_build_subword_tokenizer(
            folder, self.tokenizer, texts, self.vocab_size
        )
        network = CausalTransformerClassifier(
            tokenizer_fn.vocab_size,
            n_classes,
            self.size,
            pooling=self.pooling,
            dropout=self.dropout,
        )
        return network, tokenizer_fn, PAD_ID

    def save(self, fitted: FittedDocumentClassifier, folder: Path) -> None:
        """Write weights and tokenizer into `folder`."""
        assert isinstance(fitted.tokenize, SubwordTokenizer)
        fitted.tokenize.save(folder / TOKENIZER_FILE)
        super().save(fitted, folder)
