"""Tables of stored document classifiers: metrics, cost, learning curves, label noise."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from wholescript.errors import ParameterError, RunError
from wholescript.evaluation.document_comparison import confused_pairs, error_rate_ratio
from wholescript.evaluation.document_metrics import SeedPredictions, bootstrap
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.evaluation.learning_curves import find_crossover
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.runs import document_run_names, find_document_runs
from wholescript.experiments.registry import model_display_name
from wholescript.experiments.results import Metric
from wholescript.experiments.seeds import mean_costs
from wholescript.experiments.store import Run, RunStore
from wholescript.experiments.workspace import current_workspace

RunsByModel = Mapping[str, Sequence[Run]]
LEARNING_RATE_SUFFIX = "-lr"  # in the name of a run with another learning rate than the default
REPORTED_METRICS = ("accuracy", "macro_f1", "log_loss", "ece")
SPLITS = ("train", "validation", "test")


def load_document_runs(group: str) -> dict[str, list[Run]]:
    """Return the published runs on one data set: by model and data settings, a list of seeds each.

    The notebook does not train them: a script does, such as `notebooks/07_train.sh`.

    Raises:
        RunError: there are none.
    """
    workspace = current_workspace()
    found = local_document_runs(workspace.project.root / "results", group)
    if not found:
        raise RunError(f"results/ has no runs on {group!r}; {training_script()} makes them")
    for run in (run for seeds in found.values() for run in seeds):
        workspace.used[run.name] = run.key
    return found


def training_script() -> str:
    """Return the script that trains the runs of the active notebook."""
    return f"notebooks/{current_workspace().name.partition('_')[0]}_train.sh"


def local_document_runs(folder: str | Path, group: str = "") -> dict[str, list[Run]]:
    """Return the runs in a folder, on one data set or on all; none for an empty folder name.

    Raises:
        ParameterError: the folder does not exist.
    """
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise ParameterError(
            f"no folder {str(folder)!r}; `wholescript train` makes folders of runs"
        )
    store = RunStore(Path(folder))
    known = document_run_names(store)
    names = [name for name in known if not group or name.startswith(f"{group}/")]
    return find_document_runs(store, names) if names else {}


def load_analysis_run(name: str) -> Run:
    """Return a published run that is no classifier, such as one of `wholescript data label-errors`.

    Raises:
        RunError: there is no such run.
    """
    workspace = current_workspace()
    run = RunStore(workspace.project.root / "results").find(name)
    if run is None:
        raise RunError(f"there is no run results/{name}; {training_script()} makes it")
    workspace.used[name] = run.key
    return run


def trained_on_all(runs: RunsByModel) -> dict[str, list[Run]]:
    """Return the runs trained on all documents with true labels, without synthetic data.

    Runs with another learning rate than the default are left out.
    """
    return {
        name: list(seeds)
        for name, seeds in runs.items()
        if _on_true_labels(seeds) and _n_train(seeds) is None and LEARNING_RATE_SUFFIX not in name
    }


def trained_on_n(runs: RunsByModel, n_train: int) -> dict[str, list[Run]]:
    """Return the runs trained on `n_train` documents with true labels, by model."""
    return {
        model_name(seeds[0]): list(seeds)
        for seeds in runs.values()
        if _on_true_labels(seeds) and _n_train(seeds) == n_train
    }


def model_name(run: Run) -> str:
    """Return the name of the model: that of the run without data set, data settings and seed."""
    run_suffix = DataConfig(**run.settings["data_config"]).run_suffix
    return run.name.partition("/")[2].removesuffix(f"-{run_suffix}")


def by_dataset(runs: RunsByModel) -> dict[str, dict[str, list[Run]]]:
    """Return runs by data set, then by model."""
    datasets: dict[str, dict[str, list[Run]]] = {}
    for seeds in runs.values():
        models = datasets.setdefault(seeds[0].config["dataset"], {})
        models.setdefault(model_name(seeds[0]), []).extend(seeds)
    return datasets


def dataset_sizes(models: RunsByModel) -> dict[str, Metric]:
    """Return `n_classes`, and the documents of each split: `n_train`, `n_validation`, `n_test`."""
    config = next(iter(models.values()))[0].config
    sizes = {f"n_{split}": Metric(config["documents"][split]) for split in SPLITS}
    return {"n_classes": Metric(len(config["classes"])), **sizes}


def metrics_over_seeds(seeds: Sequence[Run]) -> dict[str, Metric]:
    """Return metrics (with intervals over documents and seeds), costs and `seeds` of a model."""
    rows = bootstrap(_predictions(seeds), REPORTED_METRICS)
    metrics = {
        row.metric: Metric(row.value, row.low, row.high, (row.high - row.low) / 2)
        for row in rows.itertuples()
    }
    costs = {name: Metric(value, tolerance=abs(value)) for name, value in mean_costs(seeds).items()}
    return metrics | costs | {"seeds": Metric(len(seeds))}


def accuracy_table(models: RunsByModel) -> pd.DataFrame:
    """Return `value`, `low` and `high` of the accuracy, a row per model, ascending."""
    rows = {name: metrics_over_seeds(seeds)["accuracy"] for name, seeds in models.items()}
    return _interval_table(rows).sort_values("value")


def validation_optimism(models: RunsByModel) -> pd.DataFrame:
    """Return validation accuracy minus test accuracy of each model, the optimism of validation.

    Columns `value`, `low`, `high` (over documents and seeds), `validation`, `test`.
    """
    rows = {}
    for name, seeds in models.items():
        on_validation = [run.val_predictions(DocumentPredictions) for run in seeds]
        intervals = [
            bootstrap(predictions, ("accuracy",)).iloc[0]
            for predictions in (on_validation, _predictions(seeds))
        ]
        validation, test = (row["value"] for row in intervals)
        # Different documents: the errors are independent, so the squared half-widths add.
        half = float(np.hypot(*((row["high"] - row["low"]) / 2 for row in intervals)))
        gap = validation - test
        rows[name] = {
            "value": gap, "low": gap - half, "high": gap + half, "validation": validation,
            "test": test,
        }  # fmt: skip
    return pd.DataFrame(rows).T.rename_axis("model")


def error_rate_ratios(models: RunsByModel, baseline: str) -> dict[str, Metric]:
    """Return the error rate of each model over the baseline's, as `<model>_over_<baseline>`."""
    ratios = {}
    for name, seeds in models.items():
        if name != baseline:
            value, low, high = run_error_rate_ratio(seeds, models[baseline])
            if np.isfinite(value):
                ratios[f"{name}_over_{baseline}"] = Metric(value, low, high, (high - low) / 2)
    return ratios


