"""The running notebook: its parameters, its output root and the provenance of its output."""

import json
import os
import random
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from IPython import get_ipython
from IPython.display import Markdown, display

from wholescript.errors import RunError
from wholescript.experiments.environment import commit_of, device_name
from wholescript.experiments.key import hash_json
from wholescript.experiments.libraries import imported_libraries, installed_versions
from wholescript.experiments.source_code import code_fingerprint, import_closure, syntax_hash
from wholescript.experiments.store import Run, RunStore
from wholescript.experiments.workspace import Workspace, activate, current_workspace
from wholescript.plots.style import set_style
from wholescript.printable import printable
from wholescript.project import OUTPUT_VARIABLE, PUBLISH_VARIABLE, Project
from wholescript.publish.normalize import read_source
from wholescript.publish.parameters import (
    as_argument,
    check_parameters,
    published_parameters,
)

PUBLISHED_TAG = "published"
"""Tag of cells whose text states results of the published parameters."""
OTHER_PARAMETERS = (
    "**Executed with {}.** Tables and figures are those of this execution; sentences on results "
    "were written for the published one."
)


@dataclass
class Notebook(Workspace):
    """The workspace of a running notebook, which records provenance with figures and runs.

    `output` is the root of `figures/` and `results/`: the repository if `wholescript notebook run`
    executes the notebook with its published parameters, else a separate folder.
    """

    output: Path = field(kw_only=True)
    changed: bool = False
    """Whether this execution has written a figure or table with another content or origin."""

    @property
    def writes_published_output(self) -> bool:
        """Whether the output is published, that is written to the repository itself."""
        return self.output == self.project.root

    @property
    def has_published_parameters(self) -> bool:
        """Whether this is the published notebook, wherever its output goes."""
        return _are_published(self.project, self.name, self.parameters)

    @property
    def may_replace(self) -> bool:
        """Always true: the output root depends on the parameters, so a stored run is outdated."""
        return True

    @property
    def figures(self) -> Path:
        """The folder of its figures and tables."""
        return self.output / "figures" / self.name

    @property
    def stores(self) -> list[RunStore]:
        """The stores in which finished runs are looked for: the published one, then this output.

        A rerun (WHOLESCRIPT_OUTPUT) uses its own output only, so that everything is made again.
        """
        if os.environ.get(OUTPUT_VARIABLE) or self.writes_published_output:
            return [self.store]
        return [RunStore(self.project.root / "results"), self.store]

    @property
    def fold_cache(self) -> Path:
        """The folder of finished folds of unfinished runs; a rerun has its own."""
        forced = os.environ.get(OUTPUT_VARIABLE)
        return (self.output if forced else self.project.build) / "fold_cache"

    @cached_property
    def code(self) -> str:
        """The hash of the notebook's code and of all modules that it imports."""
        source = self.project.notebook_source(self.name)
        return hash_json([syntax_hash(source), code_fingerprint([source], self.project.source)])

    @cached_property
    def versions(self) -> dict[str, str]:
        """The versions of Python and of the libraries that the code imports."""
        source = self.project.notebook_source(self.name)
        files = [source, *import_closure([source], self.project.source)]
        return installed_versions(imported_libraries(files))

    @property
    def cell(self) -> str | None:
        """The id of the running cell; None outside of IPython."""
        shell = get_ipython()
        if shell is None:
            return None
        cells = read_source(self.project.notebook_source(self.name)).cells
        running = str(shell.history_manager.input_hist_raw[-1]).strip()
        return next((cell.id for cell in cells if cell.source.strip() == running), None)

    @property
    def command(self) -> str:
        """The command that reproduces this output, quoted for the shell."""
        changed = changed_parameters(self.project, self.name, self.parameters)
        options = [("-p", name, as_argument(value)) for name, value in changed.items()]
        return shlex.join(["wholescript", "notebook", "run", self.name, *chain(*options)])

    @property
    def resume_command(self) -> str:
        """The command that executes the notebook again; a rerun from nothing has none."""
        return "" if os.environ.get(OUTPUT_VARIABLE) else self.command

    def record_use(self, run: Run) -> Run:
        """Update the cell and the parameters recorded in a run of this notebook; return the run."""
        # As JSON holds them: tuples are lists there, and that is no change.
        parameters = json.loads(json.dumps(self.parameters))
        metadata = {"cell": self.cell, "parameters": parameters}
        own = run.config.get("notebook") == self.name and run.root == self.store.root
        if own and any(run.config.get(key) != value for key, value in metadata.items()):
            return self.store.annotate(run, metadata)
        return run

    def metadata(self) -> dict[str, Any]:
        """Return the metadata of a new run: cell, parameters, code, versions, device."""
        return {
            "notebook": self.name,
            "cell": self.cell,
            "parameters": self.parameters,
            "scale": self.parameters.get("scale"),
            "seed": self.parameters.get("seed"),
            "commit": commit_of(self.project.root),
            "code": self.code,
            "versions": self.versions,
            "device": device_name(),
        }


