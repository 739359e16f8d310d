"""Neural classifiers of documents: data, batches, training with early stopping, stored weights."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from scipy.special import softmax
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from wholescript.data.checks import check_texts
from wholescript.errors import DataError
from wholescript.files import write_atomic
from wholescript.models.optional_settings import (
    is_omitted,
)
from wholescript.models.types import IntArray
from wholescript.training.batches import DocumentBatchLoader
from wholescript.training.checkpoint import load_trainable_state_dict, trainable_state_dict
from wholescript.training.hardware import hardware
from wholescript.training.objectives.base import LossFn
from wholescript.training.objectives.documents import ClassificationObjective, class_logits
from wholescript.training.phases import fit_phase
from wholescript.training.settings import HistoryRow, NeuralSettings, TrainConfig

TokenizeFn = Callable[[Sequence[str]], list[IntArray]]
WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True)
class LabelledDocuments:
    """n documents and their class indices, (n,) int64, in [0, `n_classes`).

    Raises:
        DataError: there is no document, one is empty, the numbers of documents and labels differ,
            or a label is out of range.
    """

    texts: Sequence[str]
    labels: IntArray
    n_classes: int

    def __post_init__(self) -> None:
        """Check documents and labels."""
        if len(self.texts) != len(self.labels):
            raise DataError(f"{len(self.texts)} documents have {len(self.labels)} labels")
        if not len(self.labels):
            raise DataError("there are no documents")
        if not 0 <= self.labels.min() <= self.labels.max() < self.n_classes:
            raise DataError(
                f"labels from {self.labels.min()} to {self.labels.max()} are outside 0 to "
                f"{self.n_classes - 1}"
            )
        check_texts(self.texts)

    def of_class(self, label: int, split: str) -> list[str]:
        """Return the documents of one class; `split` names the part in the error.

        Raises:
            DataError: there is none.
        """
        texts = [t for t, c in zip(self.texts, self.labels, strict=True) if c == label]
        if not texts:
            raise DataError(f"the {split} split has no document of class {label}")
        return texts


class FittedClassifier(Protocol):
    """A trained classifier of documents."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the class probabilities, (n, n_classes)."""


class TorchDocumentClassifier(ABC):
    """Base of the estimators that train with checkpoints in a folder and store their weights there.

    `model` names the class in stored settings.
    """

    model: ClassVar[str]

    @property
    @abstractmethod
    def name(self) -> str:
        """The default name of a run."""

    @property
    def config(self) -> dict[str, Any]:
        """The stored settings: `model` and all fields, JSON-able.

        Of the field `unlabelled` only the number of documents is stored, as `n_unlabelled`; fields
        with `OMIT_AT_DEFAULT` are left out at their default.
        """
        settings: dict[str, Any] = {"model": self.model}
        for each in fields(cast(Any, self)):
            value = getattr(self, each.name)
            if is_omitted(each, value):
                continue
            if each.name == "unlabelled":
                settings["n_unlabelled"] = len(value)
            else:
                settings[each.name] = asdict(value) if isinstance(value, TrainConfig) else value
        return settings

    @abstractmethod
    def fit(
        self,
        train: LabelledDocuments,
        validation: LabelledDocuments,
        *,
        seed: int,
        folder: Path | None = None,
        progress: bool = False,
        on_epoch_end: Callable[[HistoryRow], None] | None = None,
    ) -> FittedClassifier:
        """Train on `train`, and select the epoch on `validation`.

        With a `folder` a killed training resumes from its last checkpoint there and ends with the
        same weights; `on_epoch_end` is called with each new row of the history.

        Raises:
            DataError: `train` and `validation` differ in their classes, or lack one.
            RunError: the loss is not finite.
        """

    @abstractmethod
    def save(self, fitted: Any, folder: Path) -> None:
        """Write the weights into `folder`."""

    @abstractmethod
    def load(self, folder: Path, n_classes: int) -> FittedClassifier:
        """Read the weights of a trained classifier from `folder`.

        Raises:
            DataError: the folder holds none, or one of other settings.
        """


def count_parameters(models: Iterable[nn.Module]) -> dict[str, int]:
    """Return the metrics `parameters` and `trained_parameters`, summed over the models."""
    counts = [(p.numel(), p.requires_grad) for model in models for p in model.parameters()]
    return {
        "parameters": sum(count for count, _ in counts),
        "trained_parameters": sum(count for count, trained in counts if trained),
    }


@dataclass
class FittedDocumentClassifier:
    """A trained classifier. `history` has one row per epoch, with its seconds.

    `truncated_share` is the share of training documents with more than `max_length` tokens;
    `extra_metrics` are stored with the run.
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
    def parameter_counts(self) -> dict[str, int]:
        """The numbers of all and of trained parameters."""
        return count_parameters([self.network])

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the class probabilities, (n, n_classes).

        Raises:
            DataError: there is no document, or an empty one.
        """
        check_texts(texts)
        tokens = _truncate(self.tokenize(texts), self.max_length)
        labels = np.zeros(len(tokens), np.int64)
        loader = DocumentBatchLoader(tokens, labels, self.batch_size, self.pad_token_id)
        logits, _ = class_logits(self.network, loader, self.objective)
        return np.asarray(softmax(logits.astype(np.float64), axis=1), np.float32)


