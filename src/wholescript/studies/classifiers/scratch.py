"""Classifiers of texts that are trained from scratch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from wholescript.errors import ParameterError
from wholescript.features.tokenizers import (
    PADDING,
    UNKNOWN,
    Kind,
    Subwords,
    load_subwords,
    subwords,
)
from wholescript.models.chunked import Pooling
from wholescript.models.transformer_classifier import TextClassifier, check_choices
from wholescript.training.document_classifier import Fitted, NeuralTextClassifier, Tokenize
from wholescript.training.documents import OnTexts
from wholescript.training.loop import TrainingSettings

TOKENIZER = "tokenizer.json"
SCRATCH_TRAINING = TrainingSettings(
    epochs=20,
    learning_rate=1e-3,
    weight_decay=0.05,
    patience=5,
    chunk_dropout=0.0,
    schedule="onecycle",
    monitor="held_out_macro_f1",
)


@dataclass
class ScratchClassifier(NeuralTextClassifier):
    """A small decoder-only transformer that learns language and task from the training texts."""

    size: str = "small"
    pooling: Pooling = "mean"
    tokenizer: Kind = "bpe"
    vocabulary: int = 8_000
    token_dropout: float = 0.0
    training: TrainingSettings = field(default_factory=lambda: SCRATCH_TRAINING)

    def __post_init__(self) -> None:
        """Refuse names that are not there."""
        super().__post_init__()
        check_choices(self.size, self.pooling)
        if not 0 <= self.token_dropout < 1:
            raise ParameterError(f"token_dropout={self.token_dropout} must be in [0, 1)")

    @property
    def name(self) -> str:
        """The size, as a run is called."""
        return f"scratch-{self.size}"

    @property
    def way(self) -> OnTexts:
        """How batches are read: with some tokens hidden, as if they were unknown."""
        return OnTexts(self.bfloat16, self.token_dropout, UNKNOWN)

    def begin(
        self, texts: Sequence[str], classes: int, folder: Path | None
    ) -> tuple[nn.Module, Tokenize, int]:
        """Return an untrained transformer over the tokens of `texts`."""
        path = folder and folder / TOKENIZER
        if path and (path.exists() or not texts):
            pieces = load_subwords(path)
        else:
            pieces = subwords(self.tokenizer, texts, size=self.vocabulary)
            if path:
                pieces.save(path)
        network = TextClassifier(
            pieces.vocabulary, classes, self.size, pooling=self.pooling, dropout=self.dropout
        )
        return network, pieces, PADDING

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write weights and tokenizer into `folder`."""
        assert isinstance(fitted.tokenize, Subwords)
        fitted.tokenize.save(folder / TOKENIZER)
        super().save(fitted, folder)
