"""Settings that came after runs were stored: at their default they are not stored, so keys stay."""

from dataclasses import Field
from typing import Any, Literal

OMIT_AT_DEFAULT = {"omit_at_default": True}
"""Metadata of such a field."""

ClassWeight = Literal["balanced"] | None


def is_omitted(setting: "Field[Any]", value: Any) -> bool:
    """Return whether a field is left out of the stored settings because it has its default."""
    return setting.metadata == OMIT_AT_DEFAULT and value == setting.default
