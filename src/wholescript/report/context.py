"""The notebook that is running: its parameters, and where its output may go."""

import os
import platform
import random
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
from IPython import get_ipython

from wholescript.data.corpus import Corpus
from wholescript.errors import RunError
from wholescript.report.normalise import normalise
from wholescript.report.parameters import check_parameters, published_parameters
from wholescript.report.project import OUTPUT_VARIABLE, Project
from wholescript.report.provenance.fingerprint import (
    hash_json,
    import_closure,
    notebook_modules,
)
from wholescript.report.provenance.pins import imported_libraries, installed_versions
from wholescript.report.runs import Run, RunStore
from wholescript.report.style import set_style


@dataclass
class Notebook:
    """What a figure or a run needs to know of the notebook that makes it.

    `output` is the root under which `figures/` and `results/` are written: the repository when
    all parameters are the published ones, else a folder of its own.
    """

    name: str
    project: Project
    parameters: dict[str, Any]
    output: Path
    data: dict[str, str] | None = None
    runs: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @property
    def published(self) -> bool:
        """Whether the output is the published one, in the repository itself."""
        return self.output == self.project.root

    @property
    def figures(self) -> Path:
        """Where figures and tables are written."""
        return self.output / "figures"

    @property
    def store(self) -> RunStore:
        """Where runs are written."""
        return RunStore(self.output / "results")

    @property
    def stores(self) -> list[RunStore]:
        """Where finished runs are looked for: here first, then among the published ones.

        A rerun looks nowhere but in its own output, so that everything is made anew.
        """
        if os.environ.get(OUTPUT_VARIABLE) or self.published:
            return [self.store]
        return [self.store, RunStore(self.project.root / "results")]

    @property
    def partial(self) -> Path:
        """Where finished folds of unfinished runs are kept; a rerun has a place of its own."""
        forced = os.environ.get(OUTPUT_VARIABLE)
        return (self.output if forced else self.project.build) / "partial"

    @cached_property
    def modules(self) -> dict[str, str]:
        """The hashes of the notebook's own code and of all modules that it imports."""
        source = self.project.notebook_source(self.name)
        return notebook_modules(source, self.project.root, self.project.source)

    @cached_property
    def versions(self) -> dict[str, str]:
        """The versions of Python and of the libraries that the code imports."""
        source = self.project.notebook_source(self.name)
        files = [source, *import_closure([source], self.project.source)]
        return installed_versions(imported_libraries(files))

    @property
    def cell(self) -> str | None:
        """The id of the cell that is running; None outside of IPython."""
        shell = get_ipython()
        if shell is None:
            return None
        cells = normalise(jupytext.read(self.project.notebook_source(self.name)), self.name).cells
        running = str(shell.history_manager.input_hist_raw[-1]).strip()
        return next((cell.id for cell in cells if cell.source.strip() == running), None)

    @property
    def command(self) -> str:
        """The one command that makes this output again."""
        published = published_parameters(self.project, self.name)
        changed = {k: v for k, v in self.parameters.items() if v != published[k]}
        options = [f" -p {name} {value}" for name, value in changed.items()]
        return f"wholescript run {self.name}" + "".join(options)

    def use(self, corpus: Corpus) -> Corpus:
        """Note that the output depends on `corpus`, and return it."""
        provenance = corpus.provenance
        self.data = {
            "source": provenance.source,
            "location": provenance.location,
            "fingerprint": provenance.fingerprint,
        }
        return corpus

    def find_run(self, name: str, key: str | None = None) -> Run | None:
        """Return a finished run from the first store that has it, and note its use."""
        for store in self.stores:
            if run := store.find(name, key):
                self.runs[name] = run.key
                return run
        return None

    def note_maker(self, run: Run, modules: dict[str, Any]) -> Run:
        """Note in a run of this notebook's own which cell makes it, of which definitions."""
        facts = {"cell": self.cell, "parameters": self.parameters, "modules": modules}
        own = run.config["notebook"] == self.name and run.path.is_relative_to(self.output)
        if own and any(run.config.get(key) != value for key, value in facts.items()):
            return self.store.annotate(run, facts)
        return run

    def facts(self) -> dict[str, Any]:
        """Return what stands in every passport: where from, with what, on what, how again."""
        return {
            "notebook": self.name,
            "parameters": self.parameters,
            "published": self.published,
            "scale": self.parameters.get("scale"),
            "seed": self.parameters.get("seed"),
            "data": self.data,
            "runs": dict(sorted(self.runs.items())),
            "code": hash_json(self.modules),
            "modules": self.modules,
            "versions": self.versions,
            "device": device_name(),
            "wall_time_s": round(time.perf_counter() - self.started, 1),
            "command": self.command,
        }


_current: Notebook | None = None


def begin_notebook(
    name: str, namespace: dict[str, Any], project: Project | None = None
) -> Notebook:
    """Read and check the parameters of the running notebook, and decide where its output goes.

    `namespace` is `globals()` of the notebook. Seeds Python and NumPy with the parameter `seed`
    (0 where there is none) and sets the style of the figures.

    Raises:
        ParameterError: a parameter has the wrong type or a value outside its choices.
    """
    global _current
    project = project or Project()
    published = published_parameters(project, name)
    given = {key: namespace[key] for key in published if key in namespace}
    parameters = published | check_parameters(project, name, given)
    _current = Notebook(name, project, parameters, output_root(project, name, parameters))
    seed = int(parameters.get("seed", 0))
    random.seed(seed)
    np.random.seed(seed)
    set_style()
    return _current


def current_notebook() -> Notebook:
    """Return the notebook that called `begin_notebook`.

    Raises:
        RunError: none has.
    """
    if _current is None:
        raise RunError("no notebook has begun: call begin_notebook(NAME, globals()) first")
    return _current


def output_root(project: Project, name: str, parameters: dict[str, Any]) -> Path:
    """Return where a run with these parameters writes.

    That is the repository for the published parameters at a scale above smoke, and a folder
    named by a hash of the parameters for any others, so that they never overwrite what is
    published. The variable WHOLESCRIPT_OUTPUT overrides both.
    """
    if forced := os.environ.get(OUTPUT_VARIABLE):
        return (project.root / forced).resolve()
    if parameters == published_parameters(project, name) and parameters.get("scale") != "smoke":
        return project.root
    return project.build / "runs" / f"{name}-{hash_json(parameters)[:8]}"


def device_name() -> str:
    """Return the name of the GPU if PyTorch is loaded and sees one, else that of the CPU."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    cpu_info = Path("/proc/cpuinfo")
    lines = cpu_info.read_text().splitlines() if cpu_info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"
