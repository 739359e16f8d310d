"""Which scripts a path of the command line stands for."""

from collections.abc import Iterable
from pathlib import Path

from wholescript.files import find_matches
from wholescript.prediction.parsers import FORMATS

FIGURE_SUFFIX = ".prediction.png"  # of the figure that is written next to a script


def find_scripts(path: Path) -> tuple[list[Path], list[Path]]:
    """Return the scripts that a path stands for, and the files that are left out.

    A folder stands for its files with a suffix of `FORMATS`, and a pattern such as `scripts/*.txt`
    for the files that match; figures of predictions are no scripts. Any other path, a folder
    without scripts and a pattern that matches nothing are returned as they are: reading tells.
    """
    try:
        return _find(path)
    except (OSError, ValueError):  # a name that is too long, a folder that may not be read, `a**b`
        return [path], []


def _find(path: Path) -> tuple[list[Path], list[Path]]:
    if path.is_dir():
        files = _visible(path.iterdir())
        scripts = [file for file in files if file.suffix.lower() in FORMATS and file.is_file()]
        return scripts or [path], [file for file in files if file not in scripts]
    if matches := _visible(find_matches(path)):
        return [file for file in matches if file.is_file()] or [path], []
    return [path], []


def _visible(paths: Iterable[Path]) -> list[Path]:
    return sorted(p for p in paths if not p.name.startswith(".") and FIGURE_SUFFIX not in p.name)
