"""An encoder-only document classifier over whole words, trained from scratch.

The configuration `published_encoder` is that of a small IMDB model that was published with a test
accuracy of 100%; `label_sorted_demo` reproduces the data split it was trained and tested on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from torch import nn

from wholescript.errors import ParameterError
from wholescript.features.tokenizers import PAD_ID, UNK_ID, WordTokenizer
from wholescript.models.scratch_encoder import MaskedLanguageModel, ScratchEncoder
from wholescript.models.transformer_classifier import TransformerClassifier
from wholescript.models.types import IntArray
from wholescript.training.document_classifier import (
    SCRATCH_TRAIN_CONFIG,
    NeuralDocumentClassifier,
    TokenizeFn,
)
from wholescript.training.loop import TrainConfig
from wholescript.training.objectives.documents import ClassificationObjective
from wholescript.training.objectives.masked_lm import MLMObjective
from wholescript.training.pretrain import pretrain
from wholescript.training.windows import split_into_windows

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
    monitor="val_accuracy",
)


@dataclass
class EncoderClassifier(NeuralDocumentClassifier):
    """A transformer encoder over the `vocab_size` most frequent words, with mean pooling.

    With `pretrain` the encoder is first trained as a masked language model (Devlin et al., 2019) on
    the training documents and the `unlabelled` ones, in windows of `pretrain_max_length` words.
    `token_dropout` replaces a share of the training tokens by the unknown token, a new sample in
    each epoch (Iyyer et al., 2015).
    """

    model: ClassVar[str] = "EncoderClassifier"

    vocab_size: int = 10_000
    d_model: int = 256
    n_head: int = 8
    d_feedforward: int = 1_024
    n_layer: int = 4
    token_dropout: float = 0.0
    pretrain: TrainConfig | None = None
    pretrain_max_length: int = 128
    unlabelled: Sequence[str] = field(default=(), repr=False)
    train_config: TrainConfig = field(
        default_factory=lambda: replace(
            SCRATCH_TRAIN_CONFIG, epochs=5, learning_rate=5e-4, schedule="cosine", patience=2
        )
    )

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if min(self.d_model, self.n_head, self.d_feedforward, self.n_layer, self.vocab_size) < 1:
            raise ParameterError(
                "d_model, n_head, d_feedforward, n_layer and vocab_size must be at least 1"
            )
        if not 0 <= self.token_dropout < 1:
            raise ParameterError(f"token_dropout={self.token_dropout} must be in [0, 1)")
        if self.pretrain_max_length < 2:
            raise ParameterError(
                f"pretrain_max_length={self.pretrain_max_length} must be at least 2: a masked word "
                "is predicted from its context"
            )

    @property
    def name(self) -> str:
        """The default name of a run: `encoder` or `encoder-pretrained`."""
        return "encoder-pretrained" if self.pretrain else "encoder"

    @property
    def objective(self) -> ClassificationObjective:
        """The training objective, with token dropout."""
        return ClassificationObjective(self.bfloat16, self.token_dropout, UNK_ID)

    def build_model(
        self, texts: Sequence[str], n_classes: int, folder: Path | None
    ) -> tuple[nn.Module, TokenizeFn, int]:
        """Return an encoder over the words of `texts`, pretrained if `pretrain` is set."""
        tokenizer = self._load_or_build_tokenizer(texts, folder)
        mask_token_id = tokenizer.vocab_size  # one id more, for masked words
        encoder = ScratchEncoder(
            tokenizer.vocab_size + 1,
            self.d_model,
            self.n_head,
            self.d_feedforward,
            self.n_layer,
            pooling="mean",
            dropout=self.dropout,
        )
        # Initialised before pretraining, so that the head is the same when pretraining is resumed.
        network = TransformerClassifier(encoder, n_classes, dropout=self.dropout)
        if self.pretrain and texts:
            self._pretrain(encoder, tokenizer, texts, mask_token_id, folder)
        return network, tokenizer, PAD_ID

    def _load_or_build_tokenizer(self, texts: Sequence[str], folder: Path | None) -> WordTokenizer:
        path = folder and folder / VOCABULARY_FILE
        if path and (path.exists() or not texts):
            return WordTokenizer.load(path)
        tokenizer = WordTokenizer.from_texts(texts, max_words=self.vocab_size)
        if path:
            tokenizer.save(path)
        return tokenizer

    def _pretrain(
        self,
        encoder: ScratchEncoder,
        tokenizer: WordTokenizer,
        texts: Sequence[str],
        mask_token_id: int,
        folder: Path | None,
    ) -> None:
        """Pretrain the encoder as a masked language model, or load its weights from `folder`."""
        assert self.pretrain is not None

        def make_windows() -> list[IntArray]:
            tokens = tokenizer([*texts, *self.unlabelled])
            return split_into_windows([ids for ids in tokens if len(ids)], self.pretrain_max_length)

        pretrain(
            MaskedLanguageModel(encoder), encoder, make_windows, self.pretrain,
            MLMObjective(self.bfloat16, mask_token_id), batch_size=self.batch_size,
            pad_token_id=PAD_ID, folder=folder,
        )  # fmt: skip


def published_encoder() -> EncoderClassifier:
    """Return the published configuration: no warm-up, no clipping, no label smoothing."""
    return EncoderClassifier(label_smoothing=0.0, train_config=PUBLISHED_TRAIN_CONFIG)
