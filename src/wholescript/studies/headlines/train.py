"""How a model of titles is made; the defaults are those of the published baseline."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import get_wsd_schedule

from wholescript.errors import DataError, ParameterError
from wholescript.files import write_atomic
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.studies.headlines.objectives import Order, RDrop, StreamBatches, whole_titles
from wholescript.studies.headlines.tokenizer import Kind as TokenizerKind
from wholescript.studies.headlines.tokenizer import (
    TitleTokens,
    load_title_tokens,
    train_title_tokens,
)
from wholescript.training.documents import TextBatches
from wholescript.training.epoch_clock import EpochClock
from wholescript.training.language_model import NextToken
from wholescript.training.loop import Row, Schedule, TrainingSettings, fit
from wholescript.training.optimizers import Kind as OptimizerKind
from wholescript.training.optimizers import optimizer_of

TOKENIZER, HISTORY, WEIGHTS = "tokenizer.json", "history.json", "weights.safetensors"


@dataclass(frozen=True)
class TitleSettings(TrainingSettings):
    """How to train, where `wsd` falls in the last `decay_share` of the steps.

    The loop's own has one share for all that it trains.
    """

    decay_share: float = 0.3

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        super().__post_init__()
        if not (0 < self.decay_share <= 1 and 0 <= self.warmup_share < 1):
            raise ParameterError(
                f"decay_share={self.decay_share} must be in (0, 1] and "
                f"warmup_share={self.warmup_share} in [0, 1)"
            )

    def scheduler(self, optimizer: Optimizer, steps: int) -> LRScheduler:
        """Return the schedule of the learning rate over all steps of a training."""
        if self.schedule != "wsd":
            return super().scheduler(optimizer, steps)
        warmup = math.ceil(self.warmup_share * steps)
        decay = min(math.ceil(self.decay_share * steps), steps - warmup)
        return get_wsd_schedule(
            optimizer, warmup, decay, num_training_steps=steps, decay_type="linear"
        )


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a model of titles but the titles and the seed."""

    model: GPTConfig = field(default_factory=GPTConfig)
    tokenizer: TokenizerKind = "bpe"
    optimizer: OptimizerKind = "sgd"
    learning_rate: float = 6e-3
    matrix_rate: float = 0.02  # of Muon
    weight_decay: float = 0.0
    warmup_share: float = 0.0
    schedule: Schedule = "cosine"
    decay_share: float = 0.3  # of the steps, in which `wsd` takes the rate down
    order: Order = "file"
    whole_titles: bool = False  # windows end where titles do, and are shuffled
    batch_size: int = 64
    epochs: int = 7
    readings: int = 1  # of each batch, under other dropout
    r_drop: float = 0.0  # the weight of how far two readings are apart

    def __post_init__(self) -> None:
        """Refuse what could not train, before a tokenizer is trained for it."""
        kinds = {"tokenizer": TokenizerKind, "optimizer": OptimizerKind, "order": Order}
        for name, kind in kinds.items():
            if (value := getattr(self, name)) not in get_args(kind):
                raise ParameterError(f"{name}={value!r} is none of {', '.join(get_args(kind))}")
        if self.batch_size < 1 or self.r_drop < 0 or self.matrix_rate <= 0:
            raise ParameterError(
                f"batch_size={self.batch_size} must be at least 1, matrix_rate={self.matrix_rate} "
                f"positive and r_drop={self.r_drop} not negative"
            )
        if self.readings not in (1, 2) or (self.r_drop and self.readings == 1):
            raise ParameterError(
                f"readings={self.readings} must be 1 or 2, and 2 with r_drop={self.r_drop}"
            )
        if self.optimizer == "muon" and self.schedule == "onecycle":
            raise ParameterError("schedule='onecycle' has one rate, and optimizer='muon' has two")
        _ = self.training  # which checks the rest

    def changed(self, **changes: Any) -> "Recipe":
        """Return it with other values, of its own fields or of the model's.

        Raises:
            ParameterError: there is no such field, or no such value.
        """
        own = {each.name for each in fields(self)} - {"model"}
        of_model = {each.name for each in fields(self.model)}
        for name in changes:
            if name not in own | of_model:
                near = get_close_matches(name, own | of_model, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ParameterError(f"a recipe has no {name!r}{hint}")
        model = replace(self.model, **{k: v for k, v in changes.items() if k in of_model})
        return replace(self, model=model, **{k: v for k, v in changes.items() if k in own})

    @property
    def config(self) -> dict[str, Any]:
        """All fields."""
        return {**asdict(self), "model": self.model.note}

    @property
    def training(self) -> TitleSettings:
        """How the loop trains: all epochs, and the last weights, whatever validation says."""
        return TitleSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warmup_share=self.warmup_share,
            patience=self.epochs,
            chunk_dropout=0.0,
            schedule=self.schedule,
            monitor="epoch",
            decay_share=self.decay_share,
        )


