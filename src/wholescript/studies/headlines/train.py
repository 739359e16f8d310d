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
from wholescript.studies.headlines.objectives import (
    RDropObjective,
    TokenStreamBatchLoader,
    WindowOrder,
    whole_headlines,
)
from wholescript.studies.headlines.tokenizer import (
    HeadlineTokenizer,
    load_headline_tokenizer,
    train_headline_tokenizer,
)
from wholescript.studies.headlines.tokenizer import Kind as TokenizerKind
from wholescript.training.documents import DocumentBatchLoader
from wholescript.training.epoch_clock import EpochTimer
from wholescript.training.language_model import NextTokenObjective
from wholescript.training.loop import HistoryRow, Schedule, TrainConfig, fit
from wholescript.training.optimizers import Kind as OptimizerKind
from wholescript.training.optimizers import make_optimizer

TOKENIZER_FILE, HISTORY_FILE, WEIGHTS_FILE = "tokenizer.json", "history.json", "weights.safetensors"


@dataclass(frozen=True)
class WSDTrainConfig(TrainConfig):
    """How to train, where `wsd` falls in the last `decay_ratio` of the steps.

    The loop's own has one share for all that it trains.
    """

    decay_ratio: float = 0.3

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        super().__post_init__()
        if not (0 < self.decay_ratio <= 1 and 0 <= self.warmup_ratio < 1):
            raise ParameterError(
                f"decay_ratio={self.decay_ratio} must be in (0, 1] and "
                f"warmup_ratio={self.warmup_ratio} in [0, 1)"
            )

    def scheduler(self, optimizer: Optimizer, steps: int) -> LRScheduler:
        """Return the schedule of the learning rate over all steps of a training."""
        if self.schedule != "wsd":
            return super().scheduler(optimizer, steps)
        warmup = math.ceil(self.warmup_ratio * steps)
        decay = min(math.ceil(self.decay_ratio * steps), steps - warmup)
        return get_wsd_schedule(
            optimizer, warmup, decay, num_training_steps=steps, decay_type="linear"
        )


@dataclass(frozen=True)
class HeadlineTrainConfig:
    """Everything that decides a model of titles but the titles and the seed."""

    model: GPTConfig = field(default_factory=GPTConfig)
    tokenizer: TokenizerKind = "bpe"
    optimizer: OptimizerKind = "sgd"
    learning_rate: float = 6e-3
    muon_lr: float = 0.02  # of Muon
    weight_decay: float = 0.0
    warmup_ratio: float = 0.0
    schedule: Schedule = "cosine"
    decay_ratio: float = 0.3  # of the steps, in which `wsd` takes the rate down
    order: WindowOrder = "file"
    whole_headlines: bool = False  # windows end where titles do, and are shuffled
    batch_size: int = 64
    epochs: int = 7
    n_dropout_passes: int = 1  # of each batch, under other dropout
    r_drop: float = 0.0  # the weight of how far two readings are apart

    def __post_init__(self) -> None:
        """Refuse what could not train, before a tokenizer is trained for it."""
        kinds = {"tokenizer": TokenizerKind, "optimizer": OptimizerKind, "order": WindowOrder}
        for name, kind in kinds.items():
            if (value := getattr(self, name)) not in get_args(kind):
                raise ParameterError(f"{name}={value!r} is none of {', '.join(get_args(kind))}")
        if self.batch_size < 1 or self.r_drop < 0 or self.muon_lr <= 0:
            raise ParameterError(
                f"batch_size={self.batch_size} must be at least 1, muon_lr={self.muon_lr} "
                f"positive and r_drop={self.r_drop} not negative"
            )
        if self.n_dropout_passes not in (1, 2) or (self.r_drop and self.n_dropout_passes == 1):
            raise ParameterError(
                f"n_dropout_passes={self.n_dropout_passes} must be 1 or 2, and 2 with r_drop={self.r_drop}"
            )
        if self.optimizer == "muon" and self.schedule == "onecycle":
            raise ParameterError("schedule='onecycle' has one rate, and optimizer='muon' has two")
        _ = self.training  # which checks the rest

    def override(self, **changes: Any) -> "Recipe":
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
        return {**asdict(self), "model": self.model.settings}

    @property
    def training(self) -> WSDTrainConfig:
        """How the loop trains: all epochs, and the last weights, whatever validation says."""
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


