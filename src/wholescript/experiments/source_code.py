"""What code and configuration are, by content: comments and docstrings do not count."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from wholescript.experiments.key import hash_json

PACKAGE = "wholescript"


def import_closure(start: Iterable[str | Path], source: Path) -> list[Path]:
    """Return the files of the package that `start` imports, directly or through others, sorted.

    `start` holds module names of the package (their own files are part of the answer) and paths
    of scripts or notebooks (theirs are not). `source` is the folder that holds the package.
    Imports are read from the syntax tree, nothing is executed; importing a module also runs the
    `__init__` of each package above it, so those count.
    """
    seen: set[Path] = set()
    waiting = [
        path
        for item in start
        for path in (_imports(item, source) if isinstance(item, Path) else _files(item, source))
    ]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(_imports(path, source))
    return sorted(seen)


def imported_names(path: Path) -> frozenset[str]:
    """Return the dotted names that a Python file imports; each is read once while unchanged."""
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
    """Return what tells a changed file from the one that was read before."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _imports(path: Path, source: Path) -> list[Path]:
    return [file for name in sorted(imported_names(path)) for file in _files(name, source)]


def _files(module: str, source: Path) -> list[Path]:
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return []
    # The package's own __init__ holds the version only: a release must not redo every run.
    candidates = [source.joinpath(*parts[:n], "__init__.py") for n in range(2, len(parts) + 1)]
    candidates.append(source.joinpath(*parts).with_suffix(".py"))
    return [path for path in candidates if path.is_file()]


def syntax_hash(path: Path) -> str:
    """Return the SHA-256 of a Python file's syntax tree, without comments and docstrings."""
    return _syntax_hash(path, _state(path))


@cache
def _syntax_hash(path: Path, _: tuple[int, int]) -> str:
    return _digest(_syntax(path))


def code_fingerprint(start: Iterable[str | Path], source: Path) -> str:
    """Return one hash over the syntax of `import_closure(start, source)`."""
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
