"""Parameters of a notebook: read from its source and checked before anything is executed."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jupytext

from wholescript.errors import ParameterError, did_you_mean
from wholescript.project import Project

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
        return "str or none" if self.default is None else type(self.default).__name__

    def convert(self, value: Any) -> Any:
        """Return `value`, which may be text from a command line, in the parameter's type.

        Raises:
            ParameterError: the value has another type or is not among the choices.
        """
        try:
            converted = _convert(value, self.default)
        except (ValueError, TypeError):
            raise ParameterError(
                f"parameter {self.name!r} takes {self.type_name}, not {value!r} "
                f"({type(value).__name__}); for example {self.name}={self.default!r}"
            ) from None
        if self.choices and str(converted) not in self.choices:
            raise ParameterError(
                f"parameter {self.name!r} is {converted!r}; it can be: {', '.join(self.choices)}"
                f"{did_you_mean(str(converted), self.choices, list_all=False)}"
            )
        return converted


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
    if kind is float and type(value) is int:
        return float(value)
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    if type(value) is not kind:
        raise TypeError
    return value


def _literal(text: str) -> Any:
    """Return the value of a JSON text or of a Python literal, such as `(1, 2)`."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text)
    except SyntaxError as error:
        raise ValueError from error


def read_parameters(project: Project, notebook: str) -> dict[str, Parameter]:
    """Return the parameters that a notebook declares in its cell tagged `parameters`.

    Raises:
        ParameterError: there is no such cell, or a line of it is not `name = constant`.
    """
    path = project.notebook_source(notebook)
    cells = [
        cell.source
        for cell in jupytext.read(path).cells
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
            return name, ast.literal_eval(value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return name, ast.literal_eval(value)
    raise ValueError


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
