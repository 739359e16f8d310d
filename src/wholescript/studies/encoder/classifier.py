"""An encoder-only document classifier over whole words, trained from scratch."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from torch import nn

from wholescript.features.tokenizers import PAD_ID, UNK_ID, WordTokenizer
from wholescript.models.scratch_encoder import MaskedLanguageModel, ScratchEncoder
from wholescript.models.transformer_classifier import TransformerClassifier
from wholescript.models.types import IntArray
from wholescript.studies.encoder.settings import EncoderSettings
from wholescript.training.document_classifier import (
    NetworkClassifier,
    TokenizeFn,
)
from wholescript.training.objectives.documents import ClassificationObjective
from wholescript.training.objectives.masked_lm import MLMObjective
from wholescript.training.pretrain import pretrain
from wholescript.training.windows import split_into_windows

VOCABULARY_FILE = "words.json"


class EncoderClassifier(EncoderSettings, NetworkClassifier):
    """A transformer encoder over the `vocab_size` most frequent words, with mean pooling.

    With `pretrain` the encoder is first trained as a masked language model (Devlin et al., 2019) on
    the training documents and the `unlabelled` ones, in windows of `pretrain_max_length` words.
    `token_dropout` replaces a share of the training tokens by the unknown token, a new sample in
    each epoch (Iyyer et al., 2015).
    """

    model: ClassVar[str] = "EncoderClassifier"

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
