"""The directives that insert tables, by name: `datasets`, `licences`, `models`,
`results`, `film-columns` and `overview`."""

from collections.abc import Mapping

from wholescript.errors import RunError, did_you_mean
from wholescript.experiments.results import Results
from wholescript.publish.tables.datasets import datasets_table, licences_table
from wholescript.publish.tables.film_columns import film_columns_table
from wholescript.publish.tables.models import models_table
from wholescript.publish.tables.nodes import Node
from wholescript.publish.tables.overview import overview_table
from wholescript.publish.tables.results import results_table

WITHOUT_NAMES = {"overview": overview_table, "film-columns": film_columns_table}
"""The directives that name nothing."""


def make_table(name: str, argument: str, options: Mapping[str, str], results: Results) -> Node:
    """Return the table of a directive, as a node of MyST's syntax tree.

    Args:
        name: of the directive.
        argument: what follows its name: data sets or runs, separated by spaces.
        options: its options without the label: those of `results.results_table`.
        results: the stored results.

    Raises:
        RunError: what the directive names does not exist, or an option is missing.
    """
    if name == "results":
        for option in ("metric", "baseline"):
            if option not in options:
                raise RunError(f"the directive 'results' needs the option :{option}:")
        return results_table(
            results,
            argument,
            metric=options["metric"],
            baselines=options["baseline"],
            n=options.get("n", ""),
            published=options.get("published", ""),
            also=options.get("also", ""),
        )
    if name in WITHOUT_NAMES:
        return WITHOUT_NAMES[name](results)
    tables = {"datasets": datasets_table, "licences": licences_table, "models": models_table}
    if name not in tables:
        raise RunError(f"there is no table {name!r}{did_you_mean(name, [*tables, *WITHOUT_NAMES])}")
    if not argument.strip():
        raise RunError(f"the directive {name!r} needs names after it, separated by spaces")
    return tables[name](results, argument)
