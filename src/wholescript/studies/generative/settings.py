"""Settings of the class-conditional language models and of sampling; imports no PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from wholescript.errors import ParameterError
from wholescript.models.sizes import Size
from wholescript.settings import (
    OPTION,
    ByteVocabulary,
    Length,
    PositiveFloat,
    PositiveInt,
    PositiveShare,
    Settings,
    Weight,
)
from wholescript.training.settings import LM_TRAIN_CONFIG, GenerativeSettings, TrainConfig

GenerativeTuning = Literal["full", "lora"]
FINETUNE_LM_TRAIN_CONFIG = replace(LM_TRAIN_CONFIG, epochs=1, learning_rate=5e-4)


@dataclass
class ScratchGenerativeSettings(GenerativeSettings):
    """Settings of small Llama models, one per class, trained from scratch."""

    block_size: Length = 256  # the length of a training window: no longer context was trained
    """Tokens of context; longer texts are scored in overlapping windows."""
    size: Size = "small"
    """Model size: layers x dimension 2 x 128, 3 x 192, 3 x 256, 4 x 320."""
    vocab_size: ByteVocabulary = 2_000  # with 8,000 a step takes three times as long on a CPU
    """Vocabulary size in tokens."""
    pretrain: TrainConfig | None = None
    """Epochs of next-token pretraining on the texts of all classes, unlabelled ones included."""
    unlabelled: Sequence[str] = field(default=(), repr=False)


@dataclass
class FinetunedGenerativeSettings(GenerativeSettings):
    """Settings of a pretrained language model that is fine-tuned once per class."""

    block_size: Length = 4_096
    """Tokens of context; longer texts are scored in overlapping windows."""
    batch_size: PositiveInt = 4
    """Batch size in windows."""
    pretrained: str = "smollm2"
    """Pretrained model: smollm2, a folder or a hub name."""
    tuning: GenerativeTuning = "lora"
    """Trained weights: all (full), or LoRA adapters."""
    rank: PositiveInt = field(default=8, metadata={OPTION: "lora_rank"})
    """Rank of the LoRA adapters."""
    alpha: PositiveInt = field(default=16, metadata={OPTION: "lora_alpha"})
    """LoRA alpha; the update is scaled by alpha / rank."""
    prompts: tuple[str, ...] = ()
    """Prompt before each text; one per class, in their order; repeatable."""
    train_config: TrainConfig = field(default_factory=lambda: FINETUNE_LM_TRAIN_CONFIG)


@dataclass
class SharedTrunkSettings(FinetunedGenerativeSettings):
    """Settings of a pretrained language model whose lower layers all classes share.

    Raises:
        ParameterError: a field is out of range, there are prompts, or only one of `n_layer` and
            `vocab_size` is given.
    """

    monitors: ClassVar[tuple[str, ...]] = ("val_loss", "val_accuracy", "train_loss", "epoch")

    batch_size: PositiveInt = 8
    """Batch size in windows."""
    n_shared_layers: PositiveInt = 20
    """Number of lower layers shared by all classes; the layers above are fine-tuned per class
    with the discriminative loss."""
    disc_weight: Weight = 0.8
    """Weight of the label cross-entropy in the loss; the next-token loss has 1 - weight."""
    single_window: bool = False
    """Train on one random window per text instead of all."""
    n_layer: PositiveInt | None = None
    """Prune the pretrained model to its first n layers (with --vocab-size)."""
    vocab_size: PositiveInt | None = None
    """Prune the pretrained model to n tokens of its vocabulary (with --n-layer)."""

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        if self.prompts:
            raise ParameterError(
                "a shared trunk takes no prompts: it encodes a document once for all classes"
            )
        if (self.n_layer is None) != (self.vocab_size is None):
            raise ParameterError(
                f"n_layer={self.n_layer} and vocab_size={self.vocab_size} must be given together "
                "(--n-layer and --vocab-size)"
            )


@dataclass(frozen=True)
class SamplingConfig(Settings):
    """Nucleus sampling of synthetic texts, and which of them are rejected."""

    temperature: PositiveFloat = 1.0
    """Sampling temperature."""
    top_p: PositiveShare = 0.95
    """Nucleus sampling: share of the probability to sample from."""
    max_tokens: PositiveInt = 400
    """Maximum length of a text in tokens."""
    min_words: PositiveInt = 20
    """Minimum length in words; shorter texts are rejected."""
    batch_size: PositiveInt = 32
    """Texts that are sampled at once."""

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        if self.min_words > self.max_tokens:
            raise ParameterError(
                f"min_words={self.min_words} must be at most max_tokens={self.max_tokens}"
            )
