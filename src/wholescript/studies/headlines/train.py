"""A fitted headline model: training, saving, loading and scoring it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch.nn.functional import cross_entropy

from wholescript.errors import DataError
from wholescript.files import write_atomic
from wholescript.models.gpt import GPT
from wholescript.studies.headlines.batches import TokenStreamBatchLoader, whole_headlines
from wholescript.studies.headlines.scoring import EvalContext, TaskMetric, task_metric, token_nll
from wholescript.studies.headlines.tokenizer import (
    HeadlineTokenizer,
    load_headline_tokenizer,
    train_headline_tokenizer,
)
from wholescript.studies.headlines.train_config import HeadlineTrainConfig
from wholescript.training.batches import BatchLoader, DocumentBatchLoader
from wholescript.training.epoch_timer import EpochTimer
from wholescript.training.hardware import default_bfloat16
from wholescript.training.loop import HistoryRow, fit
from wholescript.training.objectives.next_token import NextTokenObjective
from wholescript.training.objectives.r_drop import RDropObjective
from wholescript.training.optimizers import make_optimizer

TOKENIZER_FILE, HISTORY_FILE, WEIGHTS_FILE = "tokenizer.json", "history.json", "weights.safetensors"


@dataclass(frozen=True)
class FittedHeadlineModel:
    """A trained model and its tokenizer; `history` has one row an epoch, with its seconds."""

    model: GPT
    tokenizer: HeadlineTokenizer
    history: list[HistoryRow]

    @property
    def n_parameters(self) -> int:
        """The number of parameters, all of which are trained."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def task_metric(self, headlines: Sequence[str], batch_size: int) -> TaskMetric:
        """Return the metric of the original task; see `scoring.task_metric`."""
        return task_metric(
            self.model,
            self.tokenizer,
            headlines,
            block_size=self.model.config.block_size,
            batch_size=batch_size,
            bfloat16=default_bfloat16(),
        )

    def token_nll(
        self,
        headlines: Sequence[str],
        eval_context: EvalContext = "non_overlapping",
        batch_size: int | None = None,
    ) -> list[NDArray[np.float32]]:
        """Return the loss of each token in nats; see `scoring.token_nll`."""
        return token_nll(
            self.model,
            self.tokenizer,
            headlines,
            block_size=self.model.config.block_size,
            eval_context=eval_context,
            bfloat16=default_bfloat16(),
            batch_size=batch_size,
        )


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
    """Train a tokenizer and a model on headlines; the validation split selects nothing.

    With a `folder` the tokenizer is saved there, and a killed training resumes from its last
    checkpoint and ends with the same weights as an uninterrupted one.

    Raises:
        DataError: the headlines do not fill a batch.
        RunError: the loss is not finite.
    """
    tokenizer = _load_or_train_tokenizer(train_config, train, folder)
    model = _build_model(train_config, tokenizer, seed)
    checkpoint = folder and folder / "checkpoint-headlines.safetensors"
    timer = EpochTimer(folder and folder / "seconds.json", 0, checkpoint)
    result = fit(
        model,
        _train_loader(train_config, tokenizer, train),
        _val_loader(train_config, tokenizer, validation),
        train_config.loop_config,
        seed=seed,
        loss=cross_entropy,
        objective=_objective(train_config, bfloat16),
        optimizer=make_optimizer(
            train_config.optimizer,
            model,
            train_config.learning_rate,
            train_config.weight_decay,
            train_config.muon_lr,
        ),
        checkpoint=checkpoint,
        save_interval_s=300.0,
        progress=progress,
        on_epoch_end=timer.epoch_callback(on_epoch_end),
    )
    history = [timer.with_seconds(row) for row in result.history]
    return FittedHeadlineModel(model, tokenizer, history)


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


def _train_loader(
    train_config: HeadlineTrainConfig, tokenizer: HeadlineTokenizer, train: Sequence[str]
) -> BatchLoader:
    stream = tokenizer.stream(train)
    block_size, batch_size = train_config.model.block_size, train_config.batch_size
    if not train_config.whole_headlines:
        return TokenStreamBatchLoader(stream, block_size, batch_size, train_config.order)
    token_windows = whole_headlines(stream, tokenizer.eos_token_id, block_size)
    labels = np.zeros(len(token_windows), np.int64)  # not used
    return DocumentBatchLoader(token_windows, labels, batch_size, tokenizer.eos_token_id)


def _val_loader(
    train_config: HeadlineTrainConfig, tokenizer: HeadlineTokenizer, validation: Sequence[str]
) -> BatchLoader:
    stream = tokenizer.stream(validation)
    block_size = train_config.model.block_size
    n_windows = max((len(stream) - 1) // block_size, 1)
    return TokenStreamBatchLoader(stream, block_size, min(train_config.batch_size, n_windows))


def _objective(train_config: HeadlineTrainConfig, bfloat16: bool) -> NextTokenObjective:
    if train_config.n_dropout_passes > 1:
        return RDropObjective(bfloat16, kl_weight=train_config.r_drop)
    return NextTokenObjective(bfloat16)


def save_headline_model(fitted: FittedHeadlineModel, folder: Path) -> None:
    """Write tokenizer, history and, last, weights into `folder`."""
    fitted.tokenizer.save(folder / TOKENIZER_FILE)
    write_atomic(folder / HISTORY_FILE, json.dumps(fitted.history))
    state = {name: value.contiguous() for name, value in fitted.model.state_dict().items()}
    write_atomic(folder / WEIGHTS_FILE, save(state))


def load_headline_model(train_config: HeadlineTrainConfig, folder: Path) -> FittedHeadlineModel:
    """Load a saved model.

    Raises:
        DataError: the folder holds no model, or one of another configuration.
    """
    tokenizer = load_headline_tokenizer(folder / TOKENIZER_FILE)
    model = _build_model(train_config, tokenizer, 0)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS_FILE))
        history = json.loads((folder / HISTORY_FILE).read_text())
    except (OSError, RuntimeError, ValueError, SafetensorError) as problem:
        raise DataError(f"{folder} holds no model of this configuration ({problem})") from None
    return FittedHeadlineModel(model.eval(), tokenizer, history)
