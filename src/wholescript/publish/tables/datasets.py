"""Tables of data sets: source, licence, sizes of the splits, classes, length and split rule."""

from wholescript.errors import RunError, did_you_mean
from wholescript.experiments.registry import DATASETS, DatasetInfo
from wholescript.experiments.results import Results
from wholescript.publish.tables import nodes
from wholescript.publish.tables.nodes import Cell, Node

NUMBERS = {
    "In all": ("n_films", ",.0f"),
    "Training": ("n_train", ",.0f"),
    "Validation": ("n_validation", ",.0f"),
    "Test": ("n_test", ",.0f"),
    "Classes": ("n_classes", ",.0f"),
    "Positive": ("positive_rate", ".1%"),
}
"""The metric of the statistics of a data set, and its format, by column."""
HEADER = ("Data", "Licence", *NUMBERS, "Median length", "Split")
BLANK = dict.fromkeys((*NUMBERS, "Median length"), "not stored")


def datasets_table(results: Results, names: str) -> Node:
    """Return the table of data sets by their names in the registry; empty columns are left out.

    Raises:
        RunError: the registry has no such data set, or no statistics of it are stored.
    """
    rows = [_row(results, find_dataset(name)) for name in names.split()]
    return nodes.table(HEADER, rows, right=NUMBERS, blank=BLANK)


def licences_table(_: Results, names: str) -> Node:
    """Return the table of what the sources state of the use of data sets, and of what is here.

    Raises:
        RunError: the registry has no such data set.
    """
    entries = map(find_dataset, names.split())
    rows = [
        [
            nodes.link(entry.display_name, entry.url),
            nodes.fixed(entry.licence),
            nodes.text(entry.in_repository),
        ]
        for entry in entries
    ]
    return nodes.table(("Data", "Licence, as its source states it", "In the repository"), rows)


def find_dataset(name: str) -> DatasetInfo:
    """Return a data set that has statistics, by its name; raise RunError if there is none."""
    described = {key: entry for key, entry in DATASETS.items() if entry.statistics}
    if name not in described:
        raise RunError(f"the registry has no data set {name!r}{did_you_mean(name, described)}")
    return described[name]


def _row(results: Results, dataset: DatasetInfo) -> list[Cell]:
    stored = results.metrics(dataset.statistics)

    def number(metric: str, formats: str = ",.0f") -> Cell:
        known = metric in stored
        return nodes.result(results, f"{dataset.statistics}:{metric}", formats) if known else []

    return [
        nodes.link(dataset.display_name, dataset.url),
        nodes.fixed(dataset.licence),
        *(number(*column) for column in NUMBERS.values()),
        _median_length(results, dataset),
        nodes.text(dataset.split_rule),
    ]


def _median_length(results: Results, dataset: DatasetInfo) -> Cell:
    """Return the median length of the texts; trained runs store that of training texts."""
    if "median_tokens" in results.metrics(dataset.statistics):
        tokens = nodes.result(results, f"{dataset.statistics}:median_tokens", ",.0f")
        return nodes.joined(tokens, nodes.text("GPT-2 tokens"))
    trained = (name for name in results.names() if name.startswith(f"{dataset.name}/"))
    stored = (results.config(name).get("words") for name in trained)
    words = next(filter(None, stored), None)
    return nodes.of_run(dataset.statistics, f"{words['median']:,.0f} words") if words else []
