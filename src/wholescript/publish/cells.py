"""What the cells of a notebook call: begin, evaluate or read runs, record numbers, show figures."""

from wholescript.experiments.record import record_metrics
from wholescript.experiments.results import Metric
from wholescript.publish.figures import show_figure, show_table
from wholescript.publish.notebook import begin_notebook
from wholescript.studies.screenplays.experiments import (
    evaluate_run,
    load_run,
    measure_run,
    record_differences,
)

__all__ = [
    "Metric",
    "begin_notebook",
    "evaluate_run",
    "load_run",
    "measure_run",
    "record_differences",
    "record_metrics",
    "show_figure",
    "show_table",
]
