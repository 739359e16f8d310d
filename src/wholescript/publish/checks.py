"""Checks of notebooks, figures and results before they are committed (`wholescript check`)."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from wholescript.errors import WholeScriptError
from wholescript.experiments.results import Results
from wholescript.project import Project
from wholescript.publish.claims import evaluate_claims
from wholescript.publish.normalize import INJECTED_TAG, normalize_notebook, to_ipynb
from wholescript.publish.pipeline import declared_figures, pipeline_texts
from wholescript.publish.provenance.explain import explain_staleness
from wholescript.publish.vocabulary import check_vocabulary

MEGABYTE = 1_000_000
LIMITS = {"notebooks": 3 * MEGABYTE, "figures": 2 * MEGABYTE, "results": 5 * MEGABYTE}
DATA_LIMIT = 25 * MEGABYTE  # of the folder as a whole
_MACHINE_TRACES = {
    "a path of this machine": re.compile(r"(?<![\w.:/])/(?:home|root|Users|tmp|work|opt|var)/\w"),
    "a memory address": re.compile(r"\bat 0x[0-9a-f]{6,}"),
}


def find_problems(project: Project) -> list[str]:
    """Return the problems of the committed outputs, one line each; empty if there are none."""
    found = [*_pipeline(project), *_sizes(project), *_figures(project), *_smoke_outputs(project)]
    for name in project.notebook_names():
        found += _notebook(project, name)
        if (project.notebooks / f"{name}.ipynb").exists():
            found += _stale(project, name)
    return [
        *found,
        *_claims(project),
        *check_vocabulary(project),
        *_modified_outputs(project),
    ]


def _stale(project: Project, name: str) -> Iterator[str]:
    for change in explain_staleness(project, name).changes:
        if change.description != "is missing":  # `_figures` reports these
            yield f"{name}: {change}"


def _claims(project: Project) -> Iterator[str]:
    for claim in evaluate_claims(project.root).values():
        if not claim.holds:
            reason = claim.error or "the stored results do not support it"
            yield f"the claim {claim.name!r} does not hold: {reason}"


def _modified_outputs(project: Project) -> Iterator[str]:
    """Yield the outputs that changed after their stage wrote them, according to `dvc status`."""
    if not (project.root / "dvc.lock").exists():
        return
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"dvc status failed: {done.stderr.strip() or done.stdout.strip()}"
        return
    for stage, changes in json.loads(done.stdout).items():
        for change in changes:
            outputs = change.get("changed outs", {}) if isinstance(change, dict) else {}
            yield from (
                f"{path} was {description} after stage {stage} wrote it"
                for path, description in outputs.items()
            )


def _pipeline(project: Project) -> Iterator[str]:
    try:
        texts = pipeline_texts(project)
    except WholeScriptError as error:
        yield str(error)
        return
    for path, text in texts.items():
        if not path.exists() or path.read_text() != text:
            yield f"{path.name} is out of date: run `wholescript pipeline`"


def _sizes(project: Project) -> Iterator[str]:
    for folder, limit in LIMITS.items():
        for path in _files(project.root / folder):
            if (size := path.stat().st_size) > limit:
                yield f"{folder}/{path.name} has {size:,} bytes; the limit is {limit:,}"
    total = sum(path.stat().st_size for path in _files(project.root / "data"))
    if total > DATA_LIMIT:
        yield f"data/ has {total:,} bytes; the limit is {DATA_LIMIT:,}"


def _figures(project: Project) -> Iterator[str]:
    sources = map(project.notebook_source, project.notebook_names())
    declared = {file for source in sources for file in declared_figures(source)}
    stored = {path.name for path in _files(project.root / "figures")}
    yield from (
        f"figures/{name} is not written by any notebook" for name in sorted(stored - declared)
    )
    yield from (f"figures/{name} is missing" for name in sorted(declared - stored))


def _smoke_outputs(project: Project) -> Iterator[str]:
    scales = {
        path.relative_to(project.root).as_posix(): json.loads(path.read_text()).get("scale")
        for path in sorted((project.root / "figures").glob("*.provenance.json"))
    }
    results = Results(project.root / "results")
    scales |= {f"results/{name}": results.config(name).get("scale") for name in results.names()}
    yield from (
        f"{name} was made with the run profile smoke, which is not published"
        for name, scale in scales.items()
        if scale == "smoke"
    )


def _notebook(project: Project, name: str) -> Iterator[str]:
    path = project.notebooks / f"{name}.ipynb"
    if not path.exists():
        yield f"{path.name} is missing: run `wholescript run {name}`"
        return
    executed = nbformat.read(path, as_version=4)
    own = [cell for cell in executed.cells if INJECTED_TAG not in cell.metadata.get("tags", [])]
    source = jupytext.read(project.notebook_source(name))
    if [c.source for c in own] != [c.source for c in source.cells]:
        yield f"{path.name} does not have the cells of {name}.py: run `wholescript run {name}`"
    titles = [
        title for c in source.cells if c.cell_type == "markdown" for title in _top_headings(c)
    ]
    if len(titles) != 1:
        found = "; ".join(titles)
        yield f"{name}.py has {len(titles)} top-level headings ({found}); a page has exactly one"
    if to_ipynb(normalize_notebook(copy.deepcopy(executed), name)) != path.read_text():
        yield (
            f"{path.name} contains timings, stderr or ids of a single execution: run "
            f"`wholescript run {name}`"
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
        for trace, pattern in _MACHINE_TRACES.items():
            if any(pattern.search(text) for text in texts):
                yield f"contains {trace}"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
