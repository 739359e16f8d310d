"""Notebooks executed over every combination of parameters, each with an output of its own."""

import itertools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wholescript.errors import ParameterError, WholeScriptError
from wholescript.experiments.key import hash_json
from wholescript.experiments.results import nearest
from wholescript.experiments.store import RunStore
from wholescript.project import Project
from wholescript.publish.comparison.page import write_sweep
from wholescript.publish.comparison.side_by_side import figures_by_label, metric_rows
from wholescript.publish.execution import run_notebook
from wholescript.publish.parameters import check_parameters, published_parameters, read_parameters
from wholescript.publish.provenance.notebook_state import (
    changes_since_execution,
    notebook_fingerprint,
    read_fingerprint,
)

ALL = "all"


@dataclass
class Combination:
    """One value for each parameter of a sweep.

    `values` are as they were given. `outputs` holds the root under which each notebook that was
    executed wrote its figures and results, `failures` the message of each that failed.
    """

    values: dict[str, str]
    overrides: dict[str, dict[str, Any]]
    outputs: dict[str, Path] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def describe(self, without: Collection[str] = ()) -> str:
        """Return the values with their names, as the heading of a column."""
        named = [(k, v) for k, v in self.values.items() if k not in without]
        return ", ".join(f"{name} {value}" for name, value in named)


def combinations(
    project: Project, notebook: str, values: Mapping[str, Sequence[str]]
) -> list[Combination]:
    """Return the product of the values, checked against every notebook that it concerns.

    `notebook` is a name, a number, a path or `all`; then each notebook takes the parameters that
    it declares.

    Raises:
        ParameterError: a name is unknown (the nearest is offered) or a value does not fit.
    """
    if not values:
        raise ParameterError("a sweep needs values to go over: -p NAME VALUE,VALUE")
    names = (
        project.notebook_names() if notebook == ALL else [project.notebook_source(notebook).stem]
    )
    declared = {name: set(read_parameters(project, name)) for name in names}
    known = set().union(*declared.values())
    if unknown := sorted(set(values) - known):
        raise ParameterError(
            f"no notebook of the sweep has a parameter {unknown[0]!r}{nearest(unknown[0], known)}"
        )
    found = []
    for chosen in itertools.product(*(dict.fromkeys(given) for given in values.values())):
        named = dict(zip(values, chosen, strict=True))
        overrides = {
            name: check_parameters(project, name, {k: v for k, v in named.items() if k in has})
            for name, has in declared.items()
        }
        found.append(Combination(named, overrides))
    return found


def execute(project: Project, combination: Combination) -> None:
    """Execute the notebooks of a combination, but for those that are there as they would be made.

    A notebook that fails is noted, and the next one is taken up.
    """
    for name, overrides in combination.overrides.items():
        try:
            combination.outputs[name] = _output(project, name, overrides)
        # RuntimeError: the kernel died, as it does when memory runs out.
        except (WholeScriptError, RuntimeError) as error:
            combination.failures[name] = str(error)


def _output(project: Project, name: str, overrides: dict[str, Any]) -> Path:
    """Return the root of a notebook's output with these parameters, made now if need be.

    What is published is used where it is current, and never written.
    """
    published = published_parameters(project, name)
    parameters = published | overrides
    if parameters == published and not changes_since_execution(project, name):
        return project.root
    root = project.build / "runs" / f"{name}-{hash_json(parameters)[:8]}"
    # As JSON, which is how the stamp was stored: a tuple is a list there.
    fingerprint = json.loads(json.dumps(notebook_fingerprint(project, name, parameters)))
    if read_fingerprint(root / f"{name}.ipynb") != fingerprint:
        # A root is named only where the published one would be written otherwise.
        output = root if parameters == published else None
        run_notebook(name, overrides, output=output, project=project)
    return root


def write_sweep_page(project: Project, name: str, combos: Sequence[Combination]) -> Path:
    """Write what was made, side by side, to `_build/sweeps/<name>`, and return the page."""
    path = project.build / "sweeps" / name / "index.html"
    outputs = [combination.outputs for combination in combos]
    parameters = {key: [one.values[key] for one in combos] for key in combos[0].values}
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
    """Yield what failed, with its combination."""
    for combination in combos:
        for name, message in combination.failures.items():
            yield f"{name} with {combination.describe()}: {message}"


def sweep_name(notebook: str, combos: Sequence[Combination], given: str | None) -> str:
    """Return the name of the folder of a sweep: as given, or by its notebook and values.

    Raises:
        ParameterError: the name given is not that of a folder.
    """
    if given is None:
        return f"{Path(notebook).stem}-{hash_json([one.values for one in combos])[:8]}"
    if given != Path(given).name or given in {"", ".", ".."}:
        raise ParameterError(f"{given!r} is no name for a folder; for example --name seeds")
    return given
