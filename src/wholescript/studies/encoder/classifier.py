"""An encoder-only classifier of texts over whole words, from scratch; it may read before it learns.

It was published as a small model of IMDB with a test accuracy of 100%: `published` returns it as it
was, and `report.texts.trap` shows what it was trained and tested on.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from wholescript.errors import ParameterError
from wholescript.features.word_vocabulary import PADDING, UNKNOWN, WordIds
from wholescript.models.chunked import MaskedModel, ScratchEncoder
from wholescript.models.transformer_classifier import EncoderWithHead
from wholescript.studies.classifiers.scratch import SCRATCH_TRAINING
from wholescript.training.document_classifier import NeuralTextClassifier, Tokenize
from wholescript.training.documents import IntArray, OnTexts
from wholescript.training.language_model import windows
from wholescript.training.loop import TrainingSettings
from wholescript.training.masked_lm import Masked
from wholescript.training.pretrain import read_first

WORDS = "words.json"
PUBLISHED = TrainingSettings(
    epochs=5,
    learning_rate=1e-4,
    weight_decay=0.0,
    warmup_share=0.0,
    clip_norm=float("inf"),
    patience=5,
    chunk_dropout=0.0,
    schedule="constant",
    monitor="held_out_accuracy",
)


@dataclass
class EncoderClassifier(NeuralTextClassifier):
    """A transformer encoder over the `vocabulary` most frequent words; a text is its mean state.

    With `reading` it first learns to fill in words that are hidden (Devlin et al., 2019), in the
    training texts and in `unlabelled` ones, in windows of `reading_length` words: short ones are
    many steps for the same work. `token_dropout` hides a share of the words of each text that is
    learned from, anew in every epoch (Iyyer et al., 2015).
    """

    vocabulary: int = 10_000
    d_model: int = 256
    heads: int = 8
    d_feedforward: int = 1_024
    layers: int = 4
    token_dropout: float = 0.0
    reading: TrainingSettings | None = None
    reading_length: int = 128
    unlabelled: Sequence[str] = field(default=(), repr=False)
    training: TrainingSettings = field(
        default_factory=lambda: replace(
            SCRATCH_TRAINING, epochs=5, learning_rate=5e-4, schedule="cosine", patience=2
        )
    )

    def __post_init__(self) -> None:
        """Refuse what could not be built."""
        super().__post_init__()
        if min(self.d_model, self.heads, self.d_feedforward, self.layers, self.vocabulary) < 1:
            raise ParameterError("d_model, heads, d_feedforward, layers, vocabulary: at least 1")
        if not 0 <= self.token_dropout < 1:
            raise ParameterError(f"token_dropout={self.token_dropout} must be in [0, 1)")
        if self.reading_length < 2:
            raise ParameterError(
                f"reading_length={self.reading_length}: a hidden word needs another beside it, so "
                "that it must be at least 2"
            )

    @property
    def name(self) -> str:
        """As a run is called."""
        return "encoder-pretrained" if self.reading else "encoder"

    @property
    def way(self) -> OnTexts:
        """How batches are read: with some words hidden, as if they were unknown."""
        return OnTexts(self.bfloat16, self.token_dropout, UNKNOWN)

    @property
    def config(self) -> dict[str, Any]:
        """All fields; of the unlabelled texts, how many there are: their set is told elsewhere."""
        fields = asdict(replace(self, unlabelled=()))
        return {"model": type(self).__name__, **fields, "unlabelled": len(self.unlabelled)}

    def begin(
        self, texts: Sequence[str], classes: int, folder: Path | None
    ) -> tuple[nn.Module, Tokenize, int]:
        """Return an encoder over the words of `texts`, which has read where it is to."""
        words = self._words(texts, folder)
        mask = words.vocabulary  # one number more, for a word that is hidden
        encoder = ScratchEncoder(
            words.vocabulary + 1,
            self.d_model,
            self.heads,
            self.d_feedforward,
            self.layers,
            pooling="mean",
            dropout=self.dropout,
        )
        # The head is drawn before, so that it is the same whether the reading was done or is now.
        network = EncoderWithHead(encoder, classes, dropout=self.dropout)
        if self.reading and texts:
            self._read(encoder, words, texts, mask, folder)
        return network, words, PADDING

    def _words(self, texts: Sequence[str], folder: Path | None) -> WordIds:
        path = folder and folder / WORDS
        if path and (path.exists() or not texts):
            return WordIds.load(path)
        words = WordIds.of(texts, size=self.vocabulary)
        if path:
            words.save(path)
        return words

    def _read(
        self,
        encoder: ScratchEncoder,
        words: WordIds,
        texts: Sequence[str],
        mask: int,
        folder: Path | None,
    ) -> None:
        """Fill in hidden words, or take what did so before out of `folder`."""
        assert self.reading is not None

        def rows() -> list[IntArray]:
            tokens = words([*texts, *self.unlabelled])
            return windows([ids for ids in tokens if len(ids)], self.reading_length)

        read_first(
            MaskedModel(encoder), encoder, rows, self.reading, Masked(self.bfloat16, mask),
            batch_size=self.batch_size, padding=PADDING, folder=folder,
        )  # fmt: skip


def published() -> EncoderClassifier:
    """Return the encoder as it was published: no warm-up, no clipping, no label smoothing."""
    return EncoderClassifier(label_smoothing=0.0, training=PUBLISHED)
