"""Decoder-only transformers that are trained from scratch on the labelled documents."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from torch import nn

from wholescript.errors import ParameterError
from wholescript.features.tokenizers import (
    PAD_ID,
    TOKENIZER_FILE,
    UNK_ID,
    SubwordTokenizer,
    TokenizerKind,
    load_or_build_subword_tokenizer,
)
from wholescript.models.pooling import Pooling
from wholescript.models.transformer_classifier import (
    CausalTransformerClassifier,
    check_size_and_pooling,
)
from wholescript.training.document_classifier import (
    SCRATCH_TRAIN_CONFIG,
    FittedDocumentClassifier,
    NeuralDocumentClassifier,
    TokenizeFn,
)
from wholescript.training.loop import TrainConfig
from wholescript.training.objectives.documents import ClassificationObjective


@dataclass
class ScratchClassifier(NeuralDocumentClassifier):
    """A small decoder-only transformer with random initial weights.

    `token_dropout` replaces a share of the training tokens by the unknown token.
    """

    model: ClassVar[str] = "ScratchClassifier"

    size: str = "small"
    pooling: Pooling = "mean"
    tokenizer: TokenizerKind = "bpe"
    vocab_size: int = 8_000
    token_dropout: float = 0.0
    train_config: TrainConfig = field(default_factory=lambda: SCRATCH_TRAIN_CONFIG)

    def __post_init__(self) -> None:
        """Check names and ranges."""
        super().__post_init__()
        check_size_and_pooling(self.size, self.pooling)
        if not 0 <= self.token_dropout < 1:
            raise ParameterError(f"token_dropout={self.token_dropout} must be in [0, 1)")

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
