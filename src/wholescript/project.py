"""Folders of a checkout relative to one root, so that tests can use a small project."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from wholescript.errors import ParameterError
from wholescript.files import ROOT

ROOT_VARIABLE = "WHOLESCRIPT_ROOT"
OUTPUT_VARIABLE = "WHOLESCRIPT_OUTPUT"
PUBLISH_VARIABLE = "WHOLESCRIPT_PUBLISH"


def _default_root() -> Path:
    return Path(os.environ.get(ROOT_VARIABLE, ROOT)).resolve()


@dataclass(frozen=True)
class Project:
    """A checkout: its root and the folders under it.

    The root is the repository of the installed package unless WHOLESCRIPT_ROOT is set.
    """

    root: Path = field(default_factory=_default_root)

    @property
    def source(self) -> Path:
        """The folder that contains `wholescript`; that of the repository if this root has none."""
        local = self.root / "src"
        return local if (local / "wholescript").is_dir() else ROOT / "src"

    @property
    def notebooks(self) -> Path:
        """The folder of the notebooks and their sources."""
        return self.root / "notebooks"

    @property
    def build(self) -> Path:
        """The folder of build outputs; it may be deleted at any time."""
        return self.root / "_build"

    @property
    def rerun_root(self) -> Path:
        """The output root of `wholescript notebook rerun`."""
        return self.build / "rerun"

    def notebook_source(self, name: str) -> Path:
        """Return the .py of a notebook given as a name, a number or a path.

        Raises:
            ParameterError: no notebook has that name; the message lists all of them.
        """
        stem = Path(name).stem
        names = self.notebook_names()
        matches = [n for n in names if n == stem or n.partition("_")[0] == stem]
        if len(matches) != 1:
            listed = ", ".join(names) or "none"
            raise ParameterError(f"no notebook is called {stem!r}; there are: {listed}")
        return self.notebooks / f"{matches[0]}.py"

    def notebook_names(self) -> list[str]:
        """Return the names of all notebooks in execution order."""
        return sorted(path.stem for path in self.notebooks.glob("[0-9]*_*.py"))
