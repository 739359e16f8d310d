"""The search space, from a YAML file: hyperparameters, and the protocol that scores a trial."""

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from wholescript.data.films.labels import TARGETS
from wholescript.errors import ParameterError
from wholescript.models.aggregators import AGGREGATORS
from wholescript.settings import Seed, check
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.training.loop import TrainConfig

Value = str | int | float


class NumberLimits(NamedTuple):
    """The limits of a hyperparameter; `kind` is int or float."""

    kind: type
    low: float
    high: float = math.inf


NUMERIC_LIMITS = {
    "dimensions": NumberLimits(int, 1),
    "d_model": NumberLimits(int, 2),
    "d_attention": NumberLimits(int, 1),
    "d_feedforward": NumberLimits(int, 1),
    "n_head": NumberLimits(int, 1),
    "n_layer": NumberLimits(int, 1),
    "n_queries": NumberLimits(int, 1),
    "batch_size": NumberLimits(int, 1),
    "dropout": NumberLimits(float, 0, 0.95),
    "chunk_dropout": NumberLimits(float, 0, 0.95),
    "learning_rate": NumberLimits(float, 1e-8, 1),
    "weight_decay": NumberLimits(float, 0, 10),
}
TRAIN_CONFIG_FIELDS = {"chunk_dropout", "learning_rate", "weight_decay"}
LOADER_FIELDS = {"dimensions", "batch_size"}


@dataclass(frozen=True)
class Categorical:
    """A list of values."""

    values: tuple[Value, ...]

    @property
    def bounds(self) -> tuple[Value, ...]:
        """All values."""
        return self.values


@dataclass(frozen=True)
class Interval:
    """A uniform distribution between two numbers, or a log-uniform one with scale `log`."""

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    @property
    def bounds(self) -> tuple[Value, ...]:
        """The lowest and the highest value."""
        return self.low, self.high


