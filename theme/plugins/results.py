#!/usr/bin/env -S python3 -I -S
"""MyST plugin: what prose takes from results/ when the page is built.

    {result}`evaluation/tfidf:auc`                            0.751
    {result}`evaluation/tfidf:auc|.2f`                        0.75     any Python format
    {result}`evaluation/tfidf:auc|interval`                   0.751 (0.71 to 0.79)
    {result}`evaluation/tfidf:seconds|.0f|s`                  12 s     with a unit
    {difference}`evaluation/stack - evaluation/tfidf:auc`     +0.024   of two runs, paired
    {fixed}`95%`                                              a number that is no result
    {claim}`Words rank better <words-lead>`                   a conclusion, checked by name

Before the colon stands a folder of results/, after it a metric of its metrics.json; `low` and
`high` show one bound. An unknown run, metric or format stops the build and names the nearest.

mystmd starts this file once for each page, so it imports little and no site packages. The roles
themselves are declared in roles.mjs. The transform also keeps the alt text of embedded figures,
which mystmd itself drops.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

from wholescript.errors import RunError  # noqa: E402
from wholescript.experiments.results import Metric, Results, difference_name  # noqa: E402

SPECIFICATION = {
    "name": "Whole Script results",
    "directives": [
        {"name": "claims", "doc": "All claims of the report with their evidence."},
        {"name": "trainings", "doc": "What was trained; served, also what is being trained."},
    ],
    "transforms": [
        {
            "name": "results",
            "doc": "Fills in the roles, and keeps the alt text of figures that embed a cell.",
            "stage": "document",
        }
    ],
}


def fill(tree: dict, results: Results) -> dict:
    """Replace what `roles.mjs` left by the node of each role, or by one that says what is wrong."""
    for node in tree.get("children", []):
        if "role" in (data := node.get("data") or {}):
            try:
                node.update(render_role(data["role"], data["body"], results))
            except RunError as error:
                role = f"{{{data['role']}}}`{data['body']}`"
                node.update(span("fault", f"[{role}]", {"message": str(error)}))
        fill(node, results)
    return tree


def render_role(name: str, body: str, results: Results) -> dict:
    """Return the node of one role.

    Raises:
        RunError: what the body names is not there, or the body cannot be read.
    """
    if name == "fixed":
        return span("fixed", body, {})
    if name == "claim":
        match = re.fullmatch(r"(.+?)\s*<([\w-]+)>", body.strip(), re.DOTALL)
        if match is None:
            raise RunError(f"{body!r} is not of the form: the words <name of the claim>")
        return span("claim", match[1], {"claim": match[2]})
    reference, *formats = body.strip().split("|")
    if name == "difference":
        reference = difference_name(reference)
        return span("result", show(results.difference(reference), formats, sign="+"), {name: body})
    return span("result", show(results.metric(reference), formats), {name: body})


def show(metric: Metric, formats: list[str], sign: str = "") -> str:
    """Return a number as text; `formats` is what stands after the reference."""
    part = formats[0] if formats and formats[0] in ("interval", "low", "high") else "value"
    rest = formats[part != "value" :]
    if len(rest) > 2:
        raise RunError(f"one format and one unit at most, got {' and '.join(rest)}")
    whole = isinstance(metric.value, int)
    spec = rest[0] if rest else f"{sign}," if whole else f"{sign}.3f"
    unit = f"\N{NO-BREAK SPACE}{rest[1]}" if len(rest) > 1 else ""
    if part != "interval":
        return number(getattr(metric, part), spec, part) + unit
    # An interval is wider than its second decimal, unless it is that of a difference.
    bounds = spec if rest or sign or whole else ".2f"
    low, high = number(metric.low, bounds, "low"), number(metric.high, bounds, "high")
    return f"{number(metric.value, spec)} ({low} to {high}){unit}"


def number(value: float | None, spec: str, part: str = "value") -> str:
    """Return a number in a Python format, with a real minus sign."""
    if value is None:
        raise RunError(f"this metric was stored without {part!r}")
    try:
        return format(value, spec).replace("-", "\N{MINUS SIGN}")
    except ValueError as error:
        raise RunError(str(error)) from None


def span(kind: str, text: str, data: dict[str, str]) -> dict:
    """Return an inline node that the theme knows by its class and data, and others show as text."""
    return {
        "type": "span",
        "class": kind,
        "data": data,
        "children": [{"type": "text", "value": text}],
    }


def keep_alt(tree: dict) -> dict:
    """Copy the alt text of an image that stands for a cell to the figure around it."""
    for child in tree.get("children", []):
        said = child.get("alt")
        written = said and not child.get("data", {}).get("altTextIsAutoGenerated")
        if child["type"] == "image" and child.get("url", "").startswith("#") and written:
            holder = tree if tree["type"] == "container" else child
            holder.setdefault("data", {})["alt"] = said
        keep_alt(child)
    return tree


def main(arguments: list[str]) -> int:
    """Answer mystmd: the specification, the directive or the transform."""
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    if not arguments:
        print(json.dumps(SPECIFICATION))
    elif arguments[0] == "--transform":
        print(json.dumps(fill(keep_alt(json.load(sys.stdin)), Results(ROOT / "results"))))
    else:
        print(json.dumps([{"type": "div", "class": arguments[1], "children": []}]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
