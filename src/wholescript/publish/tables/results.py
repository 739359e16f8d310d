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
SPLITS = {"random": "5 x 5 folds", "first_repeat": "5 folds", "temporal": "later films"}
"""How cross-validated runs split the films, by the name in their settings."""


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
        baselines: the runs to compare with, or for several data sets their names with `*` for
            that of the data set: a column for each.
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
    unit = f", {info.unit}" if info.unit and info.unit != info.display_name else ""
    header = [
        "Data",
        "Model",
        f"{info.display_name}{unit} (interval)",
        *_comparison_headers(results, shown, compared, metric),
        "Split",
        "Seeds",
        "n",
        "Published by",
    ]
    rows = [_own_row(results, run, metric, compared, n) for run in shown]
    rows += [_published_row(name, len(compared)) for name in published.split()]
    order = list(dict.fromkeys(row.dataset for row in rows))
    sign = 1 if metric in LOWER_IS_BETTER else -1
    rows.sort(key=lambda row: (order.index(row.dataset), sign * row.value))
    cells = [row.cells for row in rows]
    if len({row.dataset for row in rows}) == 1:
        cells = [[[], *row[1:]] for row in cells]
    return nodes.table(header, cells, right=("n", "Seeds"))


def comparison_cell(
    results: Results, run: str, baseline: str, metric: str, *, named: bool = False
) -> Cell:
    """Return the stored comparison of a run with a baseline; empty if there is none.

    With `named`, a ratio is called one.
    """
    reference, is_ratio = find_comparison(results, run, baseline, metric)
    if not reference:
        return []
    if not is_ratio:
        return nodes.difference(reference)
    ratio = nodes.result(results, reference, "interval")
    return nodes.joined(nodes.text(_ratio_name(metric)), ratio) if named else ratio


def _ratio_name(metric: str) -> str:
    """Return what a ratio of two runs is a ratio of: `error_rate_ratio` compares accuracies."""
    if metric == "accuracy":
        return "error-rate ratio"
    return f"ratio of {METRICS[metric].display_name}"


def _own_row(
    results: Results, run: TableRun, metric: str, baselines: Sequence[str], n: str
) -> _Row:
    name = run.name
    stored = results.metric(f"{name}:{metric}")
    if stored.low is None:
        raise RunError(f"{name}:{metric} has no interval")
    of_dataset = _of_dataset(baselines, run)
    compared = [comparison_cell(results, name, baseline, metric) for baseline in of_dataset]
    if name not in of_dataset and compared and not any(compared):
        raise RunError(
            f"no notebook stored a comparison of {name!r} with {' or '.join(of_dataset)}: store "
            "it, or name another baseline"
        )
    split = SPLITS.get(str(run.config["settings"].get("split", "")), "")
    seeds = f"{name}:seeds" if "seeds" in results.metrics(name) else ""
    cells = [
        nodes.text(dataset_display_name(run.dataset)),
        nodes.text(run.model),
        nodes.result(results, f"{name}:{metric}", "interval"),
        *(
            nodes.text("baseline") if name == baseline else cell
            for baseline, cell in zip(of_dataset, compared, strict=True)
        ),
        nodes.text(split),
        nodes.result(results, seeds, ".0f") if seeds else [],
        _n_tested(results, run, n),
        [],
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


def _published_row(name: str, n_baselines: int) -> _Row:
    if name not in PUBLISHED:
        raise RunError(f"there is no published result {name!r}{did_you_mean(name, PUBLISHED)}")
    found: PublishedResult = PUBLISHED[name]
    low, high = found.interval()
    cells = [
        nodes.text(dataset_display_name(found.dataset)),
        nodes.text(found.display_name),
        nodes.fixed(f"{found.accuracy:.3f} ({low:.3f} to {high:.3f})"),
        *([[]] * n_baselines),
        [],
        [],
        nodes.fixed(f"{found.n_test:,}"),
        nodes.citation(found.citation),
    ]
    return _Row(dataset_display_name(found.dataset), found.accuracy, cells)


def _comparison_headers(
    results: Results, runs: Sequence[TableRun], baselines: Sequence[str], metric: str
) -> list[str]:
    """Return the header of each baseline: which comparison the first of the others stores."""
    headers = []
    for column, first in enumerate(_of_dataset(baselines, runs[0])):
        model = find_run(results, first).model
        pairs = ((run.name, _of_dataset(baselines, run)[column]) for run in runs)
        found = (find_comparison(results, name, other, metric) for name, other in pairs)
        is_ratio = next((ratio for reference, ratio in found if reference), False)
        ratio_to = f"{_ratio_name(metric).capitalize()} to {model}"
        headers.append(ratio_to if is_ratio else f"Difference from {model}")
    return headers


def _of_dataset(baselines: Sequence[str], run: TableRun) -> list[str]:
    """Return the names of baselines, with the data set of a run in the place of `*`."""
    return [baseline.replace("*", run.dataset) for baseline in baselines]
