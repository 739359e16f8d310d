"""A stored run is made anew by the same settings alone: another one needs a name of its own."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from wholescript.errors import ParameterError
from wholescript.report.runs import RunStore


def refuse_to_replace(
    store: RunStore, name: str, config: Mapping[str, Any], parts: Sequence[str]
) -> None:
    """Let a run be made anew after a change of code or data, and not after one of settings.

    `parts` of a run's configuration hold settings; one that either side does not know is no change.

    Raises:
        ParameterError: a run of this name has other settings, which the message names.
    """
    there = store.find(name)
    if there is None:
        return
    wanted = json.loads(json.dumps({part: config[part] for part in parts}))
    changes = [
        f"{setting}={theirs[setting]!r} there, {ours[setting]!r} here"
        for part in parts
        for theirs, ours in [(_flat(there.config[part]), _flat(wanted[part]))]
        for setting in theirs.keys() & ours.keys() - {"bfloat16"}
        if theirs[setting] != ours[setting]
    ]
    if changes:
        raise ParameterError(
            f"{name} was trained with other settings ({'; '.join(sorted(changes))}): it would be "
            "replaced; give this one a name of its own with --name"
        )


def _flat(settings: Mapping[str, Any], outer: str = "") -> dict[str, Any]:
    """Return settings without nesting, those within others by both names."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        inner = isinstance(value, Mapping)
        found |= _flat(value, f"{outer}{name}.") if inner else {f"{outer}{name}": value}
    return found
