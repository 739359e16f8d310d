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
from wholescript.training.checkpoint import load_trained, trained_state
from wholescript.training.documents import IntArray, OnTexts, TextBatches, class_logits
from wholescript.training.epoch_clock import EpochClock
from wholescript.training.loop import Row, TrainingSettings, fit

Tokenize = Callable[[Sequence[str]], list[IntArray]]
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Labelled:
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
class Fitted:
    """A trained classifier. `history` has a row an epoch, with the seconds that it took.

    `truncated` is the share of training texts that were longer than what the model reads;
    `measured` what the estimator watched, before and after.
    """

    network: nn.Module
    tokenize: Tokenize
    way: OnTexts
    padding: int
    max_length: int
    batch_size: int = 64
    history: list[Row] = field(default_factory=list)
    best_epoch: int = 0
    truncated: float = 0.0
    measured: dict[str, float] = field(default_factory=dict)

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
        tokens = _cut(self.tokenize(texts), self.max_length)
        labels = np.zeros(len(tokens), np.int64)
        batches = TextBatches(tokens, labels, self.batch_size, self.padding)
        logits, _ = class_logits(self.network, batches, self.way)
        return np.asarray(softmax(logits.astype(np.float64), axis=1), np.float32)


@dataclass
class NeuralTextClassifier(ABC):
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
    training: TrainingSettings = field(default_factory=TrainingSettings)

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
    def begin(
        self, texts: Sequence[str], classes: int, folder: Path | None
    ) -> tuple[nn.Module, Tokenize, int]:
        """Return an untrained network, its tokenizer and the number that pads; seed torch before.

        What the texts decide is kept in `folder`, and taken from there when it is.
        """

    def fit(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        seed: int,
        folder: Path | None = None,
        progress: bool = False,
        on_epoch: Callable[[Row], None] | None = None,
    ) -> Fitted:
        """Train on `train`, stop early by `validation`, and return the best epoch.

        With a `folder` a killed training goes on from its last checkpoint there, to the weights
        that it would have had; `on_epoch` is told each new row of the history. Of a training in
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
        network, tokenize, padding = self.begin(train.texts, train.classes, folder)
        tokens = tokenize(train.texts)
        way = self.way
        fitted = Fitted(network, tokenize, way, padding, self.max_length)
        fitted.truncated = float(np.mean([len(ids) > self.max_length for ids in tokens]))
        batches = TextBatches(_cut(tokens, self.max_length), train.labels, self.batch_size, padding)
        held_out = TextBatches(
            _cut(tokenize(validation.texts), self.max_length),
            validation.labels,
            2 * self.batch_size,
            padding,
        )
        before = self.watch(network, tokenize)
        loss = partial(cross_entropy, label_smoothing=self.label_smoothing)
        for phase, settings in enumerate(self.phases(network)):
            checkpoint = folder and folder / f"checkpoint-{phase}.safetensors"
            path = folder and folder / f"seconds-{phase}.json"
            clock = EpochClock(path, len(fitted.history), checkpoint)
            result = fit(
                network, batches, held_out, settings, seed=seed + phase, loss=loss, way=way,
                checkpoint=checkpoint, save_seconds=self.save_seconds, progress=progress,
                on_epoch=clock.telling(on_epoch),
            )  # fmt: skip
            fitted.best_epoch = len(fitted.history) + result.best_epoch
            fitted.history += map(clock.timed, result.history)
        for when, found in (("before", before), ("after", self.watch(network, tokenize))):
            fitted.measured |= {f"{name}_{when}": value for name, value in found.items()}
        fitted.measured["truncated"] = fitted.truncated
        return fitted

    def watch(self, network: nn.Module, tokenize: Tokenize) -> dict[str, float]:
        """Return what is measured of a network before its training, and again after."""
        return {}

    def phases(self, network: nn.Module) -> Iterator[TrainingSettings]:
        """Yield the settings of each phase of a training; a phase may change what is trained."""
        yield self.training

    @property
    def way(self) -> OnTexts:
        """How batches are read in training."""
        return OnTexts(self.bfloat16)

    @property
    def save_seconds(self) -> float:
        """How often a checkpoint is written within an epoch."""
        return 60.0

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write what was trained as safetensors into `folder`."""
        state = {name: value.contiguous() for name, value in trained_state(fitted.network).items()}
        write_atomic(folder / WEIGHTS, save(state))

    def load(self, folder: Path, classes: int) -> Fitted:
        """Read a trained classifier back.

        Raises:
            DataError: the folder holds none, or one of other settings.
        """
        try:
            network, tokenize, padding = self.begin((), classes, folder)
            for _ in self.phases(network):  # to the last of them, which says what was trained
                pass
            load_trained(network, load_file(folder / WEIGHTS))
        except (OSError, RuntimeError, SafetensorError) as problem:
            raise DataError(f"{folder} holds no trained {self.name} ({problem})") from None
        return Fitted(network, tokenize, OnTexts(self.bfloat16), padding, self.max_length)


def _cut(tokens: list[IntArray], length: int) -> list[IntArray]:
    return [ids[:length] for ids in tokens]
