"""Write figures and tables with their provenance."""

import itertools
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wholescript.experiments.environment import commit_of, device_name
from wholescript.files import write_atomic
from wholescript.publish.normalize import cell_id
from wholescript.publish.notebook import Notebook
from wholescript.publish.provenance.embedded import IMAGE_SUFFIXES, content_hash, embed_provenance
from wholescript.publish.provenance.read import (
    FILE,
    PLOTS,
    read_json,
    read_plots,
    sha256,
    to_json,
)

KEY_LENGTH = 12  # of the key of a run, in records


def write_output(
    notebook: Notebook,
    label: str,
    kind: str,
    contents: Mapping[str, bytes],
    plotted: Mapping[str, Any] | None = None,
    *,
    display_only: str = "",
) -> dict[str, bytes]:
    """Write `figures/<notebook>/<label><ending>` for each of `contents`, and their provenance.

    `kind` is `figure` or `table`; `plotted` goes to `plots.json`. What has the ending
    `display_only` is not written, because the executed notebook holds it. Images get an embedded
    record. Returns the contents as written, by ending.

    If content, parameters, data and runs equal those of the stored provenance, that is kept: an
    equal execution changes no byte, whatever its code, commit, device or time.
    """
    about = embedded_record(notebook, label, kind)
    written = {
        e: _with_record(content, Path(label + e).suffix, about) for e, content in contents.items()
    }
    for ending, content in written.items():
        if ending != display_only:
            write_atomic(notebook.figures / f"{label}{ending}", content)
    files = {label + ending: sha256(content) for ending, content in sorted(written.items())}
    if plotted is not None:
        files[PLOTS] = sha256(to_json(plotted).encode())
        plots = read_plots(notebook.figures) | {label: plotted}
        write_atomic(notebook.figures / PLOTS, plots_json(plots))
    entry = {"kind": kind, "cell": about["cell"], "runs": len(notebook.used), "files": files}
    _write_entry(notebook, label, entry)
    return written


def embedded_record(notebook: Notebook, label: str, kind: str) -> dict[str, Any]:
    """Return what an image says about itself: nothing that differs if it is made again."""
    return {
        "label": label,
        "kind": kind,
        "cell": cell_id(notebook.name, label),
        **_inputs(notebook),
        "runs": dict(sorted(short_keys(notebook.used).items())),
    }


def short_keys(runs: Mapping[str, str]) -> dict[str, str]:
    """Return the first characters of the keys of runs."""
    return {name: key[:KEY_LENGTH] for name, key in runs.items()}


def remove_outputs(folder: Path, kept: set[str]) -> None:
    """Delete the figures and tables of a notebook that it no longer makes."""
    path = folder / FILE
    if not path.exists():
        return
    provenance = read_json(path)
    for label in sorted(provenance["outputs"].keys() - kept):
        for name in provenance["outputs"].pop(label)["files"]:
            if name != PLOTS:
                (folder / name).unlink(missing_ok=True)
        write_atomic(path, provenance_json(provenance))
        if label in (plots := read_plots(folder)):
            del plots[label]
            write_atomic(folder / PLOTS, plots_json(plots))


def plots_json(plots: Mapping[str, Any]) -> str:
    """Return the content of `plots.json`, with one line per figure."""
    lines = (f"{json.dumps(label)}: {to_json(plots[label])}" for label in sorted(plots))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def provenance_json(provenance: Mapping[str, Any]) -> str:
    """Return the content of `provenance.json`."""
    return json.dumps(provenance, indent=1, ensure_ascii=False) + "\n"


def _with_record(content: bytes, suffix: str, about: Mapping[str, Any]) -> bytes:
    if suffix not in IMAGE_SUFFIXES:
        return content
    return embed_provenance(content, suffix, {**about, "content": content_hash(content, suffix)})


def _inputs(notebook: Notebook) -> dict[str, Any]:
    """Return what determines the output of a notebook, apart from its code and its runs."""
    inputs = {
        "notebook": notebook.name,
        "command": notebook.command,
        "published": notebook.has_published_parameters,
        "parameters": notebook.parameters,
        "data": notebook.data,
    }
    return dict(json.loads(json.dumps(inputs)))  # as stored: tuples become lists


def _write_entry(notebook: Notebook, label: str, entry: dict[str, Any]) -> None:
    path = notebook.figures / FILE
    stored = read_json(path) if path.exists() else {"outputs": {}, "runs": {}}
    inputs, runs = _inputs(notebook), short_keys(notebook.used)
    # Earlier figures of this execution are part of what is stored: compare as many runs as now.
    stored_runs = dict(itertools.islice(stored["runs"].items(), len(runs)))
    equal = stored_runs == runs and stored["outputs"].get(label) == entry
    if equal and not notebook.changed and stored | inputs == stored:
        return
    notebook.changed = True
    outputs = stored["outputs"] | {label: entry}
    facts = {
        "commit": commit_of(notebook.project.root),
        "code": notebook.code,
        "versions": notebook.versions,
        "device": device_name(),
        "wall_time_s": round(time.perf_counter() - notebook.started, 1),
    }
    provenance = {**inputs, **facts, "runs": runs, "outputs": dict(sorted(outputs.items()))}
    write_atomic(path, provenance_json(provenance))
