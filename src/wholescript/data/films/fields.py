"""The input of a model: the script of a film, its summary, its title, or all of them joined."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from wholescript.errors import ParameterError, did_you_mean

FIELDS = ("title", "summary", "script")
"""The fields that `all` joins, in this order, so that the short ones stand in the first chunk."""
INPUTS = ("script", "summary", "title", "all")
SEPARATOR = b"\n\n"  # an empty line between two fields

ReadRow: TypeAlias = Callable[[int], bytes]
"""A function that returns the UTF-8 bytes of a row of a source, empty where there is no text."""


def fields_of(name: str) -> tuple[str, ...]:
    """Return the fields that one of `INPUTS` names, in the order of `FIELDS`.

    Raises:
        ParameterError: there is no such input; the message suggests the nearest name.
    """
    if name not in INPUTS:
        raise ParameterError(f"fields={name!r} is unknown{did_you_mean(name, INPUTS)}")
    return FIELDS if name == "all" else (name,)


def read_joined(readers: Mapping[str, ReadRow]) -> ReadRow:
    """Return a function that reads the given fields of a row, joined by `SEPARATOR`.

    An empty title or summary is left out. Without its last field, which is the script if that is
    among the fields, a row is empty: it is then refused as a film without a text.
    """
    ordered = [readers[name] for name in FIELDS if name in readers]

    def read(row: int) -> bytes:
        parts = [one(row) for one in ordered]
        return SEPARATOR.join(part for part in parts if part.strip()) if parts[-1].strip() else b""

    return ordered[0] if len(ordered) == 1 else read
