"""Checks of notebooks, figures and results before they are committed (`wholescript site check`).

DVC knows what is stale (`dvc status`); the other checks find what DVC cannot know.
"""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

from wholescript.experiments.results import Results
from wholescript.project import Project
from wholescript.publish.claims import evaluate_claims
from wholescript.publish.normalize import (
    INJECTED_TAG,
    normalize_notebook,
    output_labels,
    read_source,
    to_ipynb,
)
from wholescript.publish.pairs import find_edit
from wholescript.publish.provenance.read import read_records
from wholescript.publish.vocabulary import check_vocabulary

MEGABYTE = 1_000_000
# Of one file; a file of results has all runs of a data set.
LIMITS = {"notebooks": 3 * MEGABYTE, "figures": 2 * MEGABYTE, "results": 5 * MEGABYTE}
DATA_LIMIT = 30 * MEGABYTE  # of the folder as a whole
PIPELINE = "dvc.yaml"
# What shows on which machine or in which process a cell was executed, and what to do about it.
_MACHINE_TRACES = {
    "a path of this machine": (
        re.compile(r"(?<![\w.:/])/(?:home|root|Users|tmp|work|opt|var)/\w[^\s\"'`<>()\[\]{},;]*"),
        "show only its name, or the path from the repository (`Path.relative_to`)",
    ),
    "a memory address": (
        re.compile(r"\bat 0x[0-9a-f]{6,}"),
        "show a property of the object, or end the line with `;` to show nothing",
    ),
}


def find_problems(project: Project) -> list[str]:
    """Return the problems of the committed outputs, one line each; empty if there are none.

    Raises:
        RunError: a stored file is damaged.
    """
    found = [*_stale(project), *_sizes(project), *_figures(project), *_smoke_outputs(project)]
    for name in project.notebook_names():
        found += _notebook(project, name)
    return [*found, *_claims(project), *check_vocabulary(project)]


def _stale(project: Project) -> Iterator[str]:
    """Yield the notebooks whose inputs or outputs are not those that DVC recorded."""
    if not (project.root / PIPELINE).exists():
        return
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"dvc status failed: {done.stderr.strip() or done.stdout.strip()}"
        return
    for stage, changes in json.loads(done.stdout).items():
        causes: list[str] = []
        for change in changes:
            match change:
                # Outputs differ if they were edited, and if the notebook was executed without DVC.
                case {"changed outs": dict(paths)} | {"changed deps": dict(paths)}:
                    causes += [f"{path} {how}" for path, how in paths.items()]
                case _:
                    causes.append(str(change))
        if causes:
            yield (
                f"{stage} is not as DVC recorded it ({', '.join(causes)}): run `dvc repro {stage}`"
            )


def _run_command(project: Project, name: str) -> str:
    """Return the command that executes a notebook: that of its stage, so that DVC records it."""
    path = project.root / PIPELINE
    stages = yaml.safe_load(path.read_text("utf-8"))["stages"] if path.exists() else {}
    return f"dvc repro {name}" if name in stages else f"wholescript notebook run {name}"


def _claims(project: Project) -> Iterator[str]:
    for claim in evaluate_claims(project.root).values():
        if not claim.holds:
            reason = claim.error or "the stored results do not support it"
            yield f"the claim {claim.name!r} does not hold: {reason}"


def _sizes(project: Project) -> Iterator[str]:
    for folder, limit in LIMITS.items():
        for path in _files(project.root / folder):
            if (size := path.stat().st_size) > limit:
                name = path.relative_to(project.root).as_posix()
                yield f"{name} has {size:,} bytes; the limit is {limit:,}"
    total = sum(path.stat().st_size for path in _files(project.root / "data"))
    if total > DATA_LIMIT:
        yield f"data/ has {total:,} bytes; the limit is {DATA_LIMIT:,}"


def _figures(project: Project) -> Iterator[str]:
    """Yield the figures that no notebook makes, that are missing, or that two notebooks make."""
    notebooks = project.notebook_names()
    folder = project.root / "figures"
    stored = sorted(folder.iterdir()) if folder.exists() else []
    yield from (
        f"figures/{path.name} is not written by any notebook"
        for path in stored
        if path.name not in notebooks
    )
    records = read_records(folder)
    makers: dict[str, str] = {}
    for name in notebooks:
        for label in sorted(output_labels(read_source(project.notebook_source(name)).cells)):
            if label in makers:
                yield f"{label} is a figure of {makers[label]} and of {name}: rename one of them"
            elif label not in records:
                run = _run_command(project, name)
                yield f"{label} of {name} is missing in figures/: run `{run}`"
            makers[label] = name
    for label in sorted(records.keys() - makers):
        yield f"{label} in figures/ is not made by any notebook"


def _smoke_outputs(project: Project) -> Iterator[str]:
    results = Results(project.root / "results")
    smoke = [
        f"results/{name}"
        for name in results.names()
        if results.config(name).get("scale") == "smoke"
    ]
    for label, record in read_records(project.root / "figures").items():
        if record["parameters"].get("scale") == "smoke":
            smoke.append(label)
    yield from (
        f"{name} was made with the run profile smoke, which is not published" for name in smoke
    )


def _notebook(project: Project, name: str) -> Iterator[str]:
    path = project.notebooks / f"{name}.ipynb"
    if not path.exists():
        yield f"{path.name} is missing: run `{_run_command(project, name)}`"
        return
    if edit := find_edit(project, name):
        yield edit
        return
    executed = nbformat.read(path, as_version=4)
    own = [cell for cell in executed.cells if INJECTED_TAG not in cell.metadata.get("tags", [])]
    source = read_source(project.notebook_source(name))
    if [c.source for c in own] != [c.source for c in source.cells]:
        yield (
            f"{path.name} does not have the cells of {name}.py: run `{_run_command(project, name)}`"
        )
    titles = [
        title for c in source.cells if c.cell_type == "markdown" for title in _top_headings(c)
    ]
    if len(titles) != 1:
        found = "; ".join(titles)
        yield f"{name}.py has {len(titles)} top-level headings ({found}); a page has exactly one"
    if to_ipynb(normalize_notebook(copy.deepcopy(executed), name)) != path.read_text():
        yield (
            f"{path.name} contains timings, stderr or ids of a single execution: run "
            f"`{_run_command(project, name)}`"
        )
    for cell in executed.cells:
        if cell.cell_type == "code":
            yield from (f"{path.name}, {cell.id}: {trace}" for trace in _machine_traces(cell))


def _top_headings(cell: NotebookNode) -> list[str]:
    return re.findall(r"^# (.+)$", cell.source, re.MULTILINE)


def _machine_traces(cell: NotebookNode) -> Iterator[str]:
    if cell.execution_count is None and cell.source.strip():
        yield "has not been executed"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"raised {output.ename}"
        texts = [output.get("text", "")]
        texts += [v for k, v in output.get("data", {}).items() if k.startswith("text/")]
        for trace, (pattern, remedy) in _MACHINE_TRACES.items():
            if found := next(filter(None, map(pattern.search, texts)), None):
                yield f"contains {trace}, {found[0]!r}: {remedy}, in the .py"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
