"""Settings of the decoders that are trained from scratch or fine-tuned; imports no PyTorch."""

from dataclasses import dataclass, field, replace
from typing import Literal

from wholescript.features.tokenizers import TokenizerKind
from wholescript.models.sizes import Pooling, Size
from wholescript.settings import OPTION, ByteVocabulary, DropoutRate, PositiveInt
from wholescript.training.settings import SCRATCH_TRAIN_CONFIG, NeuralSettings, TrainConfig

ClassifierTuning = Literal["full", "lora", "frozen", "lp-ft"]
FINETUNE_TRAIN_CONFIG = replace(SCRATCH_TRAIN_CONFIG, epochs=5, learning_rate=5e-4, patience=2)


@dataclass
class ScratchSettings(NeuralSettings):
    """Settings of a small decoder-only transformer with random initial weights."""

    size: Size = "small"
    """Model size: layers x dimension 2 x 128, 3 x 192, 3 x 256, 4 x 320."""
    pooling: Pooling = "mean"
    """Pooling of the token states into one vector."""
    tokenizer: TokenizerKind = "bpe"
    """bpe: trained on the training texts; gpt2: that of GPT-2, limited to the tokens that occur."""
    vocab_size: ByteVocabulary = 8_000
    """Vocabulary size in tokens (tokenizer bpe)."""
    token_dropout: DropoutRate = 0.0
    """Share of the training tokens that is replaced by the unknown token."""
    train_config: TrainConfig = field(default_factory=lambda: SCRATCH_TRAIN_CONFIG)


@dataclass
class FinetunedSettings(NeuralSettings):
    """Settings of a pretrained decoder with a classification head on its last token."""

    pretrained: str = "smollm2"
    """Pretrained model: smollm2, a folder or a hub name."""
    tuning: ClassifierTuning = "lora"
    """Trained weights: all (full), LoRA adapters and head, only the head (frozen), or first the
    head and then all (lp-ft; Kumar et al., 2022)."""
    rank: PositiveInt = field(default=8, metadata={OPTION: "lora_rank"})
    """Rank of the LoRA adapters."""
    alpha: PositiveInt = field(default=16, metadata={OPTION: "lora_alpha"})
    """LoRA alpha; the update is scaled by alpha / rank."""
    frozen_epochs: PositiveInt = 2
    """Epochs of the head alone (tuning lp-ft)."""
    train_config: TrainConfig = field(default_factory=lambda: FINETUNE_TRAIN_CONFIG)
