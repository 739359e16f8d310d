"""The table of the columns of a file of films."""

from wholescript.data.film_columns import LOCAL_COLUMNS
from wholescript.experiments.results import Results
from wholescript.publish.tables import nodes
from wholescript.publish.tables.nodes import Node


def film_columns_table(_: Results) -> Node:
    """Return the table of the columns, in the order of their description."""
    rows = [
        [nodes.code(name), nodes.text(column.content), nodes.text(column.needed)]
        for name, column in LOCAL_COLUMNS.items()
    ]
    return nodes.table(("Column", "Content", "Needed"), rows)
