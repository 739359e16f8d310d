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
from wholescript.features.word_vocabulary import PAD_ID, UNK_ID, WordVocabulary
from wholescript.models.chunked import MaskedLanguageModel, ScratchEncoder
from wholescript.models.transformer_classifier import TransformerClassifier
from wholescript.studies.classifiers.scratch import SCRATCH_TRAIN_CONFIG
from wholescript.training.document_classifier import NeuralDocumentClassifier, TokenizeFn
from wholescript.training.documents import ClassificationObjective, IntArray
from wholescript.training.language_model import windows
from wholescript.training.loop import TrainConfig
from wholescript.training.masked_lm import MLMObjective
from wholescript.training.pretrain import pretrain

VOCABULARY_FILE = "words.json"
PUBLISHED_TRAIN_CONFIG = TrainConfig(
    epochs=5,
    learning_rate=1e-4,
    weight_decay=0.0,
    warmup_ratio=0.0,
    max_grad_norm=float("inf"),
    patience=5,
    chunk_dropout=0.0,
    schedule="constant",
    monitor="held_out_accuracy",
)


@dataclass
class EncoderClassifier(NeuralDocumentClassifier):
    """A transformer encoder over the `vocab_size` most frequent words; a text is its mean state.

    With `reading` it first learns to fill in words that are hidden (Devlin et al., 2019), in the
    training texts and in `unlabelled` ones, in windows of `pretrain_max_length` words: short ones are
    many steps for the same work. `token_dropout` hides a share of the words of each text that is
    learned from, anew in every epoch (Iyyer et al., 2015).
    """

    vocab_size: int = 10_000
    d_model: int = 256
    n_head: int = 8
    d_feedforward: int = 1_024
    n_layer: int = 4
    token_dropout: float = 0.0
    reading: TrainConfig | None = None
    pretrain_max_length: int = 128
    unlabelled: Sequence[str] = field(default=(), repr=False)
    training: TrainConfig = field(
        default_factory=lambda: replace(
            SCRATCH_TRAIN_CONFIG, epochs=5, learning_rate=5e-4, schedule="cosine", patience=2
        )
    )

    def __post_init__(self) -> None:
        """Refuse what could not be built."""
        super().__post_init__()
        if min(self.d_model, self.n_head, self.d_feedforward, self.n_layer, self.vocab_size) < 1:
            raise ParameterError("d_model, heads, d_feedforward, layers, vocabulary: at least 1")
        if not 0 <= self.token_dropout < 1:
            raise ParameterError(f"token_dropout={self.token_dropout} must be in [0, 1)")
        if self.pretrain_max_length < 2:
            raise ParameterError(
                f"pretrain_max_length={self.pretrain_max_length}: a hidden word needs another beside it, so "
                "that it must be at least 2"
            )

    @property
    def name(self) -> str:
        """As a run is called."""
        return "encoder-pretrained" if self.reading else "encoder"

    @property
    def objective(self) -> ClassificationObjective:
        """How batches are read: with some words hidden, as if they were unknown."""
        return ClassificationObjective(self.bfloat16, self.token_dropout, UNK_ID)

    @property
    def config(self) -> dict[str, Any]:
        """All fields; of the unlabelled texts, how many there are: their set is told elsewhere."""
        fields = asdict(replace(self, unlabelled=()))
        return {"model": type(self).__name__, **fields, "unlabelled": len(self.unlabelled)}

    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None
    ) -> tuple[nn.Module, TokenizeFn, int]:
        """Return an encoder over the words of `texts`, which has read where it is to."""
        words = self._load_or_build_vocabulary(texts, folder)
        mask = words.vocab_size  # one number more, for a word that is hidden
        encoder = ScratchEncoder(
            words.vocab_size + 1,
            self.d_model,
            self.n_head,
            self.d_feedforward,
            self.n_layer,
            pooling="mean",
            dropout=self.dropout,
        )
        # The head is drawn before, so that it is the same whether the reading was done or is now.
        network = TransformerClassifier(encoder, classes, dropout=self.dropout)
        if self.reading and texts:
            self._pretrain(encoder, words, texts, mask, folder)
        return network, words, PAD_ID

    def _load_or_build_vocabulary(
        self, texts: Sequence[str], folder: Path | None
    ) -> WordVocabulary:
        path = folder and folder / VOCABULARY_FILE
        if path and (path.exists() or not texts):
            return WordVocabulary.load(path)
        words = WordVocabulary.of(texts, size=self.vocab_size)
        if path:
            words.save(path)
        return words

    def _pretrain(
        self,
        encoder: ScratchEncoder,
        words: WordVocabulary,
        texts: Sequence[str],
        mask: int,
        folder: Path | None,
    ) -> None:
        """Fill in hidden words, or take what did so before out of `folder`."""
        assert self.reading is not None

        def rows() -> list[IntArray]:
            tokens = words([*texts, *self.unlabelled])
            return windows([ids for ids in tokens if len(ids)], self.pretrain_max_length)

        pretrain(
            MaskedLanguageModel(encoder), encoder, rows, self.reading, MLMObjective(self.bfloat16, mask),
            batch_size=self.batch_size, pad_token_id=PAD_ID, folder=folder,
        )  # fmt: skip


def published() -> EncoderClassifier:
    """Return the encoder as it was published: no warm-up, no clipping, no label smoothing."""
    return EncoderClassifier(label_smoothing=0.0, training=PUBLISHED_TRAIN_CONFIG)
