"""What code and configuration are, by content: comments and docstrings do not count."""

import ast
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PACKAGE = "wholescript"


def hash_json(value: Any) -> str:
    """Return the SHA-256, in hex, of a JSON-able value; the order of keys does not count."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


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


def _imports(path: Path, source: Path) -> list[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return [file for name in sorted(names) for file in _files(name, source)]


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
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def code_fingerprint(start: Iterable[str | Path], source: Path) -> str:
    """Return one hash over the syntax of `import_closure(start, source)`."""
    files = import_closure(start, source)
    return hash_json({path.relative_to(source).as_posix(): syntax_hash(path) for path in files})
