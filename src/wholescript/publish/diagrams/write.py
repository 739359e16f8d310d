"""Write the diagrams to `report/diagrams` (`wholescript site diagrams`)."""

from collections.abc import Callable
from pathlib import Path

from wholescript.files import write_atomic
from wholescript.project import Project
from wholescript.publish.diagrams.chunked_model import draw_chunked_model
from wholescript.publish.diagrams.folds import draw_folds
from wholescript.publish.diagrams.memory_strategies import draw_memory_strategies
from wholescript.publish.diagrams.shared_trunk import draw_shared_trunk

FOLDER = Path("report") / "diagrams"
DIAGRAMS: dict[str, Callable[[], str]] = {
    "chunked-model": draw_chunked_model,
    "folds": draw_folds,
    "memory-strategies": draw_memory_strategies,
    "shared-trunk": draw_shared_trunk,
}
"""The function that draws each diagram, by the name of its file."""


def write_diagrams(project: Project) -> list[Path]:
    """Draw all diagrams; return the files that were not as the code draws them."""
    changed = []
    for name, draw in DIAGRAMS.items():
        path, svg = project.root / FOLDER / f"{name}.svg", draw()
        if not path.exists() or path.read_text(encoding="utf-8") != svg:
            write_atomic(path, svg)
            changed.append(path)
    return changed
