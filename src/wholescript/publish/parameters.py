"""Parameters of a notebook: read from its source and checked before anything is executed."""

import ast
import io
import json
import math
import os
import re
import shlex
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wholescript.errors import ParameterError, did_you_mean
from wholescript.project import Project
from wholescript.publish.normalize import read_source
from wholescript.settings import Length, NonNegativeInt, PositiveInt, Seed, check

RANGES = {
    "seed": Seed,
    "chunk_length": Length,
    "chunks_per_group": PositiveInt,
    "n_cached_groups": NonNegativeInt,
    "n_parts": PositiveInt,
    "n_topics": PositiveInt,
}
"""The allowed values of parameters, which mean the same in each notebook that has them."""
MOST_SHOWN = 80  # characters of a refused value in a message
_NAMES = {  # of types, for one value and for several
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
    bool: ("true or false", "true or false"),
    type(None): ("any value", "any values"),
}
_CHOICES = re.compile(r"^[\w.-]+(?:\s*\|\s*[\w.-]+)+")


@dataclass(frozen=True)
class Parameter:
    """One line of the `parameters` cell: `name = default  # comment`.

    A comment that starts with `a | b | c`, with the default among them, lists the allowed values.
    """

    name: str
    default: Any
    comment: str

    @property
    def choices(self) -> list[str]:
        """The allowed values, as text; empty if every value of the type is allowed."""
        match = _CHOICES.match(self.comment)
        values = [value.strip() for value in match.group().split("|")] if match else []
        return values if str(self.default) in values else []

    @property
    def type_name(self) -> str:
        """The required type of a value, for messages."""
        return "a text or none" if self.default is None else _type_name(self.default)

    def convert(self, value: Any) -> Any:
        """Return `value`, which may be text from a command line, in the parameter's type.

        Raises:
            ParameterError: the value has another type, is out of range or not among the choices.
        """
        try:
            converted = _convert(value, self.default)
            _check_storable(converted)
        except UnicodeEncodeError:
            raise ParameterError(
                f"parameter {self.name!r} is {value!r}, which is no text in UTF-8; rename the file"
            ) from None
        except (ValueError, TypeError):
            shown = repr(value)
            shown = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..."
            raise ParameterError(
                f"parameter {self.name!r} takes {self.type_name}, not {shown} "
                f"({type(value).__name__}); for example -p {self.name} "
                f"{shlex.quote(as_argument(self.default))}"
            ) from None
        check(self.name, converted, RANGES.get(self.name))
        if self.choices and str(converted) not in self.choices:
            raise ParameterError(
                f"parameter {self.name!r} is {converted!r}; it can be: {', '.join(self.choices)}"
                f"{did_you_mean(str(converted), self.choices, list_all=False)}"
            )
        return converted


def _type_name(default: Any, *, several: bool = False) -> str:
    """Return the name of the type of a default, with those of its elements."""
    kind = type(default)
    if kind in _NAMES:
        return _NAMES[kind][several]
    name = f"{kind.__name__}s" if several else f"a {kind.__name__}"
    if not default:
        return name
    if isinstance(default, dict):
        fields = (f"{key!r}: {_type_name(one)}" for key, one in default.items())
        return f"{name} with {', '.join(fields)}"
    if len(plurals := {_type_name(one, several=True) for one in default}) == 1:
        return f"{name} of {plurals.pop()}"
    return f"{name} of {' and '.join(map(_type_name, default))}"


def _convert(value: Any, default: Any) -> Any:
    text = value if isinstance(value, str) else None
    if default is None:
        if value is None or (text or "").lower() in {"none", "null"}:
            return None
        if text is None:
            raise TypeError
        return text
    kind = type(default)
    if kind is str:
        if text is None:
            raise TypeError
        return text
    if kind is bool:
        booleans = {"true": True, "false": False}
        if text is not None and text.lower() in booleans:
            return booleans[text.lower()]
    elif text is not None:
        value = kind(text) if kind in (int, float) else _literal(text)
    return _in_type_of(default, value)


