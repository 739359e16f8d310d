"""The directives of tables as pages have them: what a page shows is read from the page."""

import re
from dataclasses import dataclass
from pathlib import Path

from wholescript.errors import RunError

_DIRECTIVE = re.compile(r"^:::+\{([\w-]+)\}(.*)\n((?::\w+:.*\n)*)", re.MULTILINE)
_OPTION = re.compile(r"^:(\w+): *(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Directive:
    """A directive of a page: its name, what follows it, and its options."""

    name: str
    argument: str
    options: dict[str, str]


def read_directives(page: Path) -> list[Directive]:
    """Return the directives of a page, in their order."""
    found = _DIRECTIVE.findall(page.read_text(encoding="utf-8"))
    return [
        Directive(name, arg.strip(), dict(_OPTION.findall(lines))) for name, arg, lines in found
    ]


def find_directive(page: Path, label: str) -> Directive:
    """Return the directive with a label; raise RunError if the page has none."""
    if page.is_file():
        for directive in read_directives(page):
            if directive.options.get("label") == label:
                return directive
    raise RunError(f"{page.name} has no table with the label {label!r}")