@dataclass(frozen=True)
class SearchProtocol:
    """How a trial is scored: on inner folds of the training films of one published outer fold.

    `split` selects the outer fold: the first of the repeated ones (`random`) or the `temporal` one.
    A trial is stopped after `grace_epochs`, and after each multiple of them by a power of
    `reduction_factor`, unless it is in the best 1 / `reduction_factor` so far (ASHA; Li et al.,
    2020).
    """

    target: str = "nominated_for_writing"
    split: Literal["random", "temporal"] = "random"
    inner_folds: int = 3
    epochs: int = 12
    patience: int = 3
    grace_epochs: int = 3
    reduction_factor: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values; raises ParameterError."""
        _check_word("split", self.split, ("random", "temporal"))
        _check_word("target", self.target, TARGETS)
        least = {
            "inner_folds": 2,
            "epochs": 1,
            "patience": 1,
            "grace_epochs": 1,
            "reduction_factor": 2,
            "seed": 0,
        }
        for name, low in least.items():
            value = getattr(self, name)
            if type(value) is not int or value < low:
                raise ParameterError(f"protocol: {name}={value!r} must be a whole number >= {low}")
        check("protocol: seed", self.seed, Seed)
        if self.grace_epochs > self.epochs:
            raise ParameterError(
                f"protocol: grace_epochs={self.grace_epochs} must not exceed epochs={self.epochs}"
            )


@dataclass(frozen=True)
class SearchSpace:
    """A protocol, and the hyperparameters by name."""

    protocol: SearchProtocol
    hyperparameters: dict[str, Categorical | Interval]

    def to_dict(self) -> dict[str, Any]:
        """Return the space as JSON-able values, in the form of the file."""
        hyperparameters = {
            name: list(values.values) if isinstance(values, Categorical) else asdict(values)
            for name, values in self.hyperparameters.items()
        }
        return {"protocol": asdict(self.protocol), "hyperparameters": hyperparameters}


def read_space(path: Path) -> SearchSpace:
    """Read and check a space file.

    Raises:
        ParameterError: the file cannot be read, is not YAML, or has an unknown name (the message
            suggests the nearest) or an invalid value.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(f"the space {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"the space {path} is not YAML: {error}") from None
    try:
        return parse_space(content)
    except ParameterError as error:
        raise ParameterError(f"{path.name}: {error}") from None


def parse_space(content: Any) -> SearchSpace:
    """Return the space of the content of a file; raises as `read_space`."""
    parts = _mapping("the space", content, ("protocol", "hyperparameters"))
    protocol = _mapping(
        "protocol", parts.get("protocol", {}), [f.name for f in fields(SearchProtocol)]
    )
    known = ["architecture", *NUMERIC_LIMITS]
    hyperparameters = {
        name: _values(name, value)
        for name, value in _mapping(
            "hyperparameters", parts.get("hyperparameters", {}), known
        ).items()
    }
    if "architecture" not in hyperparameters:
        raise ParameterError(
            f"hyperparameters: 'architecture' is missing; give one or more of {_architectures()}"
        )
    space = SearchSpace(SearchProtocol(**protocol), hyperparameters)
    _check_used(space)
    _check_fits(space)
    return space


def aggregator_arguments(architecture: str) -> set[str]:
    """Return the names of the hyperparameters that an architecture has."""
    return set(inspect.signature(AGGREGATORS[architecture]).parameters) - {"d_input"}


def inactive_hyperparameters(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return the sampled hyperparameters that their architecture does not have, sorted."""
    applied = (
        aggregator_arguments(hyperparameters["architecture"])
        | TRAIN_CONFIG_FIELDS
        | LOADER_FIELDS
        | {"architecture"}
    )
    return sorted(set(hyperparameters) - applied)


def make_estimator(hyperparameters: Mapping[str, Any], protocol: SearchProtocol) -> MILClassifier:
    """Return the estimator of a trial; other settings have their defaults."""
    architecture = hyperparameters["architecture"]

    def among(names: set[str]) -> dict[str, Any]:
        return {name: value for name, value in hyperparameters.items() if name in names}

    train_config = TrainConfig(
        epochs=protocol.epochs, patience=protocol.patience, **among(TRAIN_CONFIG_FIELDS)
    )
    return MILClassifier(
        architecture,
        n_inner_folds=protocol.inner_folds,
        train_config=train_config,
        aggregator_options=among(aggregator_arguments(architecture)),
        **among(LOADER_FIELDS),
    )


def _values(name: str, value: Any) -> Categorical | Interval:
    if isinstance(value, dict):
        return _interval(name, value)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ParameterError(
            f"hyperparameters: {name} is an empty list: give a value, or leave it out"
        )
    if name == "architecture":
        for word in values:
            _check_word(name, word, AGGREGATORS)
        return Categorical(tuple(values))
    return Categorical(tuple(_number(name, item) for item in values))


def _interval(name: str, value: dict[str, Any]) -> Interval:
    if name == "architecture":
        raise ParameterError(f"hyperparameters: architecture must be a list, of {_architectures()}")
    bounds = _mapping(f"hyperparameters: {name}", value, ("low", "high", "scale"))
    if missing := {"low", "high"} - set(bounds):
        raise ParameterError(f"hyperparameters: {name} lacks {' and '.join(sorted(missing))}")
    low, high = (_number(name, bounds[end]) for end in ("low", "high"))
    scale = bounds.get("scale", "linear")
    _check_word(f"{name}: scale", scale, ("linear", "log"))
    if low >= high:
        raise ParameterError(f"hyperparameters: {name}: low={low} must be below high={high}")
    if scale == "log" and low <= 0:
        raise ParameterError(f"hyperparameters: {name}: low={low} must be positive for a log scale")
    return Interval(low, high, scale)


def _number(name: str, value: Any) -> int | float:
    kind, low, high = NUMERIC_LIMITS[name]
    try:
        # YAML reads 1e-3 as a string, but 1.0e-3 as a number.
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high or (kind is int and number != int(number)):
        what = "a whole number" if kind is int else "a number"
        bound = f"of at least {low}" if high == math.inf else f"between {low:g} and {high:g}"
        raise ParameterError(f"hyperparameters: {name}: {value!r} is not {what} {bound}")
    return int(number) if kind is int else number


def _check_used(space: SearchSpace) -> None:
    architectures = [str(name) for name in space.hyperparameters["architecture"].bounds]
    used = (
        set().union(*map(aggregator_arguments, architectures))
        | TRAIN_CONFIG_FIELDS
        | LOADER_FIELDS
        | {"architecture"}
    )
    if unused := sorted(set(space.hyperparameters) - used):
        raise ParameterError(
            f"hyperparameters: none of {', '.join(architectures)} has {', '.join(unused)}: leave "
            "it out"
        )


def _check_fits(space: SearchSpace) -> None:
    """Check that every d_model is even and a multiple of every n_head; raises ParameterError."""
    for name in ("d_model", "n_head"):
        if isinstance(space.hyperparameters.get(name), Interval):
            raise ParameterError(
                f"hyperparameters: {name} must be a list: d_model must be a multiple of n_head"
            )
    d_models = space.hyperparameters.get("d_model", Categorical((64,))).bounds
    head_counts = space.hyperparameters.get("n_head", Categorical((4,))).bounds
    for d_model, n_head in product(d_models, head_counts):
        if int(d_model) % int(n_head) or int(d_model) % 2:
            raise ParameterError(
                f"hyperparameters: d_model={d_model} does not fit n_head={n_head}: every d_model "
                "must be even and a multiple of every n_head"
            )


def _mapping(where: str, value: Any, known: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ParameterError(
            f"{where} is {value!r}, not a mapping with the keys {', '.join(known)}"
        )
    for name in value:
        _check_word(where, name, known)
    return value


def _check_word(where: str, word: Any, known: Iterable[str]) -> None:
    names = list(known)
    if word not in names:
        near = get_close_matches(str(word), names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ParameterError(f"{where}: {word!r} is unknown; {hint}known are {', '.join(names)}")


def _architectures() -> str:
    return ", ".join(AGGREGATORS)
