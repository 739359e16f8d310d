"""Comparison of two output roots: metrics, figures, tables, parameters and claims."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wholescript.errors import RunError
from wholescript.experiments.results import Metric, Results
from wholescript.publish.claims import FILE, Claim, evaluate_claims
from wholescript.publish.comparison.images import compare_images
from wholescript.publish.comparison.plots import compare_plots
from wholescript.publish.comparison.tables import compare_tables
from wholescript.publish.provenance.notebook_state import Change, diff_mappings
from wholescript.publish.provenance.read import read_record, read_records

# Largest shift, as a fraction of the axis, for which pixels are compared: about half a pixel.
IMAGE_COMPARISON_LIMIT = 5e-4


@dataclass(frozen=True)
class MetricComparison:
    """A metric in the stored and in the new root; None where it is missing."""

    run: str
    name: str
    stored: Metric | None
    new: Metric | None

    @property
    def tolerance(self) -> float:
        """The tolerance of the stored metric; of the new one if none is stored."""
        metric = self.stored or self.new
        return metric.tolerance if metric else 0.0

    @property
    def difference(self) -> float | None:
        """The new minus the stored value; None if one is missing."""
        if self.stored is None or self.new is None:
            return None
        return self.new.value - self.stored.value

    @property
    def within_tolerance(self) -> bool:
        """Whether both values exist and differ by at most the tolerance."""
        return self.difference is not None and abs(self.difference) <= self.tolerance


@dataclass(frozen=True)
class FigureComparison:
    """A figure or table: its PNG in both roots, if any, and the differences as text."""

    label: str
    stored: Path | None
    new: Path | None
    differences: list[str]


@dataclass(frozen=True)
class ClaimComparison:
    """A claim whose result differs between the roots; None where the claim does not exist."""

    name: str
    statement: str
    stored: bool | None
    new: bool | None

    def __str__(self) -> str:
        """Return the change as text."""
        words = {True: "holds", False: "does not hold", None: "missing"}
        return f"{words[self.new]}, was {words[self.stored]}"


@dataclass(frozen=True)
class Comparison:
    """All metrics and figures of two roots, and the changed parameters and claims."""

    metrics: list[MetricComparison]
    figures: list[FigureComparison]
    parameters: list[Change]
    claims: list[ClaimComparison]

    @property
    def metrics_out_of_tolerance(self) -> list[MetricComparison]:
        """The metrics that are missing, new or out of tolerance."""
        return [metric for metric in self.metrics if not metric.within_tolerance]

    @property
    def figures_changed(self) -> list[FigureComparison]:
        """The figures and tables that differ."""
        return [figure for figure in self.figures if figure.differences]

    @property
    def unchanged(self) -> bool:
        """Whether there is no difference."""
        return not (
            self.metrics_out_of_tolerance or self.figures_changed or self.parameters or self.claims
        )


def compare_outputs(stored: Path, new: Path) -> Comparison:
    """Compare the contents of two output roots.

    Raises:
        RunError: a stored file is damaged.
    """
    return Comparison(
        list(_metrics(Results(stored / "results"), Results(new / "results"))),
        list(_figures(stored / "figures", new / "figures")),
        list(_parameters(stored, new)),
        list(_claims(stored, new)),
    )


def _metrics(stored: Results, new: Results) -> Iterator[MetricComparison]:
    runs = set(stored.names()), set(new.names())
    for run in sorted(runs[0] | runs[1]):
        a = stored.metrics(run) if run in runs[0] else {}
        b = new.metrics(run) if run in runs[1] else {}
        for name in dict.fromkeys([*a, *b]):
            yield MetricComparison(run, name, a.get(name), b.get(name))


def _figures(stored: Path, new: Path) -> Iterator[FigureComparison]:
    a, b = _by_label(stored), _by_label(new)
    for label in sorted({*a, *b}):
        endings = a.get(label, set()), b.get(label, set())
        yield FigureComparison(
            label,
            stored / f"{label}.png" if ".png" in endings[0] else None,
            new / f"{label}.png" if ".png" in endings[1] else None,
            list(_differences(label, stored, new, *endings)),
        )


def _by_label(folder: Path) -> dict[str, set[str]]:
    """Return the set of file endings of each figure and table."""
    found: dict[str, set[str]] = {}
    for path in [*folder.glob("fig-*"), *folder.glob("tbl-*")]:
        label, dot, ending = path.name.partition(".")
        found.setdefault(label, set()).add(dot + ending)
    return found


def _differences(
    label: str, stored: Path, new: Path, stored_files: set[str], new_files: set[str]
) -> Iterator[str]:
    """Yield the differences of a figure or table; the sets have the endings of its files."""
    if not (stored_files and new_files):
        yield "is missing" if stored_files else "is new"
        return
    missing, added = stored_files - new_files, new_files - stored_files
    for endings, word in ((missing, "missing"), (added, "new")):
        if endings:
            yield f"files {word}: {', '.join(sorted(endings))}"
    both = stored_files & new_files
    if label.startswith("tbl-") and ".csv" in both:
        yield from compare_tables(stored / f"{label}.csv", new / f"{label}.csv")
    if ".json" in both:
        plots = compare_plots(*(read_record(root / f"{label}.json") for root in (stored, new)))
        yield from plots.differences
        # Points that moved within the tolerance change pixels legitimately.
        if not plots.differences and plots.max_shift < IMAGE_COMPARISON_LIMIT:
            for ending in sorted(both & {".png", ".dark.png"}):
                yield from compare_images(stored / f"{label}{ending}", new / f"{label}{ending}")


def _parameters(stored: Path, new: Path) -> Iterator[Change]:
    """Yield the differences of params.yaml, or, if a root has none, of the recorded parameters."""
    files = stored / "params.yaml", new / "params.yaml"
    read = _published if all(file.exists() for file in files) else _recorded
    return diff_mappings("parameter", read(stored), read(new))


def _published(root: Path) -> dict[str, Any]:
    sections = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")) or {}
    return {
        f"{s}.{name}": value for s, values in sections.items() for name, value in values.items()
    }


def _recorded(root: Path) -> dict[str, Any]:
    results = Results(root / "results")
    configs = map(results.config, results.names())
    return {
        f"{record['notebook']}.{name}": value
        for record in (*read_records(root / "figures"), *configs)
        for name, value in record.get("parameters", {}).items()
    }


def _claims(stored: Path, new: Path) -> Iterator[ClaimComparison]:
    claims = _evaluated(stored), _evaluated(new)
    for name in sorted({*claims[0], *claims[1]}):
        a, b = (side.get(name) for side in claims)
        holds = tuple(claim.holds if claim else None for claim in (a, b))
        if holds[0] != holds[1] and (claim := b or a):
            yield ClaimComparison(name, claim.statement, *holds)


def _evaluated(root: Path) -> dict[str, Claim]:
    try:
        return evaluate_claims(root)
    except RunError as error:  # an old commit whose claims import functions that were removed
        return {FILE.name: Claim(FILE.name, str(error), False, {})}
