"""Execute notebooks from their source with checked parameters; a failure keeps the old output."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import papermill
from filelock import FileLock, Timeout
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from papermill.execute import ERROR_MARKER_TAG
from papermill.translators import PythonTranslator, papermill_translators
from traitlets import default

from wholescript.errors import RunError
from wholescript.experiments.documents.open_data import SOURCES, check_source
from wholescript.experiments.key import hash_json
from wholescript.files import shown_path, write_atomic
from wholescript.project import OUTPUT_VARIABLE, PUBLISH_VARIABLE, ROOT_VARIABLE, Project
from wholescript.publish.normalize import (
    INJECTED_TAG,
    cell_label,
    normalize_notebook,
    output_labels,
    read_source,
    to_ipynb,
)
from wholescript.publish.notebook import PUBLISHED_TAG, output_root
from wholescript.publish.pairs import check_not_edited, record_source
from wholescript.publish.parameters import (
    check_parameters,
    published_parameters,
    read_parameters,
    resolve_path,
)
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


class _PythonLiterals(PythonTranslator):
    """Writes parameters as they are: papermill makes texts of tuples and of the keys of dicts."""

    @classmethod
    def translate(cls, val: Any) -> str:
        return repr(val)


papermill_translators.register("python", _PythonLiterals)


def run_notebook(
    name: str,
    overrides: Mapping[str, Any] | None = None,
    *,
    output: Path | None = None,
    project: Project | None = None,
) -> Path:
    """Execute a notebook from its .py and return the path of the executed .ipynb.

    `name` is its name, number or path. `overrides` replace published parameters; a relative `path`
    among them is one from the working directory. Without them the .ipynb next to the .py is
    replaced; with them all output goes to a folder under `_build/runs`. `output` is another output
    root, for which no published run is looked up.

    Raises:
        ParameterError: a parameter is unknown or has a wrong value; nothing was executed.
        DataError: the films of a local file cannot be used; nothing was executed.
        RunError: a cell failed, the .ipynb has an edit that the .py has not, or the notebook is
            being executed with these parameters; the existing .ipynb is unchanged.
    """
    project = project or Project()
    source = project.notebook_source(name)
    name = source.stem
    given = check_parameters(project, name, overrides or {})
    parameters = published_parameters(project, name) | given
    if "path" in given:  # else it is the published one, which is relative to the repository
        parameters = resolve_path(project, parameters, Path.cwd())
    if parameters.get("source") in SOURCES and isinstance(parameters.get("path"), str):
        _check_data(project, parameters)
    check_not_edited(project, name)
    with _environment(project, output):
        root = output_root(project, name, parameters)
        published = root == project.root
        run_id = name if published else f"{name}-{hash_json([str(root)])[:8]}"
        with _alone(project, run_id):
            failed = project.build / "failed" / f"{run_id}.ipynb"
            executed = _execute(project, source, parameters, failed)
            path = (root / "notebooks" if published else root) / f"{name}.ipynb"
            if published:
                _check_not_edited_meanwhile(project, name, failed)
            remove_outputs(root / "figures" / name, output_labels(executed.cells))
            record_source(normalize_notebook(executed, name))
            write_atomic(path, to_ipynb(executed))
            failed.unlink()
    return path


def _check_data(project: Project, parameters: Mapping[str, Any]) -> None:
    """Check `source` and `path` before a kernel is started."""
    path, full = parameters["path"], project.root / parameters["path"]
    if path and (parameters["source"] != "hub" or full.exists()):
        path = str(full)
    if "target" not in parameters:
        check_source(parameters["source"], path)
    elif path or parameters["source"] == "local":
        from wholescript.studies.screenplays.data import check_films  # slow import

        check_films({**parameters, "path": path})


@contextmanager
def _alone(project: Project, run_id: str) -> Iterator[None]:
    """Raise RunError if another process executes the same notebook with the same output."""
    lock = FileLock(project.build / "running" / f"{run_id}.lock", timeout=0)
    Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"another command is executing {run_id} with these parameters: wait until it has ended"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _check_not_edited_meanwhile(project: Project, name: str, failed: Path) -> None:
    try:
        check_not_edited(project, name)
    except RunError as error:
        raise RunError(f"{error}\nWhat was executed meanwhile is in {shown_path(failed)}") from None


def _execute(
    project: Project, source: Path, parameters: dict[str, Any], failed: Path
) -> NotebookNode:
    """Return the executed notebook; `failed` has what was executed so far, and stays there."""
    declared = read_parameters(project, source.stem)
    changed = {k: v for k, v in parameters.items() if v != declared[k].default}
    read = read_source(source)
    failed.parent.mkdir(parents=True, exist_ok=True)
    failed.unlink(missing_ok=True)
    try:
        executed: NotebookNode = papermill.execute_notebook(
            _without_published_text(read) if changed else read,
            str(failed).replace("{", "{{").replace("}", "}}"),  # papermill formats it
            changed,
            cwd=str(project.root),
            kernel_manager_class=_RunningPython,
            start_timeout=600,  # seconds; imports are slow on a busy machine
            progress_bar={"desc": source.stem, "unit": "cell"},
            # Progress bars of trainings go to the terminal, not into the notebook.
            stderr_file=sys.stderr,
        )
    except PapermillExecutionError as error:
        raise RunError(_explain(error, source, failed)) from None
    except DeadKernelError:
        less = ", or take less data with `-p scale smoke`" if "scale" in declared else ""
        raise RunError(_explain_death(source, failed) + less) from None
    except RuntimeError as error:
        raise RunError(f"the process of {source.stem} did not start: {error}") from None
    return executed


def _without_published_text(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook without the cells that state results of the published parameters."""
    notebook.cells = [c for c in notebook.cells if PUBLISHED_TAG not in c.metadata.get("tags", [])]
    return notebook


def _explain(error: PapermillExecutionError, source: Path, failed: Path) -> str:
    cells = _own_cells(failed)
    number = next((i for i, cell in enumerate(cells, 1) if cell.source == error.source), 0)
    return (
        f"{source.stem} failed in {_cell_name(cells, number)}: {error.ename}: {error.evalue}\n"
        f"The partially executed notebook is in {shown_path(failed)}"
    )


def _explain_death(source: Path, failed: Path) -> str:
    cells = _own_cells(failed)
    started = [i for i, cell in enumerate(cells, 1) if cell.metadata.papermill["start_time"]]
    return (
        f"{source.stem} ended in {_cell_name(cells, max(started, default=1))}: its process was "
        "killed, most likely by the system for lack of memory\n"
        f"The partially executed notebook is in {shown_path(failed)}. Runs that "
        "finished are stored: the same command goes on after them. End other programs first"
    )


def _own_cells(failed: Path) -> list[NotebookNode]:
    """Return the cells of a partially executed notebook without those that papermill inserted."""
    inserted = {ERROR_MARKER_TAG, INJECTED_TAG}
    cells = nbformat.read(failed, as_version=4).cells
    return [cell for cell in cells if not inserted & {*cell.metadata.get("tags", [])}]


def _cell_name(cells: list[NotebookNode], number: int) -> str:
    label = cell_label(cells[number - 1])
    return f"cell {label}" if label else f"cell {number} of {len(cells)}"


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
