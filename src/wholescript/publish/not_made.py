"""The stored runs that a rerun did not make: why not, and the command that would."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wholescript.data.datasets import BUNDLED
from wholescript.experiments.environment import is_gpu
from wholescript.experiments.registry import dataset_display_name
from wholescript.experiments.results import Results
from wholescript.project import Project
from wholescript.publish.parameters import published_parameters
from wholescript.publish.provenance.read import read_records

RERUN, RUN = "wholescript notebook rerun", "wholescript notebook run"


@dataclass
class NotMade:
    """Stored runs of a notebook that were not made for one reason, and the command that would.

    `hours` is the time that their trainings took.
    """

    notebook: str
    reason: str
    command: str
    n_runs: int = 0
    n_metrics: int = 0
    hours: float = 0.0


def list_not_made(
    project: Project,
    made: Collection[str],
    executed: Mapping[str, Mapping[str, Any]],
    left_out: Mapping[str, int],
) -> list[NotMade]:
    """Return the stored runs that are not among `made`, in groups.

    `executed` has the changed parameters of each notebook of the rerun, `left_out` the minutes of
    each that was not executed for its length. A run that a command made belongs to the first
    notebook that shows it.
    """
    stored = Results(project.root / "results")
    shown = _shown_runs(project.root / "figures")
    groups: dict[tuple[str, str, str], NotMade] = {}
    for run in stored.names():
        config = stored.config(run)
        notebook = config.get("notebook") or shown.get(run, "")
        if run in made or notebook not in {*executed, *left_out}:
            continue
        changed = executed.get(notebook, {})
        reason, command = _reason(project, run, config, notebook, changed)
        if notebook in left_out and config.get("notebook"):
            minutes = left_out[notebook]
            reason = f"takes {minutes} minutes more"
            command = f"{RERUN} {notebook}"
        group = groups.setdefault((notebook, reason, command), NotMade(notebook, reason, command))
        metrics = stored.metrics(run)
        seconds = metrics["train_seconds"].value if "train_seconds" in metrics else 0.0
        group.n_runs += 1
        group.n_metrics += len(metrics)
        if config["experiment"] != "notebook":  # else of runs that are counted themselves
            group.hours += (config.get("wall_time_s") or seconds) / 3600
    return [groups[key] for key in sorted(groups)]


def _reason(
    project: Project,
    run: str,
    config: Mapping[str, Any],
    notebook: str,
    changed: Mapping[str, Any],
) -> tuple[str, str]:
    published = published_parameters(project, notebook)
    scale = published.get("scale")
    local = f"{RUN} {notebook} -p source local -p path PATH -p scale {scale}"
    if published.get("source") != "stored":
        if changed:
            return f"published with scale={scale}", f"{RERUN} {notebook} --scale {scale}"
        return "its texts are not in the repository", local
    if config["experiment"] == "notebook":
        return "summary of stored runs", f"{RUN} {notebook}"
    dataset = config.get("dataset") or run.partition("/")[0]
    device = str(config.get("device") or "")
    by_gpu = f"; trained on {device}" if device and is_gpu(device) else ""
    if dataset not in BUNDLED:
        name = dataset_display_name(dataset)
        return f"the texts of {name} are not in the repository{by_gpu}", local
    if changed.get("scale", scale) != scale:
        return f"made at scale={scale}, in hours{by_gpu}", f"{RERUN} {notebook} --scale {scale}"
    return (
        f"left out by the notebook, which says why{by_gpu}",
        f"make encoder && {RERUN} {notebook} --scale {scale}",
    )


def _shown_runs(figures: Path) -> dict[str, str]:
    """Return the first notebook that has a figure or table of each run."""
    shown: dict[str, str] = {}
    for record in sorted(read_records(figures).values(), key=lambda record: record["folder"]):
        for run in record["runs"]:
            shown.setdefault(run, record["folder"].name)
    return shown
