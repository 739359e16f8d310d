"""The functions that the cells of every notebook call: metrics, figures and tables."""

from wholescript.experiments.record import record_metrics
from wholescript.experiments.results import Metric, made_by
from wholescript.publish.figures import show_figure, show_table
from wholescript.publish.notebook import begin_notebook

__all__ = [
    "Metric",
    "begin_notebook",
    "made_by",
    "record_metrics",
    "show_figure",
    "show_table",
]
