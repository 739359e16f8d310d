"""Document classifiers compared: tables, and a page with training curves and calibration."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from wholescript.evaluation.document_comparison import compare, confused_pairs, per_class_metrics
from wholescript.evaluation.document_metrics import bootstrap
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.runs import classifier_histories, predictions_by_seed
from wholescript.experiments.seeds import costs_over_seeds
from wholescript.experiments.store import Run
from wholescript.files import write_atomic
from wholescript.plots import documents as plots
from wholescript.plots.style import set_style

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Comparison of document classifiers</title>
<style>
body { max-width: 72rem; margin: 0 auto; padding: 1.5rem; font: 1rem/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid #ddd; text-align: left; }
img { max-width: 100%; height: auto; }
</style>
<h1>Comparison of document classifiers</h1>
<p>Scores with 95% bootstrap intervals over test documents and seeds; differences are paired by
document.</p>
{% for name, image in images.items() %}
<h2>{{ name|replace("-", " ")|capitalize }}</h2>
<img src="data:image/png;base64,{{ image }}" alt="{{ name }}">
{% endfor %}
{% for name, table in tables.items() %}
<h2>{{ name }}</h2>
{{ table.to_html(index=False, border=0)|safe }}
{% endfor %}
</html>
"""
RunsByModel = Mapping[str, Sequence[Run]]
COSTS = (
    "parameters",
    "trained_parameters",
    "train_seconds",
    "seconds_per_epoch",
    "inference_seconds_per_1000",
    "peak_memory_gb",
    "train_accuracy",
    "validation_accuracy",
    "overfitting_gap",
)


def test_predictions(runs: RunsByModel) -> dict[str, list[DocumentPredictions]]:
    """Return the test predictions of each model and seed."""
    return {name: predictions_by_seed(seeds) for name, seeds in runs.items()}


def metrics_with_intervals(runs: RunsByModel) -> pd.DataFrame:
    """Return `value`, `low`, `high` (over documents and seeds) and `std` by model and metric."""
    tables = {
        name: bootstrap(seeds).set_index("metric") for name, seeds in test_predictions(runs).items()
    }
    return pd.concat(tables, names=["model"])


def cost_table(runs: RunsByModel) -> pd.DataFrame:
    """Return the costs of each model over its seeds; NaN where a cost is unknown."""
    rows = {name: costs_over_seeds(seeds) for name, seeds in runs.items()}
    return (
        pd.DataFrame(rows)
        .T.reindex(columns=list(COSTS))
        .assign(seeds=[len(seeds) for seeds in runs.values()])
    )


def paired_differences(runs: RunsByModel, baseline: str) -> pd.DataFrame:
    """Return paired differences from a baseline, with Holm's correction (see `compare`)."""
    return compare(test_predictions(runs), baseline=baseline)


def epochs_to_convergence(runs: RunsByModel) -> pd.Series:
    """Return the epochs until 99% of the best validation macro-F1, by model (mean over seeds)."""
    means = {}
    for name, seeds in classifier_histories(runs).items():
        epochs = []
        for history in seeds:
            scores = history["val_macro_f1"]
            converged = scores >= 0.99 * scores.max()
            epochs.append(int(history.loc[converged, "epoch"].min()))
        means[name] = sum(epochs) / len(epochs)
    return pd.Series(means, name="epochs_to_99_percent", dtype=float)


def write_comparison_page(runs: RunsByModel, baseline: str | None, path: Path) -> None:
    """Write a page, and the figures (PNG) and tables (CSV) into its folder."""
    set_style()
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    scores, costs = metrics_with_intervals(runs), cost_table(runs).join(epochs_to_convergence(runs))
    tables: dict[str, pd.DataFrame] = {"Test metrics": _format_intervals(scores), "Cost": costs.T}
    if baseline is not None:
        tables[f"Differences from {baseline}"] = paired_differences(runs, baseline)
    for name, seeds in test_predictions(runs).items():
        tables[f"{name}: most confused classes"] = confused_pairs(seeds, top=10)
        tables[f"{name}: classes"] = per_class_metrics(seeds)
    figures = {name: folder / f"{name}.png" for name in _save_figures(runs, scores, costs, folder)}
    for name, table in tables.items():
        slug = "".join(c if c.isalnum() else "-" for c in name.lower())
        table.to_csv(folder / f"{slug}.csv")
    page = jinja2.Template(_PAGE, autoescape=True, undefined=jinja2.StrictUndefined)
    html = page.render(
        tables={name: table.reset_index().round(4) for name, table in tables.items()},
        images={
            name: base64.b64encode(figure.read_bytes()).decode() for name, figure in figures.items()
        },
    )
    write_atomic(path, html)


def _format_intervals(scores: pd.DataFrame) -> pd.DataFrame:
    cells = {
        where: f"{row.value:.4f} [{row.low:.4f}, {row.high:.4f}]"
        for where, row in zip(scores.index, scores.itertuples(), strict=True)
    }
    return pd.Series(cells).unstack(sort=False)


def _save_figures(
    runs: RunsByModel, scores: pd.DataFrame, costs: pd.DataFrame, folder: Path
) -> list[str]:
    accuracy = scores.xs("accuracy", level="metric")
    table = accuracy.rename(columns={"value": "accuracy"}).assign(seconds=costs["train_seconds"])
    drawn: dict[str, Figure] = {
        "error-against-training-time": plots.error_against_training_time(table),
        "calibration": plots.reliability_diagram(
            {name: seeds[0] for name, seeds in test_predictions(runs).items()}
        ),
    }
    if trained := classifier_histories(runs):
        drawn = {"training-curves": plots.training_curves(trained)} | drawn
    options: dict[str, Any] = {"dpi": 144}
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png", **options)
        plt.close(figure)
    return list(drawn)