class NeuralDocumentClassifier(NeuralSettings, TorchDocumentClassifier):
    """Base of the neural classifiers: label smoothing, early stopping, one or more phases.

    Documents are truncated to `max_length` tokens. `train_config.monitor` names the validation
    metric that selects the epoch. `class_weight="balanced"` weights the loss of a document by the
    inverse frequency of its class.

    Raises:
        ParameterError: a field is outside its range.
    """

    @abstractmethod
    def build_model(
        self, texts: Sequence[str], n_classes: int, folder: Path | None
    ) -> tuple[nn.Module, TokenizeFn, int]:
        """Return an untrained network, its tokenizer and its padding id; seed torch before.

        What is computed from `texts` (a vocabulary, pretrained weights) is written to `folder`,
        and read from there if it exists. To load a trained classifier, `texts` is empty.
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
        """Train, stop early on `validation`, and return the best epoch of the last phase.

        Arguments and errors are those of the base class.
        """
        if validation.n_classes != train.n_classes:
            raise DataError(
                f"training has {train.n_classes} classes, validation {validation.n_classes}"
            )
        torch.manual_seed(seed)
        network, tokenize, pad_token_id = self.build_model(train.texts, train.n_classes, folder)
        tokens = tokenize(train.texts)
        objective = replace(self.objective, tokens_per_forward=hardware().tokens_per_forward)
        loss = self._loss(train)
        fitted = FittedDocumentClassifier(
            network, tokenize, objective, pad_token_id, self.max_length
        )
        fitted.truncated_share = float(np.mean([len(ids) > self.max_length for ids in tokens]))
        train_loader = DocumentBatchLoader(
            _truncate(tokens, self.max_length), train.labels, self.batch_size, pad_token_id
        )
        val_loader = DocumentBatchLoader(
            _truncate(tokenize(validation.texts), self.max_length),
            validation.labels,
            2 * self.batch_size,
            pad_token_id,
        )
        before = self.measure_network(network, tokenize)
        for phase, config in enumerate(self.phases(network)):
            fitted.best_epoch = fit_phase(
                network, train_loader, val_loader, config, fitted.history, phase=phase,
                folder=folder, seed=seed + phase, objective=objective,
                loss=loss,
                save_interval_s=self.save_interval_s, progress=progress, on_epoch_end=on_epoch_end,
            )  # fmt: skip
        after = self.measure_network(network, tokenize)
        for when, measured in (("before", before), ("after", after)):
            fitted.extra_metrics |= {f"{name}_{when}": value for name, value in measured.items()}
        fitted.extra_metrics["truncated_share"] = fitted.truncated_share
        return fitted

    def _loss(self, train: LabelledDocuments) -> LossFn:
        """Return the cross-entropy with label smoothing, weighted by class if set."""
        if self.class_weight is None:
            return partial(cross_entropy, label_smoothing=self.label_smoothing)
        present = np.unique(train.labels)
        weights = np.ones(train.n_classes, np.float32)
        weights[present] = compute_class_weight("balanced", classes=present, y=train.labels)
        weight = torch.from_numpy(weights)

        def loss(logits: Tensor, labels: Tensor) -> Tensor:
            losses = cross_entropy(
                logits,
                labels,
                weight.to(logits.device),
                label_smoothing=self.label_smoothing,
                reduction="none",
            )
            return losses.mean()  # not over the weights, so that micro-batches add up to the batch

        return loss

    def measure_network(self, network: nn.Module, tokenize: TokenizeFn) -> dict[str, float]:
        """Return metrics of a network that are measured before and after its training."""
        return {}

    def phases(self, network: nn.Module) -> Iterator[TrainConfig]:
        """Yield the configuration of each training phase; a phase may unfreeze parameters."""
        yield self.train_config

    @property
    def objective(self) -> ClassificationObjective:
        """The training objective."""
        return ClassificationObjective(self.bfloat16)

    @property
    def save_interval_s(self) -> float:
        """The seconds between two checkpoints within an epoch."""
        return 60.0

    def save(self, fitted: FittedDocumentClassifier, folder: Path) -> None:
        """Write the trained parameters as safetensors into `folder`."""
        state = trainable_state_dict(fitted.network)
        contiguous = {name: value.contiguous() for name, value in state.items()}
        write_atomic(folder / WEIGHTS_FILE, save(contiguous))

    def load(self, folder: Path, n_classes: int) -> FittedDocumentClassifier:
        """Read a trained classifier from `folder`.

        Raises:
            DataError: the folder holds none, or one of other settings.
        """
        try:
            network, tokenize, pad_token_id = self.build_model((), n_classes, folder)
            for _ in self.phases(network):  # the last phase decides what is trainable
                pass
            load_trainable_state_dict(network, load_file(folder / WEIGHTS_FILE))
        except (OSError, RuntimeError, SafetensorError) as problem:
            raise DataError(f"{folder} holds no trained {self.name} ({problem})") from None
        return FittedDocumentClassifier(
            network.to(hardware().device),
            tokenize,
            ClassificationObjective(self.bfloat16),
            pad_token_id,
            self.max_length,
        )


def _truncate(tokens: list[IntArray], max_length: int) -> list[IntArray]:
    return [ids[:max_length] for ids in tokens]
