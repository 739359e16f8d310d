"""Provenance shown on pages: results, provenance records, runs and claims."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from markupsafe import Markup

from wholescript.errors import RunError
from wholescript.experiments.results import Results, difference_name
from wholescript.publish.claims import Claim, evaluate_claims
from wholescript.publish.provenance.read import edited_files, read_plots, read_records
from wholescript.publish.series import series_csv

from .diagnostics import Diagnostics

# A number that may be a result: a decimal, a percentage, a factor, or one after a metric name.
_LITERAL = re.compile(
    r"(?<![\w.])\d[\d,.]*\s?(?:%|percent\b|points?\b|times\b)"
    "|(?<![\\w.,/-])[+\N{MINUS SIGN}\N{PLUS-MINUS SIGN}-]?"
    r"\d[\d,]*\.\d+(?![\w.]*\d)"
    r"|\b(?:AUC|AP|ECE|F1|MCC|accuracy|precision|recall|loss|perplexity)\b"
    r"\s+(?:is|was|of|at|reaches|ends at)?\s*\d[\d.,]*"
)
# In a formula: what stands between a number and its end, powers of ten, and commands with a number.
_TEX_SPACE = re.compile(r"\\(?:[ ,;:!]|q?quad\b|left\b|right\b)|[~{}]")
_TEX_POWER = re.compile(r"\\(?:times|cdot)\s*10\s*\^\s*[+-]?\d+|[\^_]\s*[+-]?[\d.]+")
_TEX_TEXT = re.compile(r"\\(?:text\w*|mbox|mathrm|operatorname)\s*\{([^{}]*)\}")
_TEX_UNIT = re.compile(r"\s*(?:[mn]?s|min|h|[kMG]i?B|nats?|bits?|points?|\\?%|)\s*")
_TEX_RELATION = re.compile(
    r"\\(?:approx|[lg]eq?|[lg]t|simeq|sim|equiv|cong|neq?|in|ll|gg|to|pm)\b"
    "|[=<>\N{ALMOST EQUAL TO}\N{LESS-THAN OR EQUAL TO}\N{GREATER-THAN OR EQUAL TO}]"
)
_DECIMAL = r"[+\N{MINUS SIGN}-]?(?:\d[\d,]*)?\.\d+"
_STATED_DECIMAL = re.compile(rf"(?:^|=)[\s(\[]*({_DECIMAL})\s*(?=$|[=;)\]]|,(?!\d))")


@dataclass(frozen=True)
class RunRef:
    """The name and config of the run that a number comes from."""

    run: str
    config: dict[str, Any]


class Evidence:
    """The results, figures and claims of the project at `root`."""

    def __init__(self, root: Path, diagnostics: Diagnostics) -> None:
        self._root = root
        self._diagnostics = diagnostics
        self._plots_by_folder: dict[Path, dict[str, Any]] = {}
        self.results = Results(root / "results")

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """All evaluated claims by name; a claims.py that fails is an error."""
        try:
            return evaluate_claims(self._root)
        except RunError as error:
            self._diagnostics.add("report/claims.py", None, str(error))
            return {}

    @cached_property
    def records(self) -> dict[str, dict[str, Any]]:
        """The provenance record of each figure and table by label; an edited file is an error."""
        try:
            records = read_records(self._root / "figures")
            for folder in sorted({record["folder"] for record in records.values()}):
                for _, message in edited_files(folder):
                    self._diagnostics.add(f"figures/{folder.name}", None, message)
        except RunError as error:
            self._diagnostics.add("figures", None, str(error))
            return {}
        return records

    def files(self, label: str) -> dict[str, bytes]:
        """Return the files of a figure or table by ending; `.csv` has the series of a figure."""
        if label not in self.records:
            return {}
        folder = self.records[label]["folder"]
        paths = {e: folder / f"{label}{e}" for e in (".svg", ".dark.png", ".csv")}
        files = {ending: path.read_bytes() for ending, path in paths.items() if path.is_file()}
        if plotted := self._plots(folder).get(label):
            files[".csv"] = series_csv(plotted).encode()
        return files

    def _plots(self, folder: Path) -> dict[str, Any]:
        if folder not in self._plots_by_folder:
            self._plots_by_folder[folder] = read_plots(folder)
        return self._plots_by_folder[folder]

    def run_refs(self, data: dict[str, str]) -> list[RunRef]:
        """Return the run that a number comes from; two for a difference."""
        if reference := data.get("difference"):
            runs, _, _ = difference_name(reference.split("|")[0]).rpartition(":")
            names = runs.split(" - ")
        else:
            names = [data["result"].split("|")[0].partition(":")[0]]
        return [RunRef(name.strip(), self.results.config(name.strip())) for name in names]


def find_unbound_number(text: str) -> str | None:
    """Return the first number of a text that looks like a result; None if there is none."""
    match = _LITERAL.search(text)
    return match[0].strip() if match else None


def find_unbound_number_in_formula(tex: str) -> str | None:
    """Return the first number of a formula that looks like a result; None if there is none.

    That is a percentage, a decimal that is one side of a relation, as in `p = 0.734`, or that is
    all of the formula, and a number in the words of a formula. A coefficient is none.
    """
    for words in _TEX_TEXT.findall(tex):
        if literal := find_unbound_number(words.replace("\\%", "%")):
            return literal
    plain = re.sub(r"\{([^\w\\])\}", r"\1", tex)  # {+}0.2 and 1{,}000
    plain = _TEX_TEXT.sub(_without_unit, plain)
    plain = re.sub(r"\\(?:mathbf|mathit|boldsymbol|underline)\b", "", plain)
    plain = _TEX_SPACE.sub(" ", plain.replace("\\%", "%"))
    if percentage := re.search(r"[+\N{MINUS SIGN}-]?\s*\d[\d,.]*\s*%", plain):
        return percentage[0]
    sides = _TEX_RELATION.sub("=", _TEX_POWER.sub("", plain)).strip()
    numbers = [side for side in sides.split("=") if not re.search(r"[^\W\d_]|\\", side)]
    for side in numbers:
        if literal := re.search(_DECIMAL, side):
            return literal[0]
    stated = _STATED_DECIMAL.search(sides)
    return stated[1] if stated else None


def _without_unit(text: re.Match[str]) -> str:
    """Return what stands for a text in a formula: nothing for a unit, a letter for a name."""
    if not _TEX_UNIT.fullmatch(text[1]):
        return " x "
    return "%" if "%" in text[1] else ""


def provenance_rows(provenance: dict[str, Any]) -> list[tuple[str, Markup]]:
    """Return the (term, description) pairs of a provenance record."""
    data = provenance["data"]
    rows = [
        ("Command", _code(provenance["command"])),
        ("Parameters", _pairs(provenance["parameters"], "=")),
        ("Device", Markup("{}, {} s").format(provenance["device"], provenance["wall_time_s"])),
        ("Code", Markup("{}").format(short(provenance["code"]))),
        ("Versions", _pairs(provenance["versions"], " ")),
    ]
    if data:
        text = Markup("{}, {}, fingerprint {}")
        fields = data["source"], data["location"], short(data["fingerprint"])
        rows.insert(2, ("Data", text.format(*fields)))
    if provenance["runs"]:
        runs = {name: short(key) for name, key in provenance["runs"].items()}
        rows.insert(2 + bool(data), ("Runs", _foldable(f"{len(runs)}", "keys", runs)))
    return rows


def short(digest: str) -> str:
    """Return the first 12 characters of a hash."""
    return digest[:12]


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(text)


def _pairs(values: dict[str, Any], mark: str) -> Markup:
    shown = (f"{name}{mark}{value}" for name, value in values.items() if value != "")
    return Markup(", ").join(map(_code, shown))


def _foldable(head: str, title: str, values: dict[str, str]) -> Markup:
    items = Markup("").join(
        Markup("<li><code>{}</code> {}</li>").format(name, value) for name, value in values.items()
    )
    return Markup("{} <details><summary>{}</summary><ul>{}</ul></details>").format(
        head, title, items
    )
