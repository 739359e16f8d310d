"""Classifiers of texts that are trained from scratch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from wholescript.errors import ParameterError
from wholescript.features.tokenizers import (
    PAD_ID,
    UNK_ID,
    SubwordTokenizer,
    TokenizerKind,
    build_subword_tokenizer,
    load_subword_tokenizer,
)
from wholescript.models.chunked import Pooling
from wholescript.models.transformer_classifier import (
    CausalTransformerClassifier,
    check_size_and_pooling,
)
from wholescript.training.document_classifier import (
    FittedDocumentClassifier,
    NeuralDocumentClassifier,
    TokenizeFn,
)
from wholescript.training.documents import ClassificationObjective
from wholescript.training.loop import TrainConfig

TOKENIZER_FILE = "tokenizer.json"
SCRATCH_TRAIN_CONFIG = TrainConfig(
    epochs=20,
    learning_rate=1e-3,
    weight_decay=0.05,
    patience=5,
    chunk_dropout=0.0,
    schedule="onecycle",
    monitor="held_out_macro_f1",
)


@dataclass
class ScratchClassifier(NeuralDocumentClassifier):
    """A small decoder-only transformer that learns language and task from the training texts."""

    size: str = "small"
    pooling: Pooling = "mean"
    tokenizer: TokenizerKind = "bpe"
    vocab_size: int = 8_000
    token_dropout: float = 0.0
    training: TrainConfig = field(default_factory=lambda: SCRATCH_TRAIN_CONFIG)

    def __post_init__(self) -> None:
        """Refuse names that are not there."""
        super().__post_init__()
        check_size_and_pooling(self.size, self.pooling)
        if not 0 <= self.token_dropout < 1:
            raise ParameterError(f"token_dropout={self.token_dropout} must be in [0, 1)")

    @property
    def name(self) -> str:
        """The size, as a run is called."""
        return f"scratch-{self.size}"

    @property
    def objective(self) -> ClassificationObjective:
        """How batches are read: with some tokens hidden, as if they were unknown."""
        return ClassificationObjective(self.bfloat16, self.token_dropout, UNK_ID)

    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None
    ) -> tuple[nn.Module, TokenizeFn, int]:
        """Return an untrained transformer over the tokens of `texts`."""
        path = folder and folder / TOKENIZER_FILE
        if path and (path.exists() or not texts):
            pieces = load_subword_tokenizer(path)
        else:
            pieces = build_subword_tokenizer(self.tokenizer, texts, size=self.vocab_size)
            if path:
                pieces.save(path)
        network = CausalTransformerClassifier(
            pieces.vocab_size, classes, self.size, pooling=self.pooling, dropout=self.dropout
        )
        return network, pieces, PAD_ID

    def save(self, fitted: FittedDocumentClassifier, folder: Path) -> None:
        """Write weights and tokenizer into `folder`."""
        assert isinstance(fitted.tokenize, SubwordTokenizer)
        fitted.tokenize.save(folder / TOKENIZER_FILE)
        super().save(fitted, folder)
