"""The libraries that Python files import, with their installed versions."""

import platform
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from wholescript.experiments.source_code import PACKAGE, imported_names


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


@cache
def _distributions() -> dict[str, list[str]]:
    return {top: list(names) for top, names in metadata.packages_distributions().items()}
