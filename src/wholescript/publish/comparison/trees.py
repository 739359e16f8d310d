"""Two output roots, each with `results` and `figures`, compared by what they mean."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wholescript.errors import RunError
from wholescript.experiments.results import Metric, Results
from wholescript.publish.claims import FILE, Claim, evaluate_claims
from wholescript.publish.comparison.pictures import compare_images
from wholescript.publish.comparison.plots import compare_plots
from wholescript.publish.comparison.tables import compare_tables
from wholescript.publish.provenance.notebook_state import Change, diff_mappings

IMAGE_COMPARISON_LIMIT = (
    5e-4  # of an axis: about half a pixel, so that pictures can be held against each other
)


@dataclass(frozen=True)
class MetricComparison:
    """A stored metric and the same made again; None where one of the two is missing."""

    run: str
    name: str
    stored: Metric | None
    again: Metric | None

    @property
    def tolerance(self) -> float:
        """How far the two may be apart: what is stored, not what was made again, says it."""
        metric = self.stored or self.again
        return metric.tolerance if metric else 0.0

    @property
    def difference(self) -> float | None:
        """What was made again minus what is stored."""
        if self.stored is None or self.again is None:
            return None
        return self.again.value - self.stored.value

    @property
    def within(self) -> bool:
        """Whether both are there, no further apart than the tolerance."""
        return self.difference is not None and abs(self.difference) <= self.tolerance


@dataclass(frozen=True)
class FigureComparison:
    """A figure or table by label: its picture in each root, if any, and what differs, in words."""

    label: str
    stored: Path | None
    again: Path | None
    differences: list[str]


@dataclass(frozen=True)
class ClaimComparison:
    """A claim that holds in one root and not in the other; None where it is not made."""

    name: str
    statement: str
    stored: bool | None
    again: bool | None

    def __str__(self) -> str:
        """Return the change in words."""
        words = {True: "holds", False: "broken", None: "not made"}
        return f"{words[self.again]}, was {words[self.stored]}"


@dataclass(frozen=True)
class Comparison:
    """All that two roots hold, and in `parameters` and `claims` what of these changed."""

    metrics: list[MetricComparison]
    figures: list[FigureComparison]
    parameters: list[Change]
    claims: list[ClaimComparison]

    @property
    def metrics_out_of_tolerance(self) -> list[MetricComparison]:
        """The metrics that are missing, new or out of their tolerance."""
        return [metric for metric in self.metrics if not metric.within]

    @property
    def figures_changed(self) -> list[FigureComparison]:
        """The figures and tables that differ."""
        return [figure for figure in self.figures if figure.differences]

    @property
    def same(self) -> bool:
        """Whether nothing moved."""
        return not (
            self.metrics_out_of_tolerance or self.figures_changed or self.parameters or self.claims
        )


def compare_outputs(stored: Path, again: Path) -> Comparison:
    """Compare everything that two output roots hold.

    Raises:
        RunError: a stored file is damaged.
    """
    return Comparison(
        list(_metrics(Results(stored / "results"), Results(again / "results"))),
        list(_figures(stored / "figures", again / "figures")),
        list(_parameters(stored, again)),
        list(_claims(stored, again)),
    )


def _metrics(stored: Results, again: Results) -> Iterator[MetricComparison]:
    there = set(stored.names()), set(again.names())
    for run in sorted(there[0] | there[1]):
        old = stored.metrics(run) if run in there[0] else {}
        new = again.metrics(run) if run in there[1] else {}
        for name in dict.fromkeys([*old, *new]):
            yield MetricComparison(run, name, old.get(name), new.get(name))


def _figures(stored: Path, again: Path) -> Iterator[FigureComparison]:
    old, new = _by_label(stored), _by_label(again)
    for label in sorted({*old, *new}):
        endings = old.get(label, set()), new.get(label, set())
        yield FigureComparison(
            label,
            stored / f"{label}.png" if ".png" in endings[0] else None,
            again / f"{label}.png" if ".png" in endings[1] else None,
            list(_differences(label, stored, again, *endings)),
        )


def _by_label(folder: Path) -> dict[str, set[str]]:
    """Return the endings of the files of each figure and table."""
    found: dict[str, set[str]] = {}
    for path in [*folder.glob("fig-*"), *folder.glob("tbl-*")]:
        label, dot, ending = path.name.partition(".")
        found.setdefault(label, set()).add(dot + ending)
    return found


def _differences(
    label: str, stored: Path, again: Path, old: set[str], new: set[str]
) -> Iterator[str]:
    if not (old and new):
        yield "is missing" if old else "is new"
        return
    for endings, word in ((old - new, "missing"), (new - old, "new")):
        if endings:
            yield f"files {word}: {', '.join(sorted(endings))}"
    both = old & new
    if label.startswith("tbl-") and ".csv" in both:
        yield from compare_tables(stored / f"{label}.csv", again / f"{label}.csv")
    if ".json" in both:
        plots = compare_plots(*(_read_json(root / f"{label}.json") for root in (stored, again)))
        yield from plots.differences
        # Points that moved within their tolerance make other pixels, and are meant to.
        if not plots.differences and plots.moved < IMAGE_COMPARISON_LIMIT:
            for picture in sorted(both & {".png", ".dark.png"}):
                yield from compare_images(stored / f"{label}{picture}", again / f"{label}{picture}")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise RunError(f"{path.name} is damaged ({error}): run its notebook again") from None


def _parameters(stored: Path, again: Path) -> Iterator[Change]:
    """Yield what differs in params.yaml, or without one on both sides in what the files name."""
    files = stored / "params.yaml", again / "params.yaml"
    read = _published if all(file.exists() for file in files) else _made_with
    return diff_mappings("parameter", read(stored), read(again))


def _published(root: Path) -> dict[str, Any]:
    sections = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")) or {}
    return {
        f"{s}.{name}": value for s, values in sections.items() for name, value in values.items()
    }


def _made_with(root: Path) -> dict[str, Any]:
    paths = [*root.glob("results/*/*/config.json"), *root.glob("figures/*.passport.json")]
    return {
        f"{made['notebook']}.{name}": value
        for made in map(_read_json, sorted(paths))
        for name, value in made.get("parameters", {}).items()
    }


def _claims(stored: Path, again: Path) -> Iterator[ClaimComparison]:
    old, new = _evaluated(stored), _evaluated(again)
    for name in sorted({*old, *new}):
        a, b = (claims[name].holds if name in claims else None for claims in (old, new))
        if a != b:
            yield ClaimComparison(name, (new.get(name) or old[name]).statement, a, b)


def _evaluated(root: Path) -> dict[str, Claim]:
    try:
        return evaluate_claims(root)
    except RunError as error:  # as in an old commit, whose claims ask for functions of its time
        return {FILE.name: Claim(FILE.name, str(error), False, {})}
