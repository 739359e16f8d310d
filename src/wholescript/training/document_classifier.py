"""What neural classifiers of texts have in common: tokens, batches, one loop, early stopping."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from scipy.special import softmax
from torch import nn
from torch.nn.functional import cross_entropy

from wholescript.data.labelled.guards import check_texts
from wholescript.errors import DataError, ParameterError
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.files import write_atomic
from wholescript.training.checkpoint import load_trainable_state_dict, trainable_state_dict
from wholescript.training.documents import (
    ClassificationObjective,
    DocumentBatchLoader,
    IntArray,
    class_logits,
)
from wholescript.training.epoch_clock import EpochTimer
from wholescript.training.loop import HistoryRow, TrainConfig, fit

TokenizeFn = Callable[[Sequence[str]], list[IntArray]]
WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True)
class LabelledDocuments:
    """n texts and the number of each one's class, (n,) int64, of `classes`.

    Raises:
        DataError: there is no text, an empty one, or a label too few, too many or out of range.
    """

    texts: Sequence[str]
    labels: IntArray
    classes: int

    def __post_init__(self) -> None:
        """Refuse what nothing can be learned from."""
        if len(self.texts) != len(self.labels):
            raise DataError(f"{len(self.texts)} texts have {len(self.labels)} labels")
        if not len(self.labels) or not 0 <= self.labels.min() <= self.labels.max() < self.classes:
            raise DataError(f"labels must lie from 0 to {self.classes - 1}, a text at least")
        check_texts(self.texts)


@dataclass
class FittedDocumentClassifier:
    """A trained classifier. `history` has a row an epoch, with the seconds that it took.

    `truncated_share` is the share of training texts that were longer than what the model reads;
    `extra_metrics` what the estimator watched, before and after.
    """

    network: nn.Module
    tokenize: TokenizeFn
    objective: ClassificationObjective
    pad_token_id: int
    max_length: int
    batch_size: int = 64
    history: list[HistoryRow] = field(default_factory=list)
    best_epoch: int = 0
    truncated_share: float = 0.0
    extra_metrics: dict[str, float] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, int]:
        """How many numbers there are, in all and trained."""
        counts = [(p.numel(), p.requires_grad) for p in self.network.parameters()]
        return {
            "parameters": sum(count for count, _ in counts),
            "trained_parameters": sum(count for count, trained in counts if trained),
        }

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probabilities of the classes, (n, classes).

        Raises:
            DataError: there is no text, or an empty one.
        """
        check_texts(texts)
        tokens = _truncate(self.tokenize(texts), self.max_length)
        labels = np.zeros(len(tokens), np.int64)
        batches = DocumentBatchLoader(tokens, labels, self.batch_size, self.pad_token_id)
        logits, _ = class_logits(self.network, batches, self.objective)
        return np.asarray(softmax(logits.astype(np.float64), axis=1), np.float32)


