"""Settings of the encoder-only classifier; imports no PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wholescript.settings import DropoutRate, Length, PositiveInt
from wholescript.training.settings import SCRATCH_TRAIN_CONFIG, NeuralSettings, TrainConfig

ENCODER_TRAIN_CONFIG = replace(
    SCRATCH_TRAIN_CONFIG, epochs=5, learning_rate=5e-4, schedule="cosine", patience=2
)


@dataclass
class EncoderSettings(NeuralSettings):
    """Settings of a transformer encoder over whole words."""

    vocab_size: PositiveInt = 10_000
    """Vocabulary size in words, the most frequent ones."""
    d_model: PositiveInt = 256
    """Dimension of the token states."""
    n_head: PositiveInt = 8
    """Attention heads per layer."""
    d_feedforward: PositiveInt = 1_024
    """Dimension of the feed-forward layers."""
    n_layer: PositiveInt = 4
    """Number of layers."""
    token_dropout: DropoutRate = 0.0
    """Share of the training tokens that is replaced by the unknown token."""
    pretrain: TrainConfig | None = None
    """Epochs of masked-language-model pretraining on the texts, unlabelled ones included."""
    pretrain_max_length: Length = 128
    """Words per window of the pretraining."""
    unlabelled: Sequence[str] = field(default=(), repr=False)
    train_config: TrainConfig = field(default_factory=lambda: ENCODER_TRAIN_CONFIG)
