import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.experiments import workspace
from wholescript.project import OUTPUT_VARIABLE, Project
from wholescript.publish import figures
from wholescript.publish.cells import (
    Metric,
    begin_notebook,
    record_metrics,
    show_figure,
    show_table,
)

TFIDF = [0.5, 0.7, 0.6, 0.9]
STACKING = [0.4, 0.3, 0.6, 0.8]
TABLE = {"model": ["tfidf", "stacking"], "auc": [0.7, 0.6], "films": [10, 20]}
NOTEBOOK = """# %% tags=["parameters"]
seed = 0  # random seed
"""
CLAIMS = """
from wholescript.publish.claims import claim

@claim("TF-IDF ranks films <i>well</i>.")
def tfidf_ranks_well(stored):
    return [stored.metric("tiny/tfidf:auc").value > 0.65]
"""

Tree = Callable[..., Path]


def _draw(
    *,
    tfidf: list[float] = TFIDF,
    stacking: list[float] = STACKING,
    legend: tuple[str, str] = ("tfidf", "stacking"),
    limits: tuple[float, float] = (0.0, 1.0),
    ticks: tuple[str, ...] = ("a", "b", "c", "d"),
    colormap: str = "viridis",
    color_limits: tuple[float, float] = (0.0, 5.0),
    pixels: float = 1.0,
    scale: str = "linear",
    ink: str = "black",
    label: str = "AUROC",
) -> plt.Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(5, 2))
    lines = [*left.plot(tfidf, label="tfidf"), *left.plot(stacking, label="stacking")]
    left.legend(lines, legend)
    left.set_yscale(scale)
    left.set(ylim=limits, title="AUC", ylabel=label, xticks=range(4), xticklabels=ticks)
    left.title.set_color(ink)
    image = right.imshow(
        pixels * np.arange(4.0).reshape(2, 2), cmap=colormap, clim=color_limits, aspect="auto"
    )
    figure.colorbar(image)
    return figure


def _write(
    root: Path,
    project: Project,
    *,
    drawn: dict[str, Any] | None = None,
    table: dict[str, list[Any]] | None = None,
    auc: float | None = None,
    seed: int = 0,
) -> Path:
    """Write the given outputs to an output root, as a notebook does."""
    with pytest.MonkeyPatch.context() as patch, mpl.rc_context({"backend": "agg"}):
        patch.setattr(workspace, "_active", None)
        patch.setattr(figures, "display", lambda *_, **__: None)
        patch.setenv(OUTPUT_VARIABLE, str(root))
        begin_notebook("01_tiny", {"seed": seed}, project)
        if drawn is not None:
            show_figure(_draw(**drawn), "fig-auc")
        if table is not None:
            show_table(pd.DataFrame(table), "tbl-auc")
        if auc is not None:
            record_metrics("tiny/tfidf", {"auc": Metric(auc, 0.6, 0.8, tolerance=0.01)})
    return root


@pytest.fixture(scope="session")
def _plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("plain") / "project")
    project.notebooks.mkdir(parents=True)
    (project.notebooks / "01_tiny.py").write_text(NOTEBOOK)
    root = _write(project.root.parent / "tree", project, drawn={}, table=TABLE, auc=0.7)
    (root / "report").mkdir()
    (root / "report" / "claims.py").write_text(CLAIMS)
    return root


@pytest.fixture
def make_tree(_plain: Path, tmp_path: Path) -> Tree:
    """Write an output root with a figure, a table, a metric and a claim, changed by arguments."""
    project = Project(_plain.parent / "project")

    def make(
        name: str, *, table: Any = None, auc: float | None = None, seed: int = 0, **drawn: Any
    ) -> Path:
        root = Path(shutil.copytree(_plain, tmp_path / name))
        if seed:
            return _write(root, project, drawn={}, table=TABLE, auc=0.7, seed=seed)
        return _write(root, project, drawn=drawn or None, table=table, auc=auc)

    return make
