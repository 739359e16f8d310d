#!/usr/bin/env -S python3 -I
"""MyST plugin: the directive `citation`, which says how to cite the report.

    :::{citation}
    :::

It writes the reference and a BibTeX entry, both made from `CITATION.cff`, so that author, title,
version and date are typed once.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

SPECIFICATION = {
    "name": "Whole Script citation",
    "directives": [{"name": "citation", "doc": "The reference of this report, and its BibTeX."}],
}
_LATEX = {character: f"\\{character}" for character in "&%$#_"}


def reference(cff: dict[str, Any]) -> str:
    """Return the reference as one line of text."""
    parts = [
        f"{', '.join(map(_name, cff['authors']))} ({_year(cff)})",
        cff["title"],
        f"Version {cff['version']}",
        _url(cff),
    ]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def bibtex(cff: dict[str, Any]) -> str:
    """Return the BibTeX entry; `misc` is an entry type of every style."""
    authors = " and ".join(
        _name(author) if "family-names" in author else f"{{{author['name']}}}"
        for author in cff["authors"]
    )
    fields = {
        "author": authors,
        "title": f"{{{cff['title']}}}",
        "year": _year(cff),
        "note": f"Version {cff['version']}",
        "url": _url(cff),
    }
    name = re.sub(r"\W+", "", cff["title"].partition(":")[0]).lower()
    lines = [
        f"  {key:<6} = {{{value if key == 'url' else _escaped(value)}}},"
        for key, value in fields.items()
        if value
    ]
    return "\n".join([f"@misc{{{name}{_year(cff)},", *lines, "}"])


def nodes(cff: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes of the directive."""
    # A span of this class holds constants: its version number is no result.
    constant = {
        "type": "span",
        "class": "fixed",
        "data": {},
        "children": [{"type": "text", "value": reference(cff)}],
    }
    return [
        {"type": "paragraph", "children": [constant]},
        {"type": "code", "lang": "bibtex", "value": bibtex(cff)},
    ]


def _name(author: dict[str, str]) -> str:
    if "family-names" not in author:
        return author["name"]
    return f"{author['family-names']}, {author['given-names']}"


def _year(cff: dict[str, Any]) -> str:
    return str(cff["date-released"])[:4]


def _url(cff: dict[str, Any]) -> str:
    return str(cff.get("repository-code") or cff.get("url") or "")


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def main(arguments: list[str]) -> int:
    """Print the specification, or the nodes of the directive, for mystmd."""
    if not arguments:
        print(json.dumps(SPECIFICATION))
    else:
        cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
        print(json.dumps(nodes(cff)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
