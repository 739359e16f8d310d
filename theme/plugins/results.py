#!/usr/bin/env -S python3 -I -S
"""MyST plugin: roles that insert stored results into pages.

    {result}`evaluation/tfidf-logistic:auc`              0.751
    {result}`evaluation/tfidf-logistic:auc|.2f`          0.75     any Python format
    {result}`evaluation/tfidf-logistic:auc|interval`     0.751 (0.710 to 0.791)
    {result}`evaluation/tfidf-logistic:seconds|.0f|s`    12 s     with a unit
    {result}`encoder/encoder:train_seconds|duration`     55 minutes, seconds in a fitting unit
    {result}`encoder/encoder:train_seconds|time`         55 min   the same, for a table
    {result}`encoder/encoder:parameters|compact`         5.72 M   a large number
    {difference}`evaluation/stacking - evaluation/tfidf-logistic:auc`    +0.024, paired difference
    {fixed}`95%`                                         a constant, not a result
    {claim}`TF-IDF ranks better <tfidf-beats-mean>`      a claim, by name

The part before the colon is a run in results/, the part after it one of its metrics. `low` and
`high` show one bound. An interval has more decimals where a number would be shown as -0.00, or a
bound like the estimate; that of a difference of equal predictions is "exactly 0". An unknown run,
metric or format fails the build.

Directives insert tables, with a number, a caption and a label (`wholescript.publish.tables`):

    :::{results} classifiers/banking77-*
    :label: table-banking77-results
    :metric: accuracy
    :baseline: classifiers/banking77-tfidf-svm
    The caption.
    :::

`{datasets} banking77 ag_news`, `{licences}` and `{models} classifiers/banking77-*` have no options
but the label, `{overview}` and `{film-columns}` have no names either. Numbers in tables are roles,
which link to their runs.

mystmd starts this file once per page, so it imports little and no site packages. The roles and
tables are declared in roles.mjs. The transform also keeps the alt text of embedded figures, which
mystmd drops, and names with letters beyond ASCII or with spaces, which mystmd does not find.
"""

import itertools
import json
import re
import sys
from functools import partial
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

from wholescript.errors import RunError  # noqa: E402
from wholescript.experiments.results import Metric, Results, difference_name  # noqa: E402
from wholescript.number_format import (  # noqa: E402
    EXACTLY_ZERO,
    NO_BREAK,
    compact,
    duration,
    interval_format,
    unsigned_zero,
)
from wholescript.publish.tables.directives import make_table  # noqa: E402

UNITS = {"duration": partial(duration, in_full=True), "time": duration, "compact": compact}
"""Formats besides those of Python, with a unit."""

SPECIFICATION = {
    "name": "Whole Script results",
    "directives": [{"name": "claims", "doc": "All claims of the report with their evidence."}],
    "transforms": [
        {
            "name": "results",
            "doc": "Fills in roles and tables; keeps alt texts of figures, and names as written.",
            "stage": "document",
        }
    ],
}


def fill(tree: dict, results: Results) -> dict:
    """Replace each placeholder of `roles.mjs` by its table or role, or by an error node."""
    for node in tree.get("children", []):
        if "table" in (data := node.get("data") or {}):
            try:
                node.update(make_table(data["table"], data["arg"], data["options"], results))
                del node["data"]
                keep_intervals(fill(node, results))
            except RunError as error:
                wanted = f"{{{data['table']}}} {data['arg']}".strip()
                node.update(span("error", f"[{wanted}]", {"message": str(error)}))
        elif "role" in (data := node.get("data") or {}):
            try:
                node.update(render_role(data["role"], data["body"], results))
            except RunError as error:
                role = f"{{{data['role']}}}`{data['body']}`"
                node.update(span("error", f"[{role}]", {"message": str(error)}))
        fill(node, results)
    return tree


def keep_intervals(tree: dict) -> None:
    """Let the lines of a narrow cell break before the interval of a number, not within it."""
    for node in tree.get("children", []):
        if node.get("class") == "result":
            for child in node["children"]:
                child["value"] = child["value"].replace(
                    " to ", "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}"
                )
        keep_intervals(node)


