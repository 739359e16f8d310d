"""The fingerprint of an executed notebook: hashes, by name, of everything its output depends on.

It is stored in the metadata of the .ipynb, so that a checkout can be compared with it without DVC,
git or the machine that executed the notebook.
"""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml

from wholescript.experiments.key import hash_json
from wholescript.experiments.libraries import (
    imported_libraries,
    installed_versions,
    pinned_versions,
)
from wholescript.experiments.results import Results
from wholescript.experiments.source_code import code_fingerprint, import_closure
from wholescript.files import sha256_of
from wholescript.project import Project
from wholescript.publish.normalize import INJECTED_TAG, METADATA_KEY, normalize_notebook
from wholescript.publish.parameters import published_parameters
from wholescript.publish.pipeline import bundle_files, input_run_groups, uses_bundled_films


@dataclass(frozen=True)
class Change:
    """One difference: the kind and name of what changed (cell, parameter, file, ...), and how."""

    kind: str
    name: str
    description: str = "changed"

    def __str__(self) -> str:
        """Return the change as one line of text."""
        return f"{self.kind} {self.name} {self.description}"


def notebook_fingerprint(project: Project, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the fingerprint of a notebook that is executed now with these parameters."""
    source = project.notebook_source(name)
    libraries = imported_libraries([source, *import_closure([source], project.source)])
    return {
        "parameters": parameters,
        "code": code_fingerprint([source], project.source),
        "cells": _cells(source, name),
        "files": dict(_files(project, source, parameters)),
        "runs": _runs(project, source),
        "pins": installed_versions(libraries),
    }


def read_fingerprint(path: Path) -> dict[str, Any] | None:
    """Return the fingerprint stored in an .ipynb; None if it has none or does not exist."""
    if not path.exists():
        return None
    fingerprint = nbformat.read(path, as_version=4).metadata.get(METADATA_KEY)
    return None if fingerprint is None else dict(fingerprint)


def changes_since_execution(project: Project, name: str) -> list[Change]:
    """Return the differences between the checkout and the published execution of a notebook."""
    fingerprint = read_fingerprint(project.notebooks / f"{name}.ipynb")
    if fingerprint is None:
        return [Change("notebook", name, "has not been executed")]
    now = notebook_fingerprint(project, name, published_parameters(project, name))
    # Compare pinned versions if possible: other machines may have other versions installed.
    now["pins"] |= {k: v for k, v in pinned_versions(project).items() if k in now["pins"]}
    return [
        *diff_mappings("parameter", fingerprint["parameters"], now["parameters"]),
        *([] if fingerprint["code"] == now["code"] else changed_sources(project, name)),
        *diff_mappings("cell", fingerprint["cells"], now["cells"], values=False),
        *diff_mappings("file", fingerprint["files"], now["files"], values=False),
        *diff_mappings("run", fingerprint["runs"], now["runs"], values=False),
        *diff_mappings("pin", fingerprint["pins"], now["pins"]),
    ]


def changed_sources(project: Project, name: str) -> list[Change]:
    """Return the source files that changed after DVC executed a notebook, according to dvc.lock.

    Without dvc.lock, return one change for the whole package.
    """
    lock = project.root / "dvc.lock"
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"] if lock.exists() else {}
    before = {dep["path"]: dep["md5"] for dep in stages.get(name, {}).get("deps", [])}
    before = {path: md5 for path, md5 in before.items() if path.startswith("src/")}
    source = project.notebook_source(name)
    now = {
        path.relative_to(project.source.parent).as_posix(): hashlib.md5(
            path.read_bytes()
        ).hexdigest()
        for path in import_closure([source], project.source)
    }
    changes = list(diff_mappings("source", before, now, values=False)) if before else []
    return changes or [Change("source", "src/wholescript")]


def diff_mappings(
    kind: str, before: dict[str, Any], now: dict[str, Any], *, values: bool = True
) -> Iterator[Change]:
    """Yield the differences of two mappings; `values` puts the values into the descriptions."""
    for name in sorted({*before, *now}):
        if name not in now:
            yield Change(kind, name, "was removed")
        elif name not in before:
            yield Change(kind, name, "is new")
        elif before[name] != now[name]:
            description = f"was {before[name]!r}, is {now[name]!r}" if values else "changed"
            yield Change(kind, name, description)


def _cells(source: Path, name: str) -> dict[str, str]:
    """Return a hash of the syntax tree of each code cell, by its label, tag or number."""
    cells = normalize_notebook(jupytext.read(source), name).cells
    hashes = {}
    number = 0
    for cell in cells:
        if cell.cell_type == "code" and INJECTED_TAG not in cell.metadata.get("tags", []):
            part = cell.id.removeprefix(f"{name}-")
            number += 1
            # An id that is a digest changes with the source: use the number of the code cell.
            key = f"{number}" if part.startswith("cell-") else part
            syntax = ast.dump(ast.parse(cell.source))
            hashes[key] = hashlib.sha256(syntax.encode()).hexdigest()[:8]
    return hashes


def _files(project: Project, source: Path, parameters: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the bundled data files and the files named by parameters, with their hashes."""
    if uses_bundled_films(source):
        for path in bundle_files(project):
            yield path.relative_to(project.root).as_posix(), sha256_of(path)[:12]
    for value in parameters.values():
        if isinstance(value, str) and value and (path := project.root / value).is_file():
            yield value, sha256_of(path)[:12]


def _runs(project: Project, source: Path) -> dict[str, str]:
    """Return the keys of the published runs that this notebook reads and others wrote."""
    results = Results(project.root / "results")
    groups = {Path(group).name for group in input_run_groups(source)}
    names = [run for run in results.names() if run.partition("/")[0] in groups]
    return {run: str(results.config(run).get("key", hash_json(run)))[:12] for run in names}