def begin_notebook(
    name: str, namespace: dict[str, Any], project: Project | None = None
) -> Notebook:
    """Check the parameters of the running notebook and activate its workspace.

    `namespace` is `globals()` of the notebook. A relative `path` is one from the folder in which
    the kernel runs: in JupyterLab that of the notebook. Seeds Python and NumPy with the parameter
    `seed` (0 if there is none) and sets the style of the figures.

    Raises:
        ParameterError: a parameter has a wrong type or a value that is not allowed.
    """
    project = project or Project()
    published = published_parameters(project, name)
    given = {key: namespace[key] for key in published if key in namespace}
    parameters = published | check_parameters(project, name, given)
    output = output_root(project, name, parameters)
    notebook = Notebook(project, RunStore(output / "results"), name, parameters, output=output)
    activate(notebook)
    seed = int(parameters.get("seed", 0))
    random.seed(seed)
    np.random.seed(seed)
    set_style()
    if changed := changed_parameters(project, name, parameters):
        note = ", ".join(f"{key}={value!r}" for key, value in changed.items())
        display(Markdown(OTHER_PARAMETERS.format(_as_code(note))))
    return notebook


def _as_code(text: str) -> str:
    """Return a text as inline code of Markdown, in a fence longer than any of its own."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {printable(text)} {fence}"


def changed_parameters(
    project: Project, name: str, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters of a notebook that have other than their published values."""
    published = published_parameters(project, name)
    return {key: value for key, value in parameters.items() if value != published[key]}


def current_notebook() -> Notebook:
    """Return the notebook that called `begin_notebook`.

    Raises:
        RunError: no notebook is running.
    """
    workspace = current_workspace()
    if not isinstance(workspace, Notebook):
        raise RunError("no notebook is running: call begin_notebook(NAME, globals()) first")
    return workspace


def output_root(project: Project, name: str, parameters: dict[str, Any]) -> Path:
    """Return the output root of a notebook with these parameters.

    It is the repository if `wholescript notebook run`, which sets WHOLESCRIPT_PUBLISH, executes
    the notebook with the published parameters. Otherwise, as in JupyterLab and under nbval, it is
    a folder named by a hash of the parameters, so that published output is never overwritten. The
    environment variable WHOLESCRIPT_OUTPUT overrides both.
    """
    if forced := os.environ.get(OUTPUT_VARIABLE):
        return (project.root / forced).resolve()
    if os.environ.get(PUBLISH_VARIABLE) and _are_published(project, name, parameters):
        return project.root
    return project.build / "runs" / f"{name}-{hash_json(parameters)[:8]}"


def _are_published(project: Project, name: str, parameters: dict[str, Any]) -> bool:
    """Return whether a notebook is published with these parameters; smoke never is."""
    return parameters == published_parameters(project, name) and parameters.get("scale") != "smoke"
