"""What identifies an experiment: its kind, version, settings and data, and nothing else.

The source code, the commit, the machine and the versions of Python and its libraries are recorded
with a run as metadata. They are no part of its identity, so renaming a function orphans no result.
Whoever changes what an experiment means raises its version.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PARTS = ("experiment", "version", "settings", "data")


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a JSON-able value: keys sorted, no spaces, tuples as lists."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_json(value: Any) -> str:
    """Return the SHA-256, in hex, of `canonical_json(value)`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


@dataclass(frozen=True)
class RunIdentity:
    """What a run is found by: the kind of experiment, its version, its settings and its data.

    `settings` and `data` are JSON-able; `data` holds fingerprints, never the data itself.
    """

    experiment: str
    version: int
    settings: Mapping[str, Any]
    data: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The SHA-256, in hex, of all four parts."""
        return hash_json(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return the four parts by name, as runs.json holds them."""
        parts = {name: getattr(self, name) for name in PARTS}
        return dict(json.loads(canonical_json(parts)))

    def matches(self, config: Mapping[str, Any]) -> bool:
        """Return whether a run with this config is one of this experiment."""
        return all(config.get(name) == value for name, value in self.as_dict().items())
