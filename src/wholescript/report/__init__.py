"""Runs, figures, notebooks and the pipeline that ties them together.

What a notebook needs is here; the modules that execute notebooks are imported by their names.
"""

from wholescript.report.context import begin_notebook
from wholescript.report.evaluate import (
    evaluate_run,
    load_run,
    record_differences,
    record_metrics,
    remembered,
)
from wholescript.report.figures import show_figure, show_table
from wholescript.report.runs import Metric

__all__ = [
    "Metric",
    "begin_notebook",
    "evaluate_run",
    "load_run",
    "record_differences",
    "record_metrics",
    "remembered",
    "show_figure",
    "show_table",
]
