"""The libraries that Python files import, with their installed and pinned versions."""

import platform
import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from wholescript.experiments.source_code import PACKAGE, imported_names
from wholescript.project import Project

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def imported_libraries(files: Iterable[Path]) -> list[str]:
    """Return the names of the distributions that Python files import, sorted.

    The standard library and this package are left out.
    """
    tops = {name.partition(".")[0] for path in files for name in imported_names(path)}
    third_party = tops - sys.stdlib_module_names - {PACKAGE}
    return sorted({name.lower() for top in third_party for name in _distributions().get(top, [])})


def installed_versions(libraries: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of the installed ones among `libraries`."""
    versions = {"python": platform.python_version()}
    for name in libraries:
        try:
            # Without the local build label, as in 2.13.0+cpu; pins have none.
            versions[name] = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return versions


def pinned_versions(project: Project) -> dict[str, str]:
    """Return the versions in requirements.lock by name; empty if there is no such file."""
    path = project.root / "requirements.lock"
    pins = _PIN.findall(path.read_text(encoding="utf-8")) if path.exists() else []
    return {name.lower(): version for name, version in pins}


@cache
def _distributions() -> dict[str, list[str]]:
    return {top: list(names) for top, names in metadata.packages_distributions().items()}
