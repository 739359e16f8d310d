"""The table of results: models sorted by a metric, with intervals, comparisons and publications."""

from collections.abc import Sequence
from dataclasses import dataclass

from wholescript.errors import RunError, did_you_mean
from wholescript.experiments.metrics import METRICS
from wholescript.experiments.published import PUBLISHED, PublishedResult
from wholescript.experiments.registry import dataset_display_name
from wholescript.experiments.results import Results
from wholescript.publish.tables import nodes
from wholescript.publish.tables.nodes import Cell, Node
from wholescript.publish.tables.runs import TableRun, find_comparison, find_run, find_runs

LOWER_IS_BETTER = frozenset(
    {"bits_per_byte", "brier", "ece", "log_loss", "nats_per_character", "activation_gb"}
)
FOLDS = {"random": "5 x 5", "first_repeat": "1 x 5", "temporal": "later films"}
"""Repeats x folds of cross-validated runs, by the name of the split in their settings."""


@dataclass(frozen=True)
class _Row:
    dataset: str
    value: float
    cells: list[Cell]


def results_table(
    results: Results, runs: str, *, metric: str, baselines: str, n: str = "", published: str = ""
) -> Node:
    """Return the table of results of some runs, the best first within each data set.

    Args:
        results: the stored results.
        runs: names or patterns of runs (`runs.find_runs`).
        metric: the metric to sort by, which every run has with an interval.
        baselines: the run to compare with, and further ones for runs without a stored comparison
            with it. For several data sets `*` stands for that of the run.
        n: the reference of the number of tested films; document classifiers store theirs.
        published: names of published results (`experiments.published`).

    Raises:
        RunError: a run, metric or published result does not exist, no number of tested items is
            known, or a run has no stored comparison with any of the baselines.
    """
    shown = find_runs(results, runs, (metric,))
    if metric not in METRICS:
        raise RunError(f"the registry has no metric {metric!r}{did_you_mean(metric, METRICS)}")
    info, compared = METRICS[metric], baselines.split()
    if not compared:
        raise RunError("the table names no baseline to compare with")
    unit = f", {info.unit}" if info.unit and info.unit != info.display_name else ""
    header = [
        "Model",
        f"{_capitalized(info.display_name)}{unit} (interval)",
        _comparison_header(results, shown, compared, metric),
        "Folds",
        "Seeds",
        "n",
    ]
    rows = [_own_row(results, run, metric, compared, n) for run in shown]
    rows += [_published_row(name) for name in published.split()]
    order = list(dict.fromkeys(row.dataset for row in rows))
    sign = 1 if metric in LOWER_IS_BETTER else -1
    rows.sort(key=lambda row: (order.index(row.dataset), sign * row.value))
    cells, groups = [row.cells for row in rows], [row.dataset for row in rows]
    return nodes.table(header, cells, right=("n", "Seeds"), groups=groups)


def comparison_cell(results: Results, run: str, baseline: str, metric: str) -> Cell:
    """Return the stored comparison of a run with a baseline; empty if there is none."""
    reference, is_ratio = find_comparison(results, run, baseline, metric)
    if not reference:
        return []
    return nodes.result(results, reference, "interval") if is_ratio else nodes.difference(reference)


def comparison_name(results: Results, run: str, baseline: str, metric: str) -> str:
    """Return what the stored comparison of a run with a baseline is, such as `difference from`.

    Error rates are compared for accuracies (`error_rate_ratio`).
    """
    _, is_ratio = find_comparison(results, run, baseline, metric)
    if not is_ratio:
        return "difference from"
    of = "error rates" if metric == "accuracy" else METRICS[metric].display_name
    return f"ratio of {of} to"


def _own_row(
    results: Results, run: TableRun, metric: str, baselines: Sequence[str], n: str
) -> _Row:
    name = run.name
    stored = results.metric(f"{name}:{metric}")
    if stored.low is None:
        raise RunError(f"{name}:{metric} has no interval")
    folds = FOLDS.get(str(run.config["settings"].get("split", "")), "")
    seeds = f"{name}:seeds" if "seeds" in results.metrics(name) else ""
    cells = [
        nodes.text(run.model),
        nodes.result(results, f"{name}:{metric}", "interval"),
        _comparison(results, run, baselines, metric),
        nodes.text(folds),
        nodes.result(results, seeds, ".0f") if seeds else [],
        _n_tested(results, run, n),
    ]
    return _Row(dataset_display_name(run.dataset), stored.value, cells)


def _n_tested(results: Results, run: TableRun, n: str) -> Cell:
    if n:
        return nodes.result(results, n, ",.0f")
    documents = run.config.get("documents")
    if isinstance(documents, dict):
        return nodes.of_run(run.name, f"{documents['test']:,}")
    raise RunError(
        f"{run.name!r} does not store how many items it was tested on: name the number, as in "
        ":n: corpus/statistics:n_films"
    )


def _published_row(name: str) -> _Row:
    if name not in PUBLISHED:
        raise RunError(f"there is no published result {name!r}{did_you_mean(name, PUBLISHED)}")
    found: PublishedResult = PUBLISHED[name]
    low, high = found.interval()
    interval = f"{found.accuracy:.3f} ({low:.3f} to {high:.3f})"
    cells = [
        nodes.joined(nodes.text(f"{found.display_name}:"), nodes.citation(found.citation)),
        nodes.fixed(interval.replace(" ", "\N{NO-BREAK SPACE}")),
        [],
        [],
        [],
        nodes.fixed(f"{found.n_test:,}"),
    ]
    return _Row(dataset_display_name(found.dataset), found.accuracy, cells)


def _comparison_header(
    results: Results, runs: Sequence[TableRun], baselines: Sequence[str], metric: str
) -> str:
    """Return the header of comparisons with the first baseline."""
    first = _of_dataset(baselines, runs[0])[0]
    pairs = ((run.name, _of_dataset(baselines, run)[0]) for run in runs)
    compared = next((pair for pair in pairs if find_comparison(results, *pair, metric)[0]), None)
    name = comparison_name(results, *compared, metric) if compared else "difference from"
    return f"{_capitalized(name)} {find_run(results, first).model}"


def _comparison(results: Results, run: TableRun, baselines: Sequence[str], metric: str) -> Cell:
    """Return the comparison with the first baseline that has one; another one is named."""
    of_dataset = _of_dataset(baselines, run)
    if run.name == of_dataset[0]:
        return nodes.text("baseline")
    for baseline in of_dataset:
        if cell := comparison_cell(results, run.name, baseline, metric):
            if baseline == of_dataset[0]:
                return cell
            name = comparison_name(results, run.name, baseline, metric).rpartition(" ")[2]
            return nodes.lines(cell, nodes.text(f"{name} {find_run(results, baseline).model}"))
    raise RunError(
        f"no notebook stored a comparison of {run.name!r} with {' or '.join(of_dataset)}: store "
        "it, or name another baseline"
    )


def _capitalized(name: str) -> str:
    return name[:1].upper() + name[1:]


def _of_dataset(baselines: Sequence[str], run: TableRun) -> list[str]:
    """Return the names of baselines, with the data set of a run in the place of `*`."""
    return [baseline.replace("*", run.dataset) for baseline in baselines]
