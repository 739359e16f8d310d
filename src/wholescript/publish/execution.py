"""Execute notebooks from their source with checked parameters; a failure keeps the old output."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from wholescript.errors import RunError
from wholescript.files import write_atomic
from wholescript.project import OUTPUT_VARIABLE, PUBLISH_VARIABLE, ROOT_VARIABLE, Project
from wholescript.publish.normalize import (
    cell_label,
    normalize_notebook,
    output_labels,
    to_ipynb,
)
from wholescript.publish.notebook import PUBLISHED_TAG, output_root
from wholescript.publish.parameters import check_parameters, published_parameters, read_parameters
from wholescript.publish.provenance.record import remove_outputs


class _RunningPython(AsyncKernelManager):
    """Starts the running Python interpreter, whatever kernels the user has registered."""

    @property
    def kernel_spec(self) -> KernelSpec:
        # Errors of cells are in their outputs; the log holds only messages about the shutdown.
        return KernelSpec(**get_kernel_dict(["--log-level=CRITICAL"]))

    @default("transport_encryption")
    def _encryption(self) -> str:
        return "auto"


def run_notebook(
    name: str,
    overrides: Mapping[str, Any] | None = None,
    *,
    output: Path | None = None,
    project: Project | None = None,
) -> Path:
    """Execute a notebook from its .py and return the path of the executed .ipynb.

    `name` is its name, number or path. `overrides` replace published parameters. Without them the
    .ipynb next to the .py is replaced; with them all output goes to a folder under `_build/runs`.
    `output` is another output root, for which no published run is looked up.

    Raises:
        ParameterError: a parameter is unknown or has a wrong value; nothing was executed.
        DataError: the films of a local file cannot be used; nothing was executed.
        RunError: a cell failed; the existing .ipynb is unchanged.
    """
    project = project or Project()
    source = project.notebook_source(name)
    name = source.stem
    parameters = published_parameters(project, name)
    parameters |= check_parameters(project, name, overrides or {})
    if "target" in parameters and (parameters["path"] or parameters["source"] == "local"):
        from wholescript.studies.screenplays.data import check_films  # slow import

        check_films(parameters)
    with _environment(project, output):
        root = output_root(project, name, parameters)
        executed = _execute(project, source, parameters)
    target = root / "notebooks" if root == project.root else root
    path = target / f"{name}.ipynb"
    remove_outputs(root / "figures" / name, output_labels(executed.cells))
    write_atomic(path, to_ipynb(normalize_notebook(executed, name)))
    return path


def _execute(project: Project, source: Path, parameters: dict[str, Any]) -> NotebookNode:
    declared = read_parameters(project, source.stem)
    changed = {k: v for k, v in parameters.items() if v != declared[k].default}
    read = normalize_notebook(jupytext.read(source), source.stem)
    failed = project.build / "failed" / f"{source.stem}.ipynb"
    failed.parent.mkdir(parents=True, exist_ok=True)
    try:
        executed: NotebookNode = papermill.execute_notebook(
            _without_published_text(read) if changed else read,
            str(failed),
            changed,
            cwd=str(project.root),
            kernel_manager_class=_RunningPython,
            start_timeout=600,  # seconds; imports are slow on a busy machine
            progress_bar={"desc": source.stem, "unit": "cell"},
            # Progress bars of trainings go to the terminal, not into the notebook.
            stderr_file=sys.stderr,
        )
    except PapermillExecutionError as error:
        raise RunError(_explain(error, source, failed, project)) from None
    failed.unlink()
    return executed


def _without_published_text(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook without the cells that state results of the published parameters."""
    notebook.cells = [c for c in notebook.cells if PUBLISHED_TAG not in c.metadata.get("tags", [])]
    return notebook


def _explain(error: PapermillExecutionError, source: Path, failed: Path, project: Project) -> str:
    cells = nbformat.read(failed, as_version=4).cells
    number = next((i for i, cell in enumerate(cells, 1) if cell.source == error.source), 0)
    label = cell_label(cells[number - 1])
    where = f"cell {label}" if label else f"cell {number} of {len(cells)}"
    return (
        f"{source.stem} failed in {where}: {error.ename}: {error.evalue}\n"
        f"The partially executed notebook is in {failed.relative_to(project.root)}"
    )


@contextmanager
def _environment(project: Project, output: Path | None) -> Iterator[None]:
    values = {ROOT_VARIABLE: str(project.root), PUBLISH_VARIABLE: "1"}
    if output is not None:
        values[OUTPUT_VARIABLE] = str(output.resolve())
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
