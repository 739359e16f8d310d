"""What the cells of a notebook call: begin, evaluate or read runs, record numbers, show figures."""

from wholescript.report.context import begin_notebook
from wholescript.report.evaluate import (
    Compared,
    evaluate_run,
    load_run,
    measure_run,
    record_differences,
    record_metrics,
    remembered,
    stored_run,
)
from wholescript.report.figures import show_figure, show_table
from wholescript.report.results import Metric

__all__ = [
    "Compared",
    "Metric",
    "begin_notebook",
    "evaluate_run",
    "load_run",
    "measure_run",
    "record_differences",
    "record_metrics",
    "remembered",
    "show_figure",
    "show_table",
    "stored_run",
]
