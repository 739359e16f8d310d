"""Settings of a training and of the neural classifiers, with their ranges; imports no PyTorch."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Gt

from wholescript.errors import ParameterError
from wholescript.models.optional_settings import OMIT_AT_DEFAULT, ClassWeight
from wholescript.settings import (
    DropoutRate,
    Length,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Settings,
    Weight,
    check,
)
from wholescript.training.hardware import default_bfloat16

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

HistoryRow = dict[str, float | int]
Schedule = Literal["cosine", "onecycle", "constant", "wsd"]


@dataclass(frozen=True)
class TrainConfig(Settings):
    """How to train."""

    epochs: PositiveInt = 30
    """Maximum number of epochs."""
    learning_rate: PositiveFloat = 1e-3
    """Peak learning rate."""
    weight_decay: NonNegativeFloat = 0.05
    """Weight decay of matrices (AdamW); biases and norms have none."""
    warmup_ratio: Weight = 0.1
    """Share of the steps with a linear warm-up of the learning rate."""
    max_grad_norm: Annotated[float, Gt(0)] = 1.0
    """Norm that gradients are clipped to; inf: no clipping."""
    patience: PositiveInt = 6
    """Epochs without a better validation score before training stops."""
    chunk_dropout: DropoutRate = 0.5
    """Share of a film's chunk vectors that is dropped in training."""
    gradient_accumulation_steps: PositiveInt = 1
    """Batches per optimiser step, whose gradients are summed."""
    schedule: Schedule = "cosine"
    """Schedule of the learning rate after the warm-up."""
    monitor: str = "val_loss"
    """Column of the history that selects the best epoch: minimised if it ends in `loss`."""

    def best_epoch(self, history: list[HistoryRow]) -> int:
        """Return the epoch with the best value of `monitor`, the first of equals.

        Raises:
            ParameterError: the history has no such column.
        """
        if self.monitor not in history[0]:
            raise ParameterError(f"monitor={self.monitor!r} is none of {', '.join(history[0])}")
        sign = 1 if self.monitor.endswith("loss") else -1
        return int(min(history, key=lambda row: sign * row[self.monitor])["epoch"])

    def scheduler(self, optimizer: "Optimizer", steps: int) -> "LRScheduler":
        """Return the learning rate schedule over all steps of a training."""
        from wholescript.training.schedules import make_scheduler

        return make_scheduler(
            self.schedule,
            optimizer,
            learning_rate=self.learning_rate,
            steps=steps,
            warmup_ratio=self.warmup_ratio,
        )


SCRATCH_TRAIN_CONFIG = TrainConfig(
    epochs=20,
    learning_rate=1e-3,
    weight_decay=0.05,
    patience=5,
    chunk_dropout=0.0,
    schedule="onecycle",
    monitor="val_macro_f1",
)
LM_TRAIN_CONFIG = TrainConfig(
    epochs=6,
    learning_rate=1e-3,
    weight_decay=0.1,
    patience=1,
    chunk_dropout=0.0,
    monitor="val_loss",
)
PRETRAIN_CONFIG = TrainConfig(
    epochs=2,
    learning_rate=1e-3,
    weight_decay=0.01,
    patience=2,
    chunk_dropout=0.0,
    monitor="val_loss",
)


class MonitorSettings(Settings):
    """Base of settings with trainings, whose histories have the columns `monitors`."""

    monitors: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        """Check the fields; raises ParameterError."""
        super().__post_init__()
        for each in fields(self):  # type: ignore[arg-type]
            config = getattr(self, each.name, None)
            if each.name.endswith("train_config") and isinstance(config, TrainConfig):
                check("monitor", config.monitor, monitor_hint(type(self)))


def monitor_hint(settings: Any) -> Any:
    """Return the annotation of the setting `monitor` in the trainings of a class of settings."""
    return Literal[getattr(settings, "monitors", ("val_loss",))]


@dataclass
class NeuralSettings(MonitorSettings):
    """Settings of all neural classifiers of documents."""

    monitors: ClassVar[tuple[str, ...]] = (
        "val_loss",
        "val_accuracy",
        "val_macro_f1",
        "train_loss",
        "epoch",
    )

    max_length: Length = 256
    """Maximum length in tokens; longer texts are truncated."""
    batch_size: PositiveInt = 32
    """Batch size in texts."""
    label_smoothing: DropoutRate = 0.1
    """Label smoothing: share of the target that is spread over all classes."""
    dropout: DropoutRate = 0.1
    """Dropout rate of embeddings, layers and classification head."""
    bfloat16: bool = field(default_factory=default_bfloat16)
    """Multiply matrices in bfloat16; default: if the hardware is fast at it."""
    train_config: TrainConfig = field(default_factory=TrainConfig)
    class_weight: ClassWeight = field(default=None, kw_only=True, metadata=OMIT_AT_DEFAULT)
    """balanced: weight the loss of a text by the inverse frequency of its class."""


@dataclass
class GenerativeSettings(MonitorSettings):
    """Settings of the class-conditional language models."""

    monitors: ClassVar[tuple[str, ...]] = ("val_loss", "train_loss", "epoch")

    window: Length = 256
    """Tokens per training window; longer texts are split."""
    block_size: Length = 512
    """Tokens of context; longer texts are scored in overlapping windows."""
    batch_size: PositiveInt = 16
    """Batch size in windows."""
    bfloat16: bool = field(default_factory=default_bfloat16)
    """Multiply matrices in bfloat16; default: if the hardware is fast at it."""
    train_config: TrainConfig = field(default_factory=lambda: LM_TRAIN_CONFIG)
