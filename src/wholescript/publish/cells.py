"""The functions that notebook cells call: runs, metrics, figures and tables."""

from wholescript.experiments.record import record_metrics
from wholescript.experiments.results import Metric, made_by
from wholescript.number_format import duration
from wholescript.publish.figures import show_figure, show_table
from wholescript.publish.notebook import begin_notebook
from wholescript.studies.screenplays.experiments import (
    ModelComparison,
    cross_validation_run,
    end_to_end_runs,
    load_or_run,
    measure_run,
    record_differences,
    with_fold_cache,
)

__all__ = [
    "Metric",
    "ModelComparison",
    "begin_notebook",
    "cross_validation_run",
    "duration",
    "end_to_end_runs",
    "load_or_run",
    "made_by",
    "measure_run",
    "record_differences",
    "record_metrics",
    "show_figure",
    "show_table",
    "with_fold_cache",
]
