"""What a classifier of texts is, and what all but networks share: checks, calibration, files."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from threadpoolctl import threadpool_limits

from wholescript.data.films.guards import list_some
from wholescript.data.labelled.guards import check_texts
from wholescript.errors import DataError, RunError
from wholescript.files import write_atomic
from wholescript.models.sklearn_classifier import (
    FloatArray,
    IntArray,
    fit_temperature,
    softmax_with_temperature,
)

ARRAYS_FILE, METADATA_FILE = "classifier.safetensors", "classifier.json"
FITTED_FIELDS = ("classes", "chosen", "temperature")
NOT_IN_CONFIG = {"aside": True}
"""Marks a field that decides nothing of the result, such as where a cache lies."""

Arrays = dict[str, NDArray[Any]]
Metadata = dict[str, Any]


class DocumentClassifier(Protocol):
    """Anything that learns to tell classes of texts apart; the label c is the class c."""

    @property
    def name(self) -> str:
        """What a run of it is called."""

    @property
    def config(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON-able values."""

    def fit(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        *,
        seed: int,
    ) -> Self:
        """Learn on the texts, choose on the validation texts, and return itself."""

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        """Return the probabilities of the classes, (n, classes) float32."""


@dataclass(kw_only=True)
class SklearnClassifier(ABC):
    """A `DocumentClassifier` with no network to train: a subclass learns scores, and chooses among some.

    `classes`, `chosen` (what the validation texts decided) and `temperature` are there once it is
    fitted. All sums are made by one thread: however many there are, the result is the same.
    """

    name: ClassVar[str]
    classes: int = field(init=False, repr=False)
    chosen: dict[str, Any] = field(init=False, repr=False)
    temperature: float = field(init=False, repr=False)

    @property
    def config(self) -> dict[str, Any]:
        """The class and all fields that decide the result."""
        deciding = [f.name for f in fields(self) if f.init and f.metadata != NOT_IN_CONFIG]
        values = {name: getattr(self, name) for name in deciding}
        return {"model": type(self).__name__, **json.loads(json.dumps(values, default=_as_json))}

    def fit(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        *,
        seed: int,
    ) -> Self:
        """Learn on n texts with labels (n,), whole numbers from 0; choose on the validation texts.

        Raises:
            DataError: a text is missing or empty, texts and labels differ in number, or labels are
                no whole numbers from 0, of one class, leave a class out, or are of a class that no
                training text has.
        """
        self.classes = check_labelled_documents(texts, labels, val_texts, val_labels)
        with threadpool_limits(limits=1):
            scores = self.fit_scores(texts, labels, val_texts, val_labels, seed)
        self.temperature = fit_temperature(scores, val_labels)
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        """Return the probabilities of the classes, (n, classes) float32.

        Raises:
            DataError: there is no text, or one is empty.
            RunError: the model was neither fitted nor loaded.
        """
        if not hasattr(self, "temperature"):
            raise RunError(f"{self.name} has learnt nothing yet: fit it, or load what was fitted.")
        check_texts(texts)
        with threadpool_limits(limits=1):
            return softmax_with_temperature(self.decision_function(texts), self.temperature)

    @abstractmethod
    def fit_scores(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> FloatArray:
        """Fit, and return the scores of the held-out texts, (n, classes)."""

    @abstractmethod
    def decision_function(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes); the highest is the prediction."""

    @property
    @abstractmethod
    def parameters(self) -> dict[str, int]:
        """How many numbers a fitted model has: `parameters`, and `trained_parameters` of them."""

    @abstractmethod
    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return what was fitted: arrays, and what JSON holds better."""

    @abstractmethod
    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Take back what `state_dict` returned."""

    def full_state_dict(self) -> tuple[Arrays, Metadata]:
        """Return the state with the configuration and what all models have."""
        arrays, metadata = self.state_dict()
        return arrays, {name: getattr(self, name) for name in ("config", *FITTED_FIELDS)} | metadata

    def load_full_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Take back what `full_state_dict` returned."""
        for name in FITTED_FIELDS:
            setattr(self, name, metadata[name])
        self.load_state_dict(arrays, metadata)

    def save(self, folder: Path) -> None:
        """Write what was fitted into `folder`: arrays as safetensors, the rest as JSON."""
        arrays, metadata = self.full_state_dict()
        write_atomic(folder / ARRAYS_FILE, save(arrays))
        write_atomic(folder / METADATA_FILE, json.dumps(metadata, ensure_ascii=False))

    def load(self, folder: Path) -> Self:
        """Read what a model of this configuration wrote, which then says the same of any text.

        Raises:
            DataError: the folder holds none, a damaged one, or one of another configuration.
        """
        try:
            metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
            arrays = load_file(folder / ARRAYS_FILE)
        except (OSError, ValueError, safetensors.SafetensorError) as problem:
            raise DataError(f"{folder} holds no fitted {self.name} ({problem}): fit it.") from None
        if metadata["config"] != self.config:
            raise DataError(
                f"{folder} holds {metadata['config']}, not {self.config}: fit this one."
            )
        self.load_full_state_dict(arrays, metadata)
        return self


def check_labelled_documents(
    texts: Sequence[str],
    labels: IntArray,
    val_texts: Sequence[str],
    val_labels: IntArray,
) -> int:
    """Return how many classes there are; raise DataError where `SklearnClassifier.fit` says so."""
    for name, part, numbers in (
        ("training", texts, labels),
        ("validation", val_texts, val_labels),
    ):
        check_texts(part, f"{name} texts")
        if len(part) != len(numbers):
            raise DataError(
                f"{len(part)} {name} texts have {len(numbers)} labels: give one label a text."
            )
        values = np.asarray(numbers)
        if values.ndim != 1 or values.dtype.kind not in "iu" or values.min() < 0:
            raise DataError(
                f"{name} labels are {values.dtype} of shape {values.shape}, the least "
                f"{values.min()!r}: number the classes 0, 1, 2 and so on."
            )
    present = np.unique(labels)
    if len(present) < 2:
        raise DataError(
            f"all {len(labels)} training texts are of the class {present[0]}: nothing can be "
            "learnt. Add texts of another class."
        )
    classes = int(present[-1]) + 1
    if missing := sorted(set(range(classes)) - set(present.tolist())):
        raise DataError(
            f"no training text is of class {list_some(missing)}, and {classes - 1} is the last: "
            "number the classes without gaps, or add texts."
        )
    if unknown := sorted(set(np.unique(val_labels).tolist()) - set(present.tolist())):
        raise DataError(
            f"validation texts are of class {list_some(unknown)}, training texts of 0 to "
            f"{classes - 1}: leave them out, or add training texts of these classes."
        )
    return classes


def _as_json(value: Any) -> dict[str, Any]:
    return value.config if isinstance(value, SklearnClassifier) else asdict(value)