def run_error_rate_ratio(
    seeds: Sequence[Run],
    baseline: Sequence[Run],
    predictions: tuple[SeedPredictions, SeedPredictions] | None = None,
) -> tuple[float, float, float]:
    """Return the error rate of one model over another's with its interval: value, low, high.

    Seeds are paired where both models were trained on the same subsamples, one for each seed.
    `predictions` replaces the stored ones, such as with a subset of the test documents.
    """
    sides = predictions or (_predictions(seeds), _predictions(baseline))
    subsamples = [
        [(run.config["dataset"], run.config["seed"]) for run in side if _n_train([run])]
        for side in (seeds, baseline)
    ]
    paired_seeds = subsamples[0] == subsamples[1] and len(subsamples[0]) == len(seeds) == len(
        baseline
    )
    return error_rate_ratio(*sides, paired_seeds=paired_seeds)


def model_table(models: RunsByModel) -> pd.DataFrame:
    """Return test error with its interval, other metrics and costs: a row per model, best first."""
    metrics = {name: metrics_over_seeds(seeds) for name, seeds in models.items()}
    columns: dict[str, Callable[[dict[str, Metric]], float]] = {
        "error": lambda m: 1 - m["accuracy"].value,
        "low": lambda m: 1 - _bound(m["accuracy"].high),
        "high": lambda m: 1 - _bound(m["accuracy"].low),
    }
    for name in (
        "macro_f1",
        "ece",
        "overfitting_gap",
        "trained_parameters",
        "train_seconds",
        "inference_seconds_per_1000",
        "peak_memory_gb",
        "seeds",
    ):
        columns[name] = _metric_getter(name)
    table = pd.DataFrame(
        {name: {column: get(m) for column, get in columns.items()} for name, m in metrics.items()}
    ).T
    return table.rename_axis("model").sort_values("error")


