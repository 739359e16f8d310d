"""Where the parts of the report lie, relative to one root, so that tests can use a small one."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from wholescript.errors import ParameterError
from wholescript.files import ROOT

ROOT_VARIABLE = "WHOLESCRIPT_ROOT"
OUTPUT_VARIABLE = "WHOLESCRIPT_OUTPUT"


def _default_root() -> Path:
    return Path(os.environ.get(ROOT_VARIABLE, ROOT)).resolve()


@dataclass(frozen=True)
class Project:
    """A checkout: its root and the folders under it.

    The root is the repository of the installed package unless WHOLESCRIPT_ROOT names another.
    """

    root: Path = field(default_factory=_default_root)

    @property
    def source(self) -> Path:
        """The folder that holds the package `wholescript`; a small project borrows this one."""
        local = self.root / "src"
        return local if (local / "wholescript").is_dir() else ROOT / "src"

    @property
    def notebooks(self) -> Path:
        """The folder of the notebooks and their sources."""
        return self.root / "notebooks"

    @property
    def build(self) -> Path:
        """The folder of everything that may be deleted."""
        return self.root / "_build"

    @property
    def rerun(self) -> Path:
        """Where `wholescript rerun` makes everything anew."""
        return self.build / "rerun"

    @property
    def params(self) -> Path:
        """The published parameters, a section a notebook."""
        return self.root / "params.yaml"

    def notebook_source(self, name: str) -> Path:
        """Return the .py of a notebook given as a name, a number or a path.

        Raises:
            ParameterError: no notebook has that name; the message lists those there are.
        """
        stem = Path(name).stem
        names = self.notebook_names()
        matches = [n for n in names if n == stem or n.partition("_")[0] == stem]
        if len(matches) != 1:
            listed = ", ".join(names) or "none"
            raise ParameterError(f"no notebook is called {stem!r}; there are: {listed}")
        return self.notebooks / f"{matches[0]}.py"

    def notebook_names(self) -> list[str]:
        """Return the names of all notebooks, in the order in which they run."""
        return sorted(path.stem for path in self.notebooks.glob("[0-9]*_*.py"))
