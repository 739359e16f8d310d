"""Where a class or function stands in the source: file and line, found when the site is built.

A reference is `module:name`, such as `wholescript.models.aggregators:QueryAggregator.forward`.
Files are parsed, not imported. Standard library only, so that the theme of the site can import it.
"""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wholescript.errors import RunError, did_you_mean


@dataclass(frozen=True)
class SourceLine:
    """The line (from 1) on which the definition of `name` in `module` starts."""

    module: str
    name: str
    path: Path
    line: int


def find_source(reference: str, folder: Path) -> SourceLine:
    """Return the line of a reference; `folder` contains the package `wholescript`.

    Raises:
        RunError: the reference has another form, or there is no such module or name.
    """
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise RunError(f"{reference!r} is not of the form module:name")
    path = module_path(module, folder)
    lines = _definitions(path, path.stat().st_mtime_ns)
    if name not in lines:
        raise RunError(f"{module} defines no {name!r}{did_you_mean(name, lines)}")
    return SourceLine(module, name, path, lines[name])


def linked_modules(svg: str) -> set[str]:
    """Return the modules that the parts of a diagram name as their source (`data-source`)."""
    return set(re.findall(r'data-source="([\w.]+):', svg))


def module_path(module: str, folder: Path) -> Path:
    """Return the file of a module; raise RunError if there is none."""
    path = folder.joinpath(*module.split(".")).with_suffix(".py")
    if not path.is_file():
        raise RunError(f"there is no module {module!r}")
    return path


@lru_cache(maxsize=64)
def _definitions(path: Path, _: int) -> dict[str, int]:
    """Return the lines of the classes, functions and constants of a file, by qualified name."""
    lines: dict[str, int] = {}

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for statement in body:
            match statement:
                case ast.ClassDef(name=name):
                    lines[prefix + name] = statement.lineno
                    collect(statement.body, f"{prefix}{name}.")
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    lines[prefix + name] = statement.lineno
                case (
                    ast.Assign(targets=[ast.Name(id=name)])
                    | ast.AnnAssign(target=ast.Name(id=name))
                ):
                    lines[prefix + name] = statement.lineno

    collect(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return lines
