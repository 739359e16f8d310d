"""Execute notebooks with every combination of parameter values, each with its own output."""

import itertools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wholescript.errors import ParameterError, WholeScriptError, did_you_mean
from wholescript.experiments.key import hash_json
from wholescript.experiments.store import RunStore
from wholescript.project import Project
from wholescript.publish.comparison.page import write_sweep
from wholescript.publish.comparison.sweep import figures_by_label, metric_rows
from wholescript.publish.execution import run_notebook
from wholescript.publish.notebook import unpublished_root
from wholescript.publish.parameters import check_parameters, published_parameters, read_parameters
from wholescript.publish.provenance.notebook_state import (
    changes_since_execution,
    notebook_fingerprint,
    read_fingerprint,
)

ALL = "all"


@dataclass
class Combination:
    """One value of each parameter of a sweep.

    `values` are the values as text, `overrides` the converted ones by notebook. `outputs` has the
    output root of each executed notebook, `failures` the error message of each failed one.
    """

    values: dict[str, str]
    overrides: dict[str, dict[str, Any]]
    outputs: dict[str, Path] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def describe(self, without: Collection[str] = ()) -> str:
        """Return names and values as a column heading, without the parameters in `without`."""
        named = [(k, v) for k, v in self.values.items() if k not in without]
        return ", ".join(f"{name} {value}" for name, value in named)


def combinations(
    project: Project, notebook: str, values: Mapping[str, Sequence[str]]
) -> list[Combination]:
    """Return the Cartesian product of the values, checked against the notebooks.

    `notebook` is a name, a number, a path or `all`. With `all` each notebook takes the parameters
    that it declares.

    Raises:
        ParameterError: a name is unknown (the message suggests similar ones) or a value is not
            allowed.
    """
    if not values:
        raise ParameterError("a sweep needs at least one parameter: -p NAME VALUE,VALUE")
    names = (
        project.notebook_names() if notebook == ALL else [project.notebook_source(notebook).stem]
    )
    declared = {name: set(read_parameters(project, name)) for name in names}
    known = set().union(*declared.values())
    if unknown := sorted(set(values) - known):
        raise ParameterError(
            f"no notebook of the sweep has a parameter {unknown[0]!r}"
            f"{did_you_mean(unknown[0], known)}"
        )
    combos = []
    for chosen in itertools.product(*map(dict.fromkeys, values.values())):
        named = dict(zip(values, chosen, strict=True))
        overrides = {
            name: check_parameters(project, name, {k: v for k, v in named.items() if k in own})
            for name, own in declared.items()
        }
        combos.append(Combination(named, overrides))
    return combos


def execute(project: Project, combination: Combination) -> None:
    """Execute the notebooks of a combination that have no current output.

    A failure is recorded in `combination.failures`; the next notebooks are executed.
    """
    for name, overrides in combination.overrides.items():
        try:
            combination.outputs[name] = _output(project, name, overrides)
        # RuntimeError: the kernel died, for example out of memory.
        except (WholeScriptError, RuntimeError) as error:
            combination.failures[name] = str(error)


def _output(project: Project, name: str, overrides: dict[str, Any]) -> Path:
    """Return the output root of a notebook with these parameters; execute it unless current.

    Published output is used if it is current, and never overwritten.
    """
    published = published_parameters(project, name)
    parameters = published | overrides
    if parameters == published and not changes_since_execution(project, name):
        return project.root
    root = unpublished_root(project, name, parameters)
    # The stored fingerprint went through JSON, which turns tuples into lists.
    fingerprint = json.loads(json.dumps(notebook_fingerprint(project, name, parameters)))
    if read_fingerprint(root / f"{name}.ipynb") != fingerprint:
        # Without an explicit root, published parameters would overwrite the published output.
        output = root if parameters == published else None
        run_notebook(name, overrides, output=output, project=project)
    return root


def write_sweep_page(project: Project, name: str, combos: Sequence[Combination]) -> Path:
    """Write a page that compares the combinations to `_build/sweeps/<name>`; return its path."""
    path = project.build / "sweeps" / name / "index.html"
    outputs = [combination.outputs for combination in combos]
    parameters = {
        key: [combination.values[key] for combination in combos] for key in combos[0].values
    }
    constant = [k for k, values in parameters.items() if len(combos) > 1 and len(set(values)) == 1]
    write_sweep(
        path,
        title=f"Sweep {name}",
        notebooks=list(combos[0].overrides),
        headings=[combination.describe(without=constant) for combination in combos],
        parameters=parameters,
        failures=list(failures(combos)),
        rows=list(metric_rows(outputs, RunStore(project.root / "results"))),
        figures=figures_by_label(outputs),
    )
    return path


def failures(combos: Sequence[Combination]) -> Iterator[str]:
    """Yield one line per failed notebook, with its combination and message."""
    for combination in combos:
        for name, message in combination.failures.items():
            yield f"{name} with {combination.describe()}: {message}"


def sweep_name(notebook: str, combos: Sequence[Combination], given: str | None) -> str:
    """Return the folder name of a sweep: `given`, or one made from notebook and values.

    Raises:
        ParameterError: `given` is not a valid folder name.
    """
    if given is None:
        return (
            f"{Path(notebook).stem}-{hash_json([combination.values for combination in combos])[:8]}"
        )
    if given != Path(given).name or given in {"", ".", ".."}:
        raise ParameterError(f"{given!r} is not a valid folder name; for example --name seeds")
    return given
