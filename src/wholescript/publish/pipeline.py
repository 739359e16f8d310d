"""Write dvc.yaml and params.yaml from the notebooks, with one stage per notebook."""

import ast
from pathlib import Path
from typing import Any

import yaml

from wholescript.errors import RunError
from wholescript.experiments.libraries import imported_libraries, pinned_versions
from wholescript.experiments.source_code import import_closure
from wholescript.files import write_atomic
from wholescript.project import Project
from wholescript.publish.parameters import read_parameters

HEADER = (
    "# Written from the notebooks by `wholescript pipeline`; a test checks that it is current.\n"
)
FIGURE_FILES = (".svg", ".png", ".dark.png", ".json", ".csv", ".provenance.json")
TABLE_FILES = (".csv", ".provenance.json")
WRITING_CALLS = ("evaluate_run", "measure_run", "record_metrics", "record_differences")
READING_CALLS = (
    "load_run",
    "load_end_to_end_run",
    "load_document_runs",
    "load_headline_runs",
    "load_analysis_run",
)
DATA_CALLS = ("open_screenplay_data", "load_corpus", "load_features")


def write_pipeline(project: Project) -> list[Path]:
    """Write dvc.yaml and params.yaml and return their paths.

    Raises:
        RunError: two notebooks write the same figure or group of results, or a run or label in a
            notebook is not a string literal.
    """
    texts = pipeline_texts(project)
    for path, text in texts.items():
        write_atomic(path, text)
    return list(texts)


def pipeline_texts(project: Project) -> dict[Path, str]:
    """Return the contents of dvc.yaml and params.yaml by path."""
    names = project.notebook_names()
    stages = {name: _stage(project, name) for name in names}
    _check_owners(stages)
    params: dict[str, dict[str, Any]] = {
        name: {p.name: p.default for p in read_parameters(project, name).values()} for name in names
    }
    sources = [project.notebook_source(name) for name in names]
    if pins := {k: v for source in sources for k, v in _pins(project, source).items()}:
        params["pins"] = dict(sorted(pins.items()))
    return {
        project.root / "dvc.yaml": HEADER + _yaml({"stages": stages}),
        project.params: HEADER + _yaml(params),
    }


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=100, allow_unicode=True)


def _stage(project: Project, name: str) -> dict[str, Any]:
    source = project.notebook_source(name)
    calls = _first_arguments(source)
    written = _groups(calls, WRITING_CALLS, source)
    inputs = [source, *import_closure([source], project.source)]
    if uses_bundled_films(source):
        inputs += bundle_files(project)
    inputs += [project.root / group for group in input_run_groups(source)]
    inputs += _parameter_files(project, name)
    outputs = [project.notebooks / f"{name}.ipynb"]
    outputs += [project.root / "figures" / file for file in declared_figures(source)]
    outputs += [project.root / group for group in written]
    keep = {"cache": False, "persist": True}
    return {
        "cmd": f"wholescript run {name}",
        "deps": _relative(project, inputs),
        "params": [
            *(f"{name}.{parameter}" for parameter in read_parameters(project, name)),
            *(f"pins.{pin}" for pin in _pins(project, source)),
        ],
        "outs": [{path: dict(keep)} for path in _relative(project, outputs)],
    }


def _parameter_files(project: Project, name: str) -> list[Path]:
    """Return the files of the project whose paths are default parameters of a notebook."""
    defaults = [p.default for p in read_parameters(project, name).values()]
    paths = [project.root / value for value in defaults if isinstance(value, str) and value]
    return [path for path in paths if path.is_file()]


def uses_bundled_films(source: Path) -> bool:
    """Return whether a notebook loads the bundled films."""
    return any(call in _first_arguments(source) for call in DATA_CALLS)


def input_run_groups(source: Path) -> list[str]:
    """Return the `results/<group>` that this notebook reads and other notebooks write."""
    calls = _first_arguments(source)
    written = _groups(calls, WRITING_CALLS, source)
    return [group for group in _groups(calls, READING_CALLS, source) if group not in written]


def bundle_files(project: Project) -> list[Path]:
    """Return the bundled data files, without the datasheets."""
    files = sorted(path for path in (project.root / "data").rglob("*") if path.is_file())
    return [path for path in files if path.suffix != ".md"]


def _pins(project: Project, source: Path) -> dict[str, str]:
    """Return the pinned versions of the libraries that a notebook imports."""
    libraries = imported_libraries([source, *import_closure([source], project.source)])
    pinned = pinned_versions(project)
    return {name: pinned[name] for name in libraries if name in pinned}


def declared_figures(source: Path) -> list[str]:
    """Return the names of the files of all figures and tables of a notebook."""
    calls = _first_arguments(source, position=1)
    kinds = {"show_figure": FIGURE_FILES, "show_table": TABLE_FILES}
    return [
        f"{_literal(label, source)}{ending}"
        for call, endings in kinds.items()
        for label in calls.get(call, [])
        for ending in endings
    ]


def _groups(calls: dict[str, list[ast.expr]], which: tuple[str, ...], source: Path) -> list[str]:
    names = [_literal(name, source) for call in which for name in calls.get(call, [])]
    return sorted({f"results/{name.partition('/')[0]}" for name in names})


def _literal(node: ast.expr, source: Path) -> str:
    """Return a string literal, or the text before the first variable of an f-string."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]) if "/" in text:
            return text
    raise RunError(
        f"{source.name}, {ast.unparse(node)!r}: write labels, and the group of a run as in "
        "f'group/{name}', as string literals, so that the pipeline can find the inputs and outputs"
    )


def _first_arguments(source: Path, position: int = 0) -> dict[str, list[ast.expr]]:
    """Return the argument at `position` of all calls, by the plain name of the function."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.setdefault(node.func.id, []).extend(node.args[position : position + 1])
    return found


def _relative(project: Project, paths: list[Path]) -> list[str]:
    # The package of a small test project lies outside of its root.
    return [
        path.relative_to(project.root).as_posix()
        for path in paths
        if path.is_relative_to(project.root)
    ]


def _check_owners(stages: dict[str, dict[str, Any]]) -> None:
    owners: dict[str, str] = {}
    for name, stage in stages.items():
        for out in (path for entry in stage["outs"] for path in entry):
            if out in owners:
                raise RunError(
                    f"{out} is written by {owners[out]} and by {name}: give one of them another "
                    "name, or load the run there with load_run"
                )
            owners[out] = name
