"""Runs on data that may not be shipped: found by their name and settings, never made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.store import Run, RunStore
from wholescript.experiments.workspace import Workspace

OF_MACHINE = ("bfloat16",)
"""Settings that a machine decides."""
OF_TEXTS = ("n_unlabelled",)
"""Settings that only the texts tell."""


@dataclass(frozen=True)
class StoredDataset:
    """A data set whose texts are not here, only runs on it; they are called `<name>/...`."""

    name: str


def find_published(workspace: Workspace, name: str, settings: Mapping[str, Any]) -> Run:
    """Return the published run of that name, and note its use.

    Raises:
        RunError: there is none, or it has other settings.
    """
    run = RunStore(workspace.project.root / "results").find(name)
    if run is None:
        raise RunError(
            f"results/ has no run {name}, and it cannot be made without its texts: give another "
            "source, such as source=local with a path"
        )
    if changes := changed_settings(run.settings, settings, ignored=(*OF_MACHINE, *OF_TEXTS)):
        raise RunError(f"the stored run {name} has other settings ({'; '.join(changes)})")
    workspace.used[name] = run.key
    return run


def changed_settings(
    theirs: Mapping[str, Any], ours: Mapping[str, Any], *, ignored: tuple[str, ...] = OF_MACHINE
) -> list[str]:
    """Return the differences of two settings in words; a setting that one side lacks is none."""
    left, right = flat(theirs), flat(ours)
    return [
        f"{setting}={left[setting]!r} there, {right[setting]!r} here"
        for setting in sorted(left.keys() & right.keys())
        if setting.rpartition(".")[2] not in ignored and left[setting] != right[setting]
    ]


def flat(settings: Mapping[str, Any], outer: str = "") -> dict[str, Any]:
    """Return settings without nesting, each by its dotted name."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{outer}{name}.")
        else:  # a tuple is a list after a round trip through JSON
            found[f"{outer}{name}"] = list(value) if isinstance(value, tuple) else value
    return found
