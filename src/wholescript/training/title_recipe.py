"""How a model of titles is made; the defaults are those of the published baseline."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch.nn.functional import cross_entropy

from wholescript.errors import DataError, ParameterError
from wholescript.features.title_tokens import (
    Kind as TokenizerKind,
)
from wholescript.features.title_tokens import (
    TitleTokens,
    load_title_tokens,
    train_title_tokens,
)
from wholescript.files import write_atomic
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.training.clock import EpochClock
from wholescript.training.language import NextToken
from wholescript.training.loop import Row, Schedule, TrainingSettings, fit
from wholescript.training.optimizers import Kind as OptimizerKind
from wholescript.training.optimizers import optimizer_of
from wholescript.training.titles import Order, RDrop, StreamBatches

TOKENIZER, WEIGHTS = "tokenizer.json", "weights.safetensors"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a model of titles but the titles and the seed."""

    model: GPTConfig = field(default_factory=GPTConfig)
    tokenizer: TokenizerKind = "bpe"
    optimizer: OptimizerKind = "sgd"
    learning_rate: float = 6e-3
    weight_decay: float = 0.0
    warmup_share: float = 0.0
    schedule: Schedule = "cosine"
    order: Order = "file"
    batch_size: int = 64
    epochs: int = 7
    r_drop: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what could not train, before a tokenizer is trained for it."""
        kinds = {"tokenizer": TokenizerKind, "optimizer": OptimizerKind, "order": Order}
        for name, kind in kinds.items():
            if (value := getattr(self, name)) not in get_args(kind):
                raise ParameterError(f"{name}={value!r} is none of {', '.join(get_args(kind))}")
        if self.batch_size < 1 or self.r_drop < 0:
            raise ParameterError(
                f"batch_size={self.batch_size} must be at least 1 and r_drop={self.r_drop} not "
                "negative"
            )
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
    def training(self) -> TrainingSettings:
        """How the loop trains: all epochs, and the last weights, whatever validation says."""
        return TrainingSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warmup_share=self.warmup_share,
            patience=self.epochs,
            chunk_dropout=0.0,
            schedule=self.schedule,
            monitor="epoch",
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
    batches = StreamBatches(tokens.stream(train), block, recipe.batch_size, recipe.order)
    judged = tokens.stream(validation)
    windows = max((len(judged) - 1) // block, 1)
    held_out = StreamBatches(judged, block, min(recipe.batch_size, windows))
    checkpoint = folder and folder / "checkpoint-titles.safetensors"
    clock = EpochClock(folder and folder / "seconds.json", 0, checkpoint)
    result = fit(
        model, batches, held_out, recipe.training, seed=seed, loss=cross_entropy,
        way=RDrop(bfloat16, weight=recipe.r_drop) if recipe.r_drop else NextToken(bfloat16),
        optimizer=optimizer_of(
            recipe.optimizer, model, recipe.learning_rate, recipe.weight_decay
        ),
        checkpoint=checkpoint, save_seconds=300.0, progress=progress,
        on_epoch=clock.telling(on_epoch),
    )  # fmt: skip
    return FittedTitles(model, tokens, [clock.timed(row) for row in result.history])


def save_titles(fitted: FittedTitles, folder: Path) -> None:
    """Write weights and tokenizer into `folder`."""
    fitted.tokens.save(folder / TOKENIZER)
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
    except (OSError, RuntimeError, SafetensorError) as problem:
        raise DataError(f"{folder} holds no model of this recipe ({problem})") from None
    return FittedTitles(model.eval(), tokens, [])


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
