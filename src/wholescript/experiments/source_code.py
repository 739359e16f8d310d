"""Hashes of source code by its syntax tree, without comments and docstrings."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from wholescript.experiments.key import hash_json

PACKAGE = "wholescript"


def import_closure(start: Iterable[str | Path], source: Path) -> list[Path]:
    """Return the files of the package that `start` imports, directly or indirectly, sorted.

    `start` has module names of the package, whose own files are included, and paths of scripts or
    notebooks, which are not. `source` is the folder that contains the package. Imports are read
    from the syntax tree; nothing is executed. The `__init__` of each parent package is included.
    """
    seen: set[Path] = set()
    pending = [
        path
        for item in start
        for path in (_imports(item, source) if isinstance(item, Path) else _files(item, source))
    ]
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            pending.extend(_imports(path, source))
    return sorted(seen)


def imported_names(path: Path) -> frozenset[str]:
    """Return the dotted names that a Python file imports, cached while the file is unchanged."""
    return _imported_names(path, _state(path))


@cache
def _imported_names(path: Path, _: tuple[int, int]) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def _state(path: Path) -> tuple[int, int]:
    """Return modification time (ns) and size (bytes), by which a changed file is detected."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _imports(path: Path, source: Path) -> list[Path]:
    return [file for name in sorted(imported_names(path)) for file in _files(name, source)]


def _files(module: str, source: Path) -> list[Path]:
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return []
    # Without the top-level __init__, which has only the version and changes with each release.
    candidates = [source.joinpath(*parts[:n], "__init__.py") for n in range(2, len(parts) + 1)]
    candidates.append(source.joinpath(*parts).with_suffix(".py"))
    return [path for path in candidates if path.is_file()]


def syntax_hash(path: Path) -> str:
    """Return the SHA-256 of the syntax tree of a Python file, without docstrings."""
    return _syntax_hash(path, _state(path))


@cache
def _syntax_hash(path: Path, _: tuple[int, int]) -> str:
    return _digest(_syntax(path))


def code_fingerprint(start: Iterable[str | Path], source: Path) -> str:
    """Return one hash over the syntax trees of `import_closure(start, source)`."""
    files = import_closure(start, source)
    return hash_json({path.relative_to(source).as_posix(): syntax_hash(path) for path in files})


def _syntax(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return tree


def _digest(node: ast.AST) -> str:
    return hashlib.sha256(ast.dump(node).encode()).hexdigest()
