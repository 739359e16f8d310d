"""Base class of the document classifiers: validation, calibration, configuration, files."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_limits

from wholescript.data.checks import check_labelled_documents, check_texts
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.files import write_atomic
from wholescript.models.calibration import fit_temperature, softmax_with_temperature
from wholescript.models.optional_settings import OMIT_AT_DEFAULT, is_omitted
from wholescript.models.types import Float32Array, Float64Array, IntArray
from wholescript.settings import Settings

ARRAYS_FILE, METADATA_FILE = "classifier.safetensors", "classifier.json"
STORED_FIELDS = {"classes": "n_classes", "chosen": "chosen", "temperature": "temperature"}
"""Fields of the base class by their names in the metadata file."""
NOT_IN_CONFIG = {"in_config": False}
"""Metadata of a field that does not affect the result, such as the folder of a cache."""

Arrays = dict[str, NDArray[Any]]
Metadata = dict[str, Any]


@dataclass(kw_only=True)
class SklearnClassifier(Settings, ABC):
    """A classifier of texts whose class probabilities are the softmax of temperature-scaled logits.

    A subclass fits logits and chooses hyperparameters on the validation texts. After fitting,
    `n_classes` is the number of classes, `chosen` holds the chosen hyperparameters and their
    validation metric, and `temperature` is fitted on the validation logits. With `refit` the chosen
    hyperparameters are then fitted again on training and validation texts together. Everything runs
    in one thread, so that results do not depend on the number of cores.
    """

    name: ClassVar[str]
    model: ClassVar[str]
    refit: bool = field(default=False, metadata=OMIT_AT_DEFAULT)
    """Once the hyperparameters are chosen, fit again on training and validation texts."""
    n_classes: int = field(init=False, repr=False)
    chosen: dict[str, Any] = field(init=False, repr=False)
    temperature: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the fields; raises ParameterError."""
        super().__post_init__()
        if self.refit and type(self).chosen_grid is SklearnClassifier.chosen_grid:
            raise ParameterError(f"refit=True: {self.name} has no refit on training and validation")

    @property
    def config(self) -> dict[str, Any]:
        """The model and all fields that affect the result, JSON-able."""
        stored = [f for f in fields(self) if f.init and f.metadata != NOT_IN_CONFIG]
        values = {f.name: getattr(self, f.name) for f in stored}
        values = {f.name: values[f.name] for f in stored if not is_omitted(f, values[f.name])}
        return {"model": self.model, **json.loads(json.dumps(values, default=_config_value))}

    def fit(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        *,
        seed: int,
    ) -> Self:
        """Fit on n texts with integer labels (n,) from 0; choose on the validation texts.

        Raises:
            DataError: the texts or labels are invalid (`check_labelled_documents`).
        """
        self.n_classes = check_labelled_documents(texts, labels, val_texts, val_labels)
        with threadpool_limits(limits=1):
            logits = self.fit_uncalibrated(texts, labels, val_texts, val_labels, seed)
        self.temperature = fit_temperature(logits, val_labels)
        if self.refit:
            self._refit([*texts, *val_texts], np.concatenate([labels, val_labels]), seed)
        return self

    def chosen_grid(self) -> dict[str, Any]:
        """Return the fields of the grid with only the chosen values, for `refit`."""
        raise NotImplementedError

    def _refit(self, texts: Sequence[str], labels: IntArray, seed: int) -> None:
        again = replace(self, refit=False, **self.chosen_grid())
        again.n_classes = self.n_classes
        with threadpool_limits(limits=1):
            again.fit_uncalibrated(texts, labels, texts, labels, seed)
        self.load_state_dict(*again.state_dict())

    def sample_weight(self, labels: IntArray) -> Float64Array | None:
        """Return the weight of each training text, (n,), by its class; None: all the same."""
        if getattr(self, "class_weight", None) is None:
            return None
        return np.asarray(compute_sample_weight("balanced", labels), np.float64)

    def predict_proba(self, texts: Sequence[str]) -> Float32Array:
        """Return class probabilities, (n, n_classes) float32.

        Raises:
            DataError: there is no text, or one is empty.
            RunError: the classifier has not been fitted or loaded.
        """
        if not hasattr(self, "temperature"):
            raise RunError(f"{self.name} is not fitted: call fit or load first")
        check_texts(texts)
        with threadpool_limits(limits=1):
            return softmax_with_temperature(self.decision_function(texts), self.temperature)

    @abstractmethod
    def fit_uncalibrated(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> Float32Array:
        """Fit, set `chosen`, and return the logits of the validation texts, (n, n_classes)."""

    @abstractmethod
    def decision_function(self, texts: Sequence[str]) -> Float32Array:
        """Return the logits before temperature scaling, (n, n_classes)."""

    @property
    @abstractmethod
    def parameter_counts(self) -> dict[str, int]:
        """The metrics `parameters` and `trained_parameters` of a fitted classifier."""

    @abstractmethod
    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return the fitted state: arrays and JSON-able metadata."""

    @abstractmethod
    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Restore the state returned by `state_dict`."""

    def full_state_dict(self) -> tuple[Arrays, Metadata]:
        """Return the fitted state with the configuration and the fields of the base class."""
        arrays, metadata = self.state_dict()
        own = {key: getattr(self, name) for key, name in STORED_FIELDS.items()}
        return arrays, {"config": self.config} | own | metadata

    def load_full_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Restore the state returned by `full_state_dict`."""
        for key, name in STORED_FIELDS.items():
            setattr(self, name, metadata[key])
        self.load_state_dict(arrays, metadata)

    def save(self, folder: Path) -> None:
        """Write the fitted state into `folder`: arrays as safetensors, metadata as JSON."""
        arrays, metadata = self.full_state_dict()
        write_atomic(folder / ARRAYS_FILE, save(arrays))
        write_atomic(folder / METADATA_FILE, json.dumps(metadata, ensure_ascii=False))

    def load(self, folder: Path) -> Self:
        """Restore what a classifier of the same configuration saved.

        Raises:
            DataError: the files are missing, damaged, or of another configuration.
        """
        try:
            metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
            arrays = load_file(folder / ARRAYS_FILE)
        except (OSError, ValueError, safetensors.SafetensorError) as problem:
            raise DataError(
                f"{folder} holds no fitted {self.name} ({problem}): fit it first"
            ) from None
        if metadata["config"] != self.config:
            raise DataError(
                f"{folder} holds a classifier of another configuration, {metadata['config']}: "
                f"fit one of {self.config}"
            )
        self.load_full_state_dict(arrays, metadata)
        return self


def _config_value(value: Any) -> dict[str, Any]:
    return value.config if isinstance(value, SklearnClassifier) else asdict(value)