def _in_type_of(default: Any, value: Any) -> Any:
    """Return a value with tuples, lists and floats where the default has them.

    An element is as that of the default at its place; if there are more or fewer, and those of the
    default have one type, as its first.

    Raises:
        TypeError: the value has another type.
    """
    if isinstance(default, tuple | list) and isinstance(value, tuple | list):
        models = default
        if len(default) != len(value) and len({type(one) for one in default}) == 1:
            models = [default[0]] * len(value)
        if len(models) == len(value):
            value = [_in_type_of(*pair) for pair in zip(models, value, strict=True)]
        return type(default)(value)
    if isinstance(default, dict) and isinstance(value, dict):
        return {k: _in_type_of(default[k], v) if k in default else v for k, v in value.items()}
    if type(default) is float and type(value) is int:
        return float(value)
    if default is not None and type(value) is not type(default):
        raise TypeError
    return value


def _check_storable(value: Any) -> None:
    """Raise ValueError unless JSON holds a value: what is stored is what was given."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError
        value = [*value, *value.values()]
    if isinstance(value, tuple | list):
        for one in value:
            _check_storable(one)
    elif isinstance(value, str):
        value.encode()  # half characters, as of a file name in another encoding
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError
    elif not isinstance(value, int | None):
        raise ValueError


def as_argument(value: Any) -> str:
    """Return a value as the command line takes it, before it is quoted for the shell."""
    if isinstance(value, bool | None):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value)


def _literal(text: str) -> Any:
    """Return the value of a JSON text or of a Python literal, such as `(1, 2)`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError from error


def read_parameters(project: Project, notebook: str) -> dict[str, Parameter]:
    """Return the parameters that a notebook declares in its cell tagged `parameters`.

    Raises:
        ParameterError: there is no such cell, or a line of it is not `name = constant`, where a
            constant is a text, number, True, False, None, or a list, tuple or dict of them.
    """
    path = project.notebook_source(notebook)
    cells = [
        cell.source
        for cell in read_source(path).cells
        if "parameters" in cell.metadata.get("tags", [])
    ]
    if len(cells) != 1:
        raise ParameterError(f"{path.name} has {len(cells)} cells tagged 'parameters'; it needs 1")
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(cells[0]).readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for line in ast.parse(cells[0]).body:
        try:
            name, default = _assignment(line)
        except ValueError:
            raise ParameterError(
                f"line {line.lineno} of the parameters of {path.name} is not 'name = constant'"
            ) from None
        found[name] = Parameter(name, default, comments.get(line.end_lineno or 0, ""))
    return found


def _assignment(line: ast.stmt) -> tuple[str, Any]:
    match line:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            default = ast.literal_eval(value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            default = ast.literal_eval(value)
        case _:
            raise ValueError
    _check_storable(default)
    return name, default


def check_parameters(
    project: Project, notebook: str, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `overrides` converted to the types that the notebook declares.

    Raises:
        ParameterError: a name is unknown or a value is not allowed.
    """
    declared = read_parameters(project, notebook)
    for name in overrides:
        if name not in declared:
            raise ParameterError(
                f"{project.notebook_source(notebook).stem} has no parameter {name!r}"
                f"{did_you_mean(name, declared, list_all=False)}; parameters: {', '.join(declared)}"
            )
    return {name: declared[name].convert(value) for name, value in overrides.items()}


def published_parameters(project: Project, notebook: str) -> dict[str, Any]:
    """Return the defaults of a notebook's parameters, with which its output is published."""
    return {p.name: p.default for p in read_parameters(project, notebook).values()}


def resolve_path(project: Project, parameters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return parameters with a `path`, which is one from a folder, for a kernel in the repository.

    It is relative if the file is in the repository, so that a record names no machine, else
    absolute. A `path` of source hub is OWNER/NAME unless there is such a folder.
    """
    path = parameters.get("path")
    if not isinstance(path, str) or not path:
        return dict(parameters)
    full = Path(os.path.normpath(folder / path))
    if parameters.get("source") == "hub" and not full.exists():
        return dict(parameters)
    inside = full.is_relative_to(project.root)
    return {**parameters, "path": str(full.relative_to(project.root) if inside else full)}
