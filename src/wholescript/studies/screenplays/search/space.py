"""The space of a search, from a YAML file: what may be chosen, and how a choice is judged."""

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
from wholescript.studies.screenplays.models.aggregation import AGGREGATORS, MILClassifier
from wholescript.training.loop import TrainConfig

Value = str | int | float


class NumberLimits(NamedTuple):
    """Between which values a choice may lie; `kind` is int or float."""

    kind: type
    low: float
    high: float = math.inf


NUMERIC_LIMITS = {
    "dimensions": NumberLimits(int, 1),
    "d_model": NumberLimits(int, 2),
    "d_attention": NumberLimits(int, 1),
    "d_feedforward": NumberLimits(int, 1),
    "heads": NumberLimits(int, 1),
    "layers": NumberLimits(int, 1),
    "queries": NumberLimits(int, 1),
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
    """A choice among a few values."""

    values: tuple[Value, ...]

    @property
    def bounds(self) -> tuple[Value, ...]:
        """All values."""
        return self.values


@dataclass(frozen=True)
class Interval:
    """A choice between two numbers, evenly or, with scale `log`, evenly by factors."""

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    @property
    def bounds(self) -> tuple[Value, ...]:
        """The lowest and the highest."""
        return self.low, self.high


@dataclass(frozen=True)
class SearchProtocol:
    """How a choice is judged: by inner folds of the training films of one published fold.

    `split` says of which: the first of the repeated folds (`random`) or the one that tests on later
    films (`temporal`). A trial goes on to its `grace_epochs`, and to each `reduction_factor`-fold of them,
    only as one of the best 1 in `reduction_factor` so far (ASHA; Li et al., 2020).
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
        """Refuse what could not be run."""
        _check_word("split", self.split, ("random", "temporal"))
        _check_word("target", self.target, TARGETS)
        least = {"inner_folds": 2, "epochs": 1, "patience": 1, "grace_epochs": 1, "reduction": 2}
        for name, low in {**least, "seed": 0}.items():
            value = getattr(self, name)
            if type(value) is not int or value < low:
                raise ParameterError(f"protocol: {name}={value!r} must be a whole number >= {low}")
        if self.grace_epochs > self.epochs:
            raise ParameterError(
                f"protocol: grace_epochs={self.grace_epochs} must not exceed epochs={self.epochs}"
            )


@dataclass(frozen=True)
class SearchSpace:
    """A protocol, and the choices by name."""

    protocol: SearchProtocol
    hyperparameters: dict[str, Categorical | Interval]

    @property
    def config(self) -> dict[str, Any]:
        """All of it as JSON-able values, in the form of the file."""
        hyperparameters = {
            name: list(choice.values) if isinstance(choice, Categorical) else asdict(choice)
            for name, choice in self.hyperparameters.items()
        }
        return {"protocol": asdict(self.protocol), "choices": hyperparameters}


def read_space(path: Path) -> SearchSpace:
    """Read and check a space file.

    Raises:
        ParameterError: there is no such file, it is no YAML, a name is unknown (the nearest is
            offered), or a value cannot be chosen.
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
    """Return the space that the content of a file describes; raises as `read_space` does."""
    parts = _mapping("the space", content, ("protocol", "choices"))
    protocol = _mapping(
        "protocol", parts.get("protocol", {}), [f.name for f in fields(SearchProtocol)]
    )
    known = ["architecture", *NUMERIC_LIMITS]
    hyperparameters = {
        name: _choice(name, value)
        for name, value in _mapping("choices", parts.get("choices", {}), known).items()
    }
    if "architecture" not in hyperparameters:
        raise ParameterError(
            f"choices: 'architecture' is missing; one or more of {_architectures()}"
        )
    space = SearchSpace(SearchProtocol(**protocol), hyperparameters)
    _check_used(space)
    _check_fits(space)
    return space


def aggregator_arguments(architecture: str) -> set[str]:
    """Return the names of the choices that an architecture has."""
    return set(inspect.signature(AGGREGATORS[architecture]).parameters) - {"d_input"}


def inactive_hyperparameters(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return the drawn choices that their architecture does not have, sorted."""
    applied = (
        aggregator_arguments(hyperparameters["architecture"])
        | TRAIN_CONFIG_FIELDS
        | LOADER_FIELDS
        | {"architecture"}
    )
    return sorted(set(hyperparameters) - applied)


def make_estimator(hyperparameters: Mapping[str, Any], protocol: SearchProtocol) -> MILClassifier:
    """Return the estimator that was drawn: what is not among the choices has its default."""
    architecture = hyperparameters["architecture"]

    def among(names: set[str]) -> dict[str, Any]:
        return {name: value for name, value in hyperparameters.items() if name in names}

    training = TrainConfig(
        epochs=protocol.epochs, patience=protocol.patience, **among(TRAIN_CONFIG_FIELDS)
    )
    return MILClassifier(
        architecture,
        n_inner_folds=protocol.inner_folds,
        training=training,
        aggregator_options=among(aggregator_arguments(architecture)),
        **among(LOADER_FIELDS),
    )


def _choice(name: str, value: Any) -> Categorical | Interval:
    if isinstance(value, dict):
        return _range(name, value)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ParameterError(f"choices: {name} is an empty list: give a value, or leave it out")
    if name == "architecture":
        for word in values:
            _check_word(name, word, AGGREGATORS)
        return Categorical(tuple(values))
    return Categorical(tuple(_number(name, item) for item in values))


def _range(name: str, value: dict[str, Any]) -> Interval:
    if name == "architecture":
        raise ParameterError(f"choices: architecture is a list, of {_architectures()}")
    found = _mapping(f"choices: {name}", value, ("low", "high", "scale"))
    if missing := {"low", "high"} - set(found):
        raise ParameterError(f"choices: {name} lacks {' and '.join(sorted(missing))}")
    low, high = (_number(name, found[end]) for end in ("low", "high"))
    scale = found.get("scale", "linear")
    _check_word(f"{name}: scale", scale, ("linear", "log"))
    if low >= high:
        raise ParameterError(f"choices: {name}: low={low} must be below high={high}")
    if scale == "log" and low <= 0:
        raise ParameterError(f"choices: {name}: a log scale begins above 0, not at low={low}")
    return Interval(low, high, scale)


def _number(name: str, value: Any) -> int | float:
    kind, low, high = NUMERIC_LIMITS[name]
    try:
        # YAML takes 1e-3 for a word; 1.0e-3 is a number.
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high or (kind is int and number != int(number)):
        what = "a whole number" if kind is int else "a number"
        bound = f"of at least {low}" if high == math.inf else f"between {low:g} and {high:g}"
        raise ParameterError(f"choices: {name}: {value!r} is not {what} {bound}")
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
            f"choices: none of {', '.join(architectures)} has {', '.join(unused)}: leave it out"
        )


def _check_fits(space: SearchSpace) -> None:
    """Refuse widths that cannot be divided among heads: such a trial could not be built."""
    widths = space.hyperparameters.get("d_model", Categorical((64,))).bounds
    n_head = space.hyperparameters.get("heads", Categorical((4,))).bounds
    for name, choice in {
        n: c for n, c in space.hyperparameters.items() if n in ("d_model", "heads")
    }.items():
        if isinstance(choice, Interval):
            raise ParameterError(f"choices: {name} is a list: d_model must be a multiple of heads")
    for width, count in product(widths, n_head):
        if int(width) % int(count) or int(width) % 2:
            raise ParameterError(
                f"choices: d_model={width} does not fit n_head={count}: every width must be even "
                "and a multiple of every number of heads"
            )


def _mapping(where: str, value: Any, known: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ParameterError(f"{where} is {value!r}, not names with values: {', '.join(known)}")
    for name in value:
        _check_word(where, name, known)
    return value


def _check_word(where: str, word: Any, known: Iterable[str]) -> None:
    names = list(known)
    if word not in names:
        near = get_close_matches(str(word), names, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise ParameterError(f"{where}: {word!r} is unknown; {meant}there are {', '.join(names)}")


def _architectures() -> str:
    return ", ".join(AGGREGATORS)
