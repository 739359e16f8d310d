"""How help texts look: names of options and examples are never broken, defaults are as typed."""

import math
import re
from collections.abc import Sequence
from typing import Any

from cyclopts.help import ColumnSpec, DefaultFormatter, DescriptionRenderer, HelpEntry, NameRenderer
from cyclopts.help.specs import AsteriskColumn
from rich.console import Console, ConsoleOptions
from rich.text import Text

NAME_SHARE = 0.35  # largest part of the width for the names, unless one needs more
EXAMPLE = re.compile(r"(?<=: )`(wholescript [^`]+)`")


class HelpFormatter(DefaultFormatter):
    """The formatter of Cyclopts, with columns as wide as names, and examples on their own line."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: Any) -> None:
        """Print the panel of a group."""
        columns = None if panel.format == "command" else _columns
        DefaultFormatter(column_specs=columns)(console, options, panel)

    def render_description(
        self, console: Console, options: ConsoleOptions, description: Any
    ) -> None:
        """Print the text of a command; what is in an example is not wrapped."""
        text = getattr(description, "primary_renderable", None)
        if not isinstance(text, Text):
            return
        for line in EXAMPLE.sub(r"\n  \1\n", text.plain).splitlines():
            is_example = line.startswith("  wholescript ")
            shown = line if is_example else line.strip(" ")
            console.print(Text(shown), soft_wrap=is_example)
        console.print()


def _columns(
    console: Console, options: ConsoleOptions, entries: Sequence[HelpEntry]
) -> tuple[ColumnSpec, ...]:
    words = [word for entry in entries for label in entry.display_labels for word in label.split()]
    width = max([math.ceil(console.width * NAME_SHARE), *map(len, words)])
    columns = (
        ColumnSpec(renderer=NameRenderer(max_width=width), style="cyclopts.name", max_width=width),
        ColumnSpec(renderer=DescriptionRenderer(), overflow="fold"),
    )
    return (AsteriskColumn, *columns) if any(entry.required for entry in entries) else columns


def as_typed(default: Any) -> Any:
    """Return a default as a user would type it; None, so that none is shown, for an empty one."""
    if default is None or default in ("", ()):
        return None
    if isinstance(default, tuple | list):
        return ", ".join(str(as_typed(one)) for one in default)
    return str(default).lower() if isinstance(default, bool) else str(default)


def pair_as_typed(default: Any) -> Any:
    """Return the default of an option that takes several values at once."""
    return " ".join(map(str, default)) if default else None