@dataclass(frozen=True)
class FittedTitles:
    """A trained model and its tokenizer; `history` has a row an epoch, with its seconds."""

    model: GPT
    tokens: TitleTokens
    history: list[Row]

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def fit_titles(
    recipe: Recipe,
    train: Sequence[str],
    validation: Sequence[str],
    *,
    seed: int,
    bfloat16: bool,
    folder: Path | None = None,
    progress: bool = False,
    on_epoch: Callable[[Row], None] | None = None,
) -> FittedTitles:
    """Train a model on titles; no choice is made on the validation titles.

    With a `folder` the tokenizer is kept there, and a killed training goes on from its last
    checkpoint, to the weights that an unbroken one ends with.

    Raises:
        DataError: the titles do not fill a batch.
        RunError: the loss is not finite.
    """
    tokens = _tokens(recipe, train, folder)
    model = _untrained(recipe, tokens, seed)
    block = recipe.model.context
    stream, size = tokens.stream(train), recipe.batch_size
    batches: TextBatches | StreamBatches
    if recipe.whole_titles:
        rows = whole_titles(stream, tokens.end, block)
        batches = TextBatches(rows, np.zeros(len(rows), np.int64), size, tokens.end)
    else:
        batches = StreamBatches(stream, block, size, recipe.order)
    judged = tokens.stream(validation)
    windows = max((len(judged) - 1) // block, 1)
    held_out = StreamBatches(judged, block, min(recipe.batch_size, windows))
    checkpoint = folder and folder / "checkpoint-titles.safetensors"
    clock = EpochClock(folder and folder / "seconds.json", 0, checkpoint)
    result = fit(
        model, batches, held_out, recipe.training, seed=seed, loss=cross_entropy,
        way=RDrop(bfloat16, weight=recipe.r_drop) if recipe.readings > 1 else NextToken(bfloat16),
        optimizer=optimizer_of(
            recipe.optimizer, model, recipe.learning_rate, recipe.weight_decay, recipe.matrix_rate
        ),
        checkpoint=checkpoint, save_seconds=300.0, progress=progress,
        on_epoch=clock.telling(on_epoch),
    )  # fmt: skip
    return FittedTitles(model, tokens, [clock.timed(row) for row in result.history])


def save_titles(fitted: FittedTitles, folder: Path) -> None:
    """Write tokenizer, epochs and, the last, weights into `folder`."""
    fitted.tokens.save(folder / TOKENIZER)
    write_atomic(folder / HISTORY, json.dumps(fitted.history))
    state = {name: value.contiguous() for name, value in fitted.model.state_dict().items()}
    write_atomic(folder / WEIGHTS, save(state))


def load_titles(recipe: Recipe, folder: Path) -> FittedTitles:
    """Read a trained model back.

    Raises:
        DataError: the folder holds none, or one of another recipe.
    """
    tokens = load_title_tokens(folder / TOKENIZER)
    model = _untrained(recipe, tokens, 0)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
        history = json.loads((folder / HISTORY).read_text())
    except (OSError, RuntimeError, ValueError, SafetensorError) as problem:
        raise DataError(f"{folder} holds no model of this recipe ({problem})") from None
    return FittedTitles(model.eval(), tokens, history)


def _tokens(recipe: Recipe, train: Sequence[str], folder: Path | None) -> TitleTokens:
    path = folder and folder / TOKENIZER
    if path and path.exists():
        return load_title_tokens(path)
    tokens = train_title_tokens(train, recipe.tokenizer, vocabulary=recipe.model.vocabulary)
    if path:
        tokens.save(path)
    return tokens


def _untrained(recipe: Recipe, tokens: TitleTokens, seed: int) -> GPT:
    torch.manual_seed(seed)
    return GPT(replace(recipe.model, vocabulary=tokens.vocabulary), tokens.end)