@dataclass(frozen=True)
class FittedHeadlineModel:
    """A trained model and its tokenizer; `history` has a row an epoch, with its seconds."""

    model: GPT
    tokenizer: HeadlineTokenizer
    history: list[HistoryRow]

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def train_headline_model(
    train_config: HeadlineTrainConfig,
    train: Sequence[str],
    validation: Sequence[str],
    *,
    seed: int,
    bfloat16: bool,
    folder: Path | None = None,
    progress: bool = False,
    on_epoch_end: Callable[[HistoryRow], None] | None = None,
) -> FittedHeadlineModel:
    """Train a model on titles; no choice is made on the validation titles.

    With a `folder` the tokenizer is kept there, and a killed training goes on from its last
    checkpoint, to the weights that an unbroken one ends with.

    Raises:
        DataError: the titles do not fill a batch.
        RunError: the loss is not finite.
    """
    tokenizer = _load_or_train_tokenizer(train_config, train, folder)
    model = _build_model(train_config, tokenizer, seed)
    block_size = train_config.model.block_size
    stream, size = tokenizer.stream(train), train_config.batch_size
    batches: DocumentBatchLoader | TokenStreamBatchLoader
    if train_config.whole_headlines:
        rows = whole_headlines(stream, tokenizer.eos_token_id, block_size)
        batches = DocumentBatchLoader(
            rows, np.zeros(len(rows), np.int64), size, tokenizer.eos_token_id
        )
    else:
        batches = TokenStreamBatchLoader(stream, block_size, size, train_config.order)
    judged = tokenizer.stream(validation)
    windows = max((len(judged) - 1) // block_size, 1)
    val_loader = TokenStreamBatchLoader(judged, block_size, min(train_config.batch_size, windows))
    checkpoint = folder and folder / "checkpoint-titles.safetensors"
    timer = EpochTimer(folder and folder / "seconds.json", 0, checkpoint)
    result = fit(
        model, batches, val_loader, train_config.training, seed=seed, loss=cross_entropy,
        objective=RDropObjective(bfloat16, weight=train_config.r_drop) if train_config.n_dropout_passes > 1 else NextTokenObjective(bfloat16),
        optimizer=make_optimizer(
            train_config.optimizer, model, train_config.learning_rate, train_config.weight_decay, train_config.muon_lr
        ),
        checkpoint=checkpoint, save_interval_s=300.0, progress=progress,
        on_epoch_end=timer.epoch_callback(on_epoch_end),
    )  # fmt: skip
    return FittedHeadlineModel(
        model, tokenizer, [timer.with_seconds(row) for row in result.history]
    )


def save_headline_model(fitted: FittedHeadlineModel, folder: Path) -> None:
    """Write tokenizer, epochs and, the last, weights into `folder`."""
    fitted.tokenizer.save(folder / TOKENIZER_FILE)
    write_atomic(folder / HISTORY_FILE, json.dumps(fitted.history))
    state = {name: value.contiguous() for name, value in fitted.model.state_dict().items()}
    write_atomic(folder / WEIGHTS_FILE, save(state))


def load_headline_model(train_config: HeadlineTrainConfig, folder: Path) -> FittedHeadlineModel:
    """Read a trained model back.

    Raises:
        DataError: the folder holds none, or one of another recipe.
    """
    tokenizer = load_headline_tokenizer(folder / TOKENIZER_FILE)
    model = _build_model(train_config, tokenizer, 0)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS_FILE))
        history = json.loads((folder / HISTORY_FILE).read_text())
    except (OSError, RuntimeError, ValueError, SafetensorError) as problem:
        raise DataError(f"{folder} holds no model of this recipe ({problem})") from None
    return FittedHeadlineModel(model.eval(), tokenizer, history)


def _load_or_train_tokenizer(
    train_config: HeadlineTrainConfig, train: Sequence[str], folder: Path | None
) -> HeadlineTokenizer:
    path = folder and folder / TOKENIZER_FILE
    if path and path.exists():
        return load_headline_tokenizer(path)
    tokenizer = train_headline_tokenizer(
        train, train_config.tokenizer, vocab_size=train_config.model.vocab_size
    )
    if path:
        tokenizer.save(path)
    return tokenizer


def _build_model(train_config: HeadlineTrainConfig, tokenizer: HeadlineTokenizer, seed: int) -> GPT:
    torch.manual_seed(seed)
    return GPT(replace(train_config.model, vocab_size=tokenizer.vocab_size), tokenizer.eos_token_id)