@dataclass
class NeuralDocumentClassifier(ABC):
    """What both kinds share: tokens, batches, one loop, label smoothing, early stopping.

    A text longer than `max_length` tokens is read up to there. `training.monitor` decides which
    epoch is kept.

    Raises:
        ParameterError: a field is outside its range.
    """

    max_length: int = 256
    batch_size: int = 32
    label_smoothing: float = 0.1
    dropout: float = 0.1
    bfloat16: bool = field(default_factory=cpu_has_bfloat16)
    training: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        """Refuse what could not train."""
        if self.max_length < 2 or self.batch_size < 1:
            raise ParameterError(
                f"max_length={self.max_length} must be at least 2 and "
                f"batch_size={self.batch_size} at least 1"
            )
        if not (0 <= self.label_smoothing < 1 and 0 <= self.dropout < 1):
            raise ParameterError(
                f"label_smoothing={self.label_smoothing} and dropout={self.dropout} must be in "
                "[0, 1)"
            )

    @property
    @abstractmethod
    def name(self) -> str:
        """What a run of it is called."""

    @property
    def config(self) -> dict[str, Any]:
        """All fields."""
        return {"model": type(self).__name__, **asdict(self)}

    @abstractmethod
    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None
    ) -> tuple[nn.Module, TokenizeFn, int]:
        """Return an untrained network, its tokenizer and the number that pads; seed torch before.

        What the texts decide is kept in `folder`, and taken from there when it is.
        """

    def fit(
        self,
        train: LabelledDocuments,
        validation: LabelledDocuments,
        *,
        seed: int,
        folder: Path | None = None,
        progress: bool = False,
        on_epoch_end: Callable[[HistoryRow], None] | None = None,
    ) -> FittedDocumentClassifier:
        """Train on `train`, stop early by `validation`, and return the best epoch.

        With a `folder` a killed training goes on from its last checkpoint there, to the weights
        that it would have had; `on_epoch_end` is told each new row of the history. Of a training in
        phases the best epoch of the last is returned.

        Raises:
            DataError: validation is of other classes.
            RunError: the loss is not finite.
        """
        if validation.classes != train.classes:
            raise DataError(
                f"training texts have {train.classes} classes, validation {validation.classes}"
            )
        torch.manual_seed(seed)
        network, tokenize, pad_token_id = self.build_model(train.texts, train.classes, folder)
        tokens = tokenize(train.texts)
        objective = self.objective
        fitted = FittedDocumentClassifier(
            network, tokenize, objective, pad_token_id, self.max_length
        )
        fitted.truncated_share = float(np.mean([len(ids) > self.max_length for ids in tokens]))
        batches = DocumentBatchLoader(
            _truncate(tokens, self.max_length), train.labels, self.batch_size, pad_token_id
        )
        val_loader = DocumentBatchLoader(
            _truncate(tokenize(validation.texts), self.max_length),
            validation.labels,
            2 * self.batch_size,
            pad_token_id,
        )
        before = self.measure_network(network, tokenize)
        loss = partial(cross_entropy, label_smoothing=self.label_smoothing)
        for phase, settings in enumerate(self.phases(network)):
            checkpoint = folder and folder / f"checkpoint-{phase}.safetensors"
            path = folder and folder / f"seconds-{phase}.json"
            timer = EpochTimer(path, len(fitted.history), checkpoint)
            result = fit(
                network, batches, val_loader, settings, seed=seed + phase, loss=loss, objective=objective,
                checkpoint=checkpoint, save_interval_s=self.save_interval_s, progress=progress,
                on_epoch_end=timer.epoch_callback(on_epoch_end),
            )  # fmt: skip
            fitted.best_epoch = len(fitted.history) + result.best_epoch
            fitted.history += map(timer.with_seconds, result.history)
        for when, found in (("before", before), ("after", self.measure_network(network, tokenize))):
            fitted.extra_metrics |= {f"{name}_{when}": value for name, value in found.items()}
        fitted.extra_metrics["truncated"] = fitted.truncated_share
        return fitted

    def measure_network(self, network: nn.Module, tokenize: TokenizeFn) -> dict[str, float]:
        """Return what is measured of a network before its training, and again after."""
        return {}

    def phases(self, network: nn.Module) -> Iterator[TrainConfig]:
        """Yield the settings of each phase of a training; a phase may change what is trained."""
        yield self.training

    @property
    def objective(self) -> ClassificationObjective:
        """How batches are read in training."""
        return ClassificationObjective(self.bfloat16)

    @property
    def save_interval_s(self) -> float:
        """How often a checkpoint is written within an epoch."""
        return 60.0

    def save(self, fitted: FittedDocumentClassifier, folder: Path) -> None:
        """Write what was trained as safetensors into `folder`."""
        state = {
            name: value.contiguous() for name, value in trainable_state_dict(fitted.network).items()
        }
        write_atomic(folder / WEIGHTS_FILE, save(state))

    def load(self, folder: Path, classes: int) -> FittedDocumentClassifier:
        """Read a trained classifier back.

        Raises:
            DataError: the folder holds none, or one of other settings.
        """
        try:
            network, tokenize, pad_token_id = self.build_model((), classes, folder)
            for _ in self.phases(network):  # to the last of them, which says what was trained
                pass
            load_trainable_state_dict(network, load_file(folder / WEIGHTS_FILE))
        except (OSError, RuntimeError, SafetensorError) as problem:
            raise DataError(f"{folder} holds no trained {self.name} ({problem})") from None
        return FittedDocumentClassifier(
            network, tokenize, ClassificationObjective(self.bfloat16), pad_token_id, self.max_length
        )


def _truncate(tokens: list[IntArray], length: int) -> list[IntArray]:
    return [ids[:length] for ids in tokens]