def with_display_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the display names of models in its index and its column `model`."""
    shown = table.rename(index=_display_name)
    if "model" in shown.columns:
        shown = shown.assign(model=[_display_name(name) for name in shown["model"]])
    return shown


def learning_curve_table(runs: RunsByModel) -> pd.DataFrame:
    """Return the accuracy of each model at each training-set size, trained on true labels.

    Columns `model`, `n_train`, `seeds` (the accuracy of each), `accuracy`, `low`, `high`. Models
    with one size are left out.
    """
    rows = []
    for seeds in runs.values():
        if _on_true_labels(seeds) and LEARNING_RATE_SUFFIX not in seeds[0].name:
            accuracy = metrics_over_seeds(seeds)["accuracy"]
            rows.append(
                {
                    "model": model_name(seeds[0]),
                    "n_train": seeds[0].config["documents"]["train"],
                    "seeds": [run.metrics["accuracy"].value for run in seeds],
                    "accuracy": accuracy.value,
                    "low": accuracy.low,
                    "high": accuracy.high,
                }
            )
    table = pd.DataFrame(rows)
    return table[table.groupby("model")["n_train"].transform("nunique") > 1]


def crossover_table(table: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Return the training-set size from which one model of each pair stays better.

    `table` is that of `learning_curve_table`; sizes that one model lacks are left out. Index
    `models` (`<first> / <second>`); columns `crossover_n_train` with `low` and `high`, missing
    where the curves do not cross, and `better_beyond`, the model that is better at larger sizes.
    """
    curves = {
        model: rows.set_index("n_train")["seeds"].sort_index()
        for model, rows in table.groupby("model")
    }
    rows = []
    for first, second in pairs:
        sizes = curves[first].index.intersection(curves[second].index)
        n_seeds = min(len(curves[m][size]) for m in (first, second) for size in sizes)
        a, b = (
            [[curves[m][size][seed] for size in sizes] for seed in range(n_seeds)]
            for m in (first, second)
        )
        found = find_crossover(sizes, a, b)
        better = {"a": first, "b": second}
        rows.append(
            {
                "models": f"{first} / {second}",
                "crossover_n_train": found.n_train if found else None,
                "low": found.low if found else None,
                "high": found.high if found else None,
                "better_beyond": better[found.best_after]
                if found
                else _dominating_model(a, b, first, second),
            }
        )
    return pd.DataFrame(rows).set_index("models")


def confused_class_pairs(seeds: Sequence[Run], top: int = 12) -> pd.DataFrame:
    """Return the pairs of classes that a model confuses most often (see `confused_pairs`)."""
    pairs = confused_pairs(_predictions(seeds), top=top)
    return pairs[["label", "predicted", "n_errors", "n_reversed"]].set_index("label")


def learning_rate_table(runs: RunsByModel, model: str) -> pd.DataFrame:
    """Return `value`, `low` and `high` of a model's accuracy, by its maximum learning rate."""
    rows = {}
    for seeds in runs.values():
        on_all = _on_true_labels(seeds) and _n_train(seeds) is None
        if on_all and model_name(seeds[0]).partition(LEARNING_RATE_SUFFIX)[0] == model:
            rate = seeds[0].settings["estimator"]["train_config"]["learning_rate"]
            rows[rate] = metrics_over_seeds(seeds)["accuracy"]
    return _interval_table(rows).sort_index()


def label_noise_table(models: RunsByModel, label_column: str) -> pd.DataFrame:
    """Return the test error after training on true and on noisy labels, a row per model.

    Columns `error_true_labels`, `error_noisy_labels`, and `error_ratio` (noisy over true) with
    `low` and `high`. Models that were not trained on both, with all documents, are left out.
    """
    rows = {}
    for name, seeds in models.items():
        on_all = [run for run in seeds if run.settings["data_config"]["n_train"] is None]
        true, noisy = (
            [run for run in on_all if run.settings["data_config"]["label_column"] == column]
            for column in ("label", label_column)
        )
        if true and noisy:
            ratio, low, high = error_rate_ratio(_predictions(noisy), _predictions(true))
            rows[name] = {
                "error_true_labels": 1 - metrics_over_seeds(true)["accuracy"].value,
                "error_noisy_labels": 1 - metrics_over_seeds(noisy)["accuracy"].value,
                "error_ratio": ratio,
                "low": low,
                "high": high,
            }
    return pd.DataFrame(rows).T.rename_axis("model")


def _display_name(name: object) -> object:
    return model_display_name(name) if isinstance(name, str) else name


def _predictions(seeds: Sequence[Run]) -> list[DocumentPredictions]:
    return [run.predictions(DocumentPredictions) for run in seeds]


def _on_true_labels(seeds: Sequence[Run]) -> bool:
    """Return whether a model was trained on true labels without synthetic data."""
    data_config = seeds[0].settings["data_config"]
    return data_config.get("label_column") == "label" and not data_config.get("n_synthetic")


def _n_train(seeds: Sequence[Run]) -> int | None:
    n_train: int | None = seeds[0].settings["data_config"]["n_train"]
    return n_train


def _interval_table(rows: Mapping[str, Metric]) -> pd.DataFrame:
    columns = ["value", "low", "high"]
    table = {name: {column: getattr(m, column) for column in columns} for name, m in rows.items()}
    return pd.DataFrame.from_dict(table, orient="index", columns=columns)


def _bound(value: float | None) -> float:
    return np.nan if value is None else value


def _metric_getter(name: str) -> Callable[[dict[str, Metric]], float]:
    return lambda metrics: metrics[name].value if name in metrics else np.nan


def _dominating_model(
    a: Sequence[Sequence[float]], b: Sequence[Sequence[float]], first: str, second: str
) -> str:
    mean_a, mean_b = (np.mean(curve, axis=0) for curve in (a, b))
    if (mean_a >= mean_b).all():
        return first
    return second if (mean_b >= mean_a).all() else "neither"
