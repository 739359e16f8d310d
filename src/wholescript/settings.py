"""Settings: dataclasses and functions whose annotations state the allowed values, checked at once.

A field or an argument is annotated with a type of this module, such as `PositiveInt`, or with
`Literal`. A value that its annotation does not allow raises ParameterError before anything runs,
from Python and from the command line alike; `allowed` is also what the help texts say.
"""

import functools
import inspect
import math
import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen, Predicate

from wholescript.errors import ParameterError, did_you_mean

PositiveInt = Annotated[int, Ge(1)]
NonNegativeInt = Annotated[int, Ge(0)]
Length = Annotated[int, Ge(2)]
"""A number of tokens or words, of which one is predicted from the others."""
ByteVocabulary = Annotated[int, Ge(256)]
"""Tokens of a byte-level BPE: all bytes are tokens."""
N_SEEDS = 2**32
Seed = Annotated[int, Interval(ge=0, lt=N_SEEDS)]
Folds = Annotated[int, Ge(2)]
PositiveFloat = Annotated[float, Interval(gt=0, lt=math.inf)]
NonNegativeFloat = Annotated[float, Interval(ge=0, lt=math.inf)]
DropoutRate = Annotated[float, Interval(ge=0, lt=1)]
SplitShare = Annotated[float, Interval(gt=0, lt=1)]
Weight = Annotated[float, Interval(ge=0, le=1)]
PositiveShare = Annotated[float, Interval(gt=0, le=1)]
Grid = Annotated[tuple[PositiveFloat, ...], MinLen(1)]
"""Values of a hyperparameter, of which the best on validation is kept."""


def _is_ascending(values: tuple[int, ...]) -> bool:
    return list(values) == sorted(values)


NgramRange = Annotated[tuple[PositiveInt, PositiveInt], Predicate(_is_ascending)]

OPTION = "option"
"""Key of the metadata of a field whose option and keyword have another name than the field."""

CONSTRAINTS = (Ge, Gt, Le, Lt, Interval, MinLen, Predicate)
SCALARS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
Function = TypeVar("Function", bound=Callable[..., Any])


class OutOfRange(ParameterError):
    """A value that its annotation does not allow; `name` is that of the field or argument."""

    def __init__(self, name: str, value: Any, hint: Any) -> None:
        self.name, self.value, self.problem = name, value, problem(value, hint)
        super().__init__(f"{name}={value!r} {self.problem}")


class Settings:
    """Base class of dataclasses whose fields are checked by their annotations on construction."""

    def __post_init__(self) -> None:
        """Check all fields; raises ParameterError."""
        check_fields(self)


def check_fields(settings: Any) -> None:
    """Raise ParameterError if a field of a dataclass has a value that its annotation excludes."""
    hints = _hints(settings.__class__)
    for each in fields(settings):
        if each.init:
            check(each.name, getattr(settings, each.name), hints[each.name])


def checked(function: Function) -> Function:
    """Check the arguments of a function by their annotations; a bad one raises ParameterError."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        check_arguments(signature.bind(*args, **kwargs).arguments, _hints(function))
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def check(name: str, value: Any, hint: Any) -> None:
    """Raise ParameterError if the annotation `hint` excludes a value; others are not checked."""
    from pydantic import ValidationError

    if not is_checkable(hint):
        return
    hint = _only_constraints(hint)
    try:
        _adapter(hint).validate_python(_plain(value), strict=True)
    except ValidationError:
        raise OutOfRange(name, value, hint) from None


def check_arguments(arguments: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    """Raise ParameterError if one of the arguments of a function has a value outside its range."""
    for name, value in arguments.items():
        check(name, value, hints.get(name))


def is_checkable(hint: Any) -> bool:
    """Return whether an annotation consists of numbers, texts, choices and tuples of them."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return is_checkable(args[0])
    if origin in (Union, types.UnionType, tuple):
        return bool(args) and all(is_checkable(arg) for arg in args if arg is not Ellipsis)
    return origin is Literal or hint in (*SCALARS, types.NoneType)


def problem(value: Any, hint: Any) -> str:
    """Return what is wrong with a value: `must be a number, above 0`, or `is none of a, b`."""
    if names := choices(hint):
        near = did_you_mean(value, names, list_all=False) if isinstance(value, str) else ""
        return f"is none of {', '.join(names)}{near}"
    return f"must be {allowed(hint)}"


def allowed(hint: Any) -> str:
    """Return what an annotation allows, in words: `a whole number, at least 1`."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, args))}"
    if origin in (Union, types.UnionType):
        return " or ".join(allowed(arg) for arg in args if arg is not types.NoneType)
    if origin is tuple:
        count = "a list of" if Ellipsis in args else len(args)
        return f"{count} values, each {allowed(args[0])}"
    if origin is Annotated:
        return ", ".join([allowed(args[0]), *filter(None, map(_bounds, args[1:]))])
    return SCALARS.get(hint, "")


def choices(hint: Any) -> list[str]:
    """Return the values of a `Literal`, which may be optional; empty for other annotations."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return [str(choice) for choice in args]
    if origin in (Union, types.UnionType, Annotated):
        return [choice for arg in args for choice in choices(arg)]
    return []


def bounds(hint: Any) -> str:
    """Return the bounds of an annotation in words, such as `at least 1`; empty without any."""
    if get_origin(hint) is Annotated:
        inner, *own = get_args(hint)
        return ", ".join(filter(None, [bounds(inner), *map(_bounds, own)]))
    parts = [bounds(arg) for arg in get_args(hint) if get_origin(hint) is not Literal]
    return next(filter(None, parts), "")


def _bounds(constraint: Any) -> str:
    if isinstance(constraint, Predicate):
        return "the first not above the second"
    if isinstance(constraint, MinLen):
        return "not empty" if constraint.min_length == 1 else f"at least {constraint.min_length}"
    if not isinstance(constraint, Ge | Gt | Le | Lt | Interval):
        return ""
    ge, gt, le, lt = (getattr(constraint, name, None) for name in ("ge", "gt", "le", "lt"))
    low = f"above {gt:,}" if gt is not None else f"at least {ge:,}" if ge is not None else ""
    if lt == math.inf:
        lt = None
    high = f"below {lt:,}" if lt is not None else f"at most {le:,}" if le is not None else ""
    return " and ".join(filter(None, (low, high)))


def _only_constraints(hint: Any) -> Any:
    """Return an annotation without metadata of others, such as the help text of an option."""
    if get_origin(hint) is not Annotated:
        return hint
    base, *metadata = get_args(hint)
    kept = [each for each in metadata if isinstance(each, CONSTRAINTS)]
    return Annotated[base, *kept] if kept else base


def _plain(value: Any) -> Any:
    """Return numpy numbers as those of Python, and lists as tuples."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value


@functools.cache
def _adapter(hint: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(hint)


@functools.cache
def _hints(of: Hashable) -> Mapping[str, Any]:
    return get_type_hints(of, include_extras=True)