def render_role(name: str, body: str, results: Results) -> dict:
    """Return the node of one role.

    Raises:
        RunError: the run, metric or claim does not exist, or the body has a wrong form.
    """
    if name == "fixed":
        return span("fixed", body, {})
    if name == "claim":
        match = re.fullmatch(r"(.+?)\s*<([\w-]+)>", body.strip(), re.DOTALL)
        if match is None:
            raise RunError(f"{body!r} is not of the form: text <name of the claim>")
        return span("claim", match[1], {"claim": match[2]})
    reference, *formats = body.strip().split("|")
    if name == "difference":
        reference = difference_name(reference)
        return span("result", show(results.difference(reference), formats, sign="+"), {name: body})
    return span("result", show(results.metric(reference), formats), {name: body})


def show(metric: Metric, formats: list[str], sign: str = "") -> str:
    """Return a number as text; `formats` are the parts of the body after the reference."""
    part = formats[0] if formats and formats[0] in ("interval", "low", "high") else "value"
    rest = formats[part != "value" :]
    if len(rest) > 2:
        raise RunError(f"at most one format and one unit, got {' and '.join(rest)}")
    spec = rest[0] if rest else f"{sign}.3f"
    unit = f"{NO_BREAK}{rest[1]}" if len(rest) > 1 else ""
    if part != "interval":
        return number(getattr(metric, part), spec, part) + unit
    bounds = metric.value, metric.low, metric.high
    if sign and not any(bounds):  # a difference of models that predict the same
        return EXACTLY_ZERO
    if None not in bounds and spec not in UNITS:
        spec = interval_format(spec, *bounds)
    low, high = number(metric.low, spec, "low"), number(metric.high, spec, "high")
    return f"{number(metric.value, spec)} ({low} to {high}){unit}"


def number(value: float | None, spec: str, part: str = "value") -> str:
    """Return a number in a Python format or one of `UNITS`, with a minus sign (U+2212)."""
    if value is None:
        raise RunError(f"this metric has no {part!r}")
    try:
        shown = UNITS[spec](value) if spec in UNITS else format(value, spec)
        return unsigned_zero(shown).replace("-", "\N{MINUS SIGN}")
    except ValueError as error:
        raise RunError(str(error)) from None


def span(kind: str, text: str, data: dict[str, str]) -> dict:
    """Return an inline node with class and data for the theme; other themes show its text."""
    return {
        "type": "span",
        "class": kind,
        "data": data,
        "children": [{"type": "text", "value": text}],
    }


def keep_alt(tree: dict) -> dict:
    """Copy the alt text of an image that embeds a cell to the enclosing figure."""
    for child in tree.get("children", []):
        alt = child.get("alt")
        by_author = alt and not child.get("data", {}).get("altTextIsAutoGenerated")
        if child["type"] == "image" and child.get("url", "").startswith("#") and by_author:
            holder = tree if tree["type"] == "container" else child
            holder.setdefault("data", {})["alt"] = alt
        keep_alt(child)
    return tree


def keep_names(tree: dict) -> dict:
    """Undo the percent-encoding of pictures and references, and apply labels beyond ASCII."""
    children = tree.get("children", [])
    for child, following in itertools.zip_longest(children, children[1:]):
        url = child.get("url") or ""
        path, mark, label = url.partition("#")
        if url and not re.match(r"\w+:|//", url):  # elsewhere the encoded name is the right one
            path = unquote(path) if child["type"] == "image" else path
            child["url"] = path + mark + unquote(label)
        named = re.fullmatch(r"\(([^()]+)\)=", text_of(child))
        if named and child["type"] == "paragraph":
            name = "-".join(named[1].split())
            if following is None or name != named[1]:
                message = f"this labels nothing: write ({name})= right before what it labels"
                error = span("error", named[0], {"message": message})
                child["children"] = [error | {"position": child.get("position", {})}]
                continue
            following.update(label=name, identifier=name.lower(), html_id=name.lower())
            following.pop("implicit", None)
            child.update(type="comment", value="", children=[])
        keep_names(child)
    return tree


def text_of(node: dict) -> str:
    """Return the text of a node whose children are all texts; "" for others."""
    children = node.get("children", [])
    plain = all(child["type"] == "text" for child in children)
    return "".join(child["value"] for child in children) if plain else ""


def main(arguments: list[str]) -> int:
    """Print the specification, or the result of a directive or of the transform, for mystmd."""
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    if not arguments:
        print(json.dumps(SPECIFICATION))
    elif arguments[0] == "--transform":
        tree = keep_names(keep_alt(json.load(sys.stdin)))
        print(json.dumps(fill(tree, Results(ROOT / "results"))))
    else:
        print(json.dumps([{"type": "div", "class": arguments[1], "children": []}]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
