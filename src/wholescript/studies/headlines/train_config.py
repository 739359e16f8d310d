"""The training configuration of a headline model; the defaults are the published baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Annotated, Any

from annotated_types import Interval
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from wholescript.errors import ParameterError
from wholescript.models.gpt import GPTConfig
from wholescript.settings import (
    DropoutRate,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    PositiveShare,
    Settings,
)
from wholescript.studies.headlines.batches import WindowOrder
from wholescript.studies.headlines.tokenizer import HeadlineTokenizerKind
from wholescript.training.loop import TrainConfig
from wholescript.training.optimizers import OptimizerName
from wholescript.training.schedules import Schedule, make_scheduler


@dataclass(frozen=True)
class WSDTrainConfig(TrainConfig):
    """The loop's configuration with the decay share of the `wsd` schedule as a field."""

    warmup_ratio: DropoutRate = 0.1
    decay_ratio: PositiveShare = 0.3

    def scheduler(self, optimizer: Optimizer, steps: int) -> LRScheduler:
        """Return the schedule of the learning rate over all steps of a training."""
        return make_scheduler(
            self.schedule,
            optimizer,
            learning_rate=self.learning_rate,
            steps=steps,
            warmup_ratio=self.warmup_ratio,
            decay_ratio=self.decay_ratio,
        )


@dataclass(frozen=True)
class HeadlineTrainConfig(Settings):
    """Every setting of a headline model and its training, except the data and the seed."""

    model: GPTConfig = field(default_factory=GPTConfig)
    tokenizer: HeadlineTokenizerKind = "bpe"
    optimizer: OptimizerName = "sgd"
    learning_rate: PositiveFloat = 6e-3  # peak; with Muon that of AdamW, for embeddings and vectors
    muon_lr: PositiveFloat = 0.02  # peak learning rate of Muon, for the matrices of the layers
    weight_decay: NonNegativeFloat = 0.0
    warmup_ratio: DropoutRate = 0.0  # share of the steps
    schedule: Schedule = "cosine"
    decay_ratio: PositiveShare = 0.3  # share of the steps in which `wsd` decays to zero
    order: WindowOrder = "file"
    whole_headlines: bool = False  # windows hold whole headlines, and are shuffled
    batch_size: PositiveInt = 64  # windows
    epochs: PositiveInt = 7
    n_dropout_passes: Annotated[int, Interval(ge=1, le=2)] = (
        1  # forward passes of each batch, with other dropout masks
    )
    r_drop: NonNegativeFloat = 0.0  # weight of the KL divergence between two dropout passes

    def __post_init__(self) -> None:
        """Check the values, before a tokenizer is trained with them."""
        super().__post_init__()
        if self.r_drop and self.n_dropout_passes == 1:
            raise ParameterError(f"n_dropout_passes=1 must be 2 with r_drop={self.r_drop}")
        if self.optimizer == "muon" and self.schedule == "onecycle":
            raise ParameterError(
                "schedule='onecycle' sets one learning rate, but optimizer='muon' has two"
            )

    def override(self, **overrides: Any) -> "HeadlineTrainConfig":
        """Return a copy with other values of its own fields or of the model's.

        Raises:
            ParameterError: an unknown field or an invalid value.
        """
        own_fields = {each.name for each in fields(self)} - {"model"}
        model_fields = {each.name for each in fields(self.model)}
        for name in overrides:
            if name not in own_fields | model_fields:
                near = get_close_matches(name, own_fields | model_fields, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ParameterError(f"the training configuration has no field {name!r}{hint}")
        model = replace(self.model, **{k: v for k, v in overrides.items() if k in model_fields})
        own = {k: v for k, v in overrides.items() if k in own_fields}
        return replace(self, model=model, **own)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "HeadlineTrainConfig":
        """Return the configuration whose `settings` these are."""
        own = {name: value for name, value in settings.items() if name != "model"}
        return cls(model=GPTConfig(**settings["model"]), **own)

    @property
    def settings(self) -> dict[str, Any]:
        """All fields, those of the model under `model`."""
        return asdict(self)

    @property
    def loop_config(self) -> WSDTrainConfig:
        """The configuration of the training loop: all epochs, and the weights of the last one."""
        return WSDTrainConfig(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warmup_ratio=self.warmup_ratio,
            patience=self.epochs,
            chunk_dropout=0.0,
            schedule=self.schedule,
            monitor="epoch",
            decay_ratio=self.decay_ratio,
        )


def parse_overrides(assignments: Sequence[str]) -> dict[str, Any]:
    """Parse `NAME=VALUE` strings; each value gets the type of its field.

    Raises:
        ParameterError: an unknown field, or a value of another type.
    """
    train_config = HeadlineTrainConfig()
    known = {**train_config.model.settings, **train_config.settings}
    overrides: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ParameterError(f"{assignment!r}: write NAME=VALUE, such as d_model=256")
        if name not in known or name == "model":
            train_config.override(**{name: text})  # raises, with the nearest name
        kind: Any = type(known[name])
        try:
            overrides[name] = {"true": True, "false": False}[text] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise ParameterError(f"{name}={text!r} is no {kind.__name__}") from None
    return overrides
