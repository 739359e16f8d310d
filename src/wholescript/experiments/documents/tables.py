"""Stored runs of classifiers of texts as tables of a notebook: scores, cost, curves, noise."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wholescript.errors import ParameterError, RunError
from wholescript.evaluation.learning_curves import find_crossover
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.evaluation.multiclass_comparison import confused_pairs, error_rate_ratio
from wholescript.evaluation.multiclass_metrics import bootstrap
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.runs import (
    document_run_names,
    find_document_runs,
    mean_costs,
)
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run, RunStore
from wholescript.experiments.workspace import current_workspace

RunsByModel = Mapping[str, Sequence[Run]]
LEARNING_RATE_SUFFIX = (
    "-lr"  # stands before the learning rate in the name of a run that has another
)
REPORTED_METRICS = ("accuracy", "macro_f1", "log_loss", "ece")


def load_document_runs(group: str) -> dict[str, list[Run]]:
    """Return the published runs of one set of texts, by model and settings, a list of seeds each.

    No notebook trains them: the script beside it does, such as `notebooks/07_train.sh`, where the
    texts are.

    Raises:
        RunError: there is none.
    """
    workspace = current_workspace()
    found = local_document_runs(workspace.project.root / "results", group)
    if not found:
        raise RunError(f"results/ holds no runs on {group!r}: {training_script()} makes them")
    for run in (run for seeds in found.values() for run in seeds):
        workspace.used[run.name] = run.key
    return found


def training_script() -> str:
    """Return the script that makes what the running notebook reads."""
    return f"notebooks/{current_workspace().name.partition('_')[0]}_train.sh"


def local_document_runs(folder: str | Path, group: str = "") -> dict[str, list[Run]]:
    """Return the runs that lie in a folder, of one set of texts or of all; no folder has none.

    Raises:
        ParameterError: the folder is not there.
    """
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise ParameterError(f"{str(folder)!r} is no folder of runs; `wholescript train` makes one")
    store = RunStore(Path(folder))
    known = document_run_names(store)
    names = [name for name in known if not group or name.startswith(f"{group}/")]
    return find_document_runs(store, names) if names else {}


def load_analysis_run(name: str) -> Run:
    """Return a published run of another kind, such as one of `wholescript labels`.

    Raises:
        RunError: there is no such run.
    """
    workspace = current_workspace()
    run = RunStore(workspace.project.root / "results").find(name)
    if run is None:
        raise RunError(f"there is no run results/{name}: {training_script()} makes it")
    workspace.used[name] = run.key
    return run


def trained_on_all(runs: RunsByModel) -> dict[str, list[Run]]:
    """Return the runs that learned from all texts, true labels and nothing else, at default rates.

    A run of another learning rate is none of them.
    """
    return {
        name: list(seeds)
        for name, seeds in runs.items()
        if _on_true_labels(seeds) and _n_train(seeds) is None and LEARNING_RATE_SUFFIX not in name
    }


def trained_on_n(runs: RunsByModel, n_train: int) -> dict[str, list[Run]]:
    """Return the runs that learned from so many texts and true labels, by what was trained."""
    return {
        model_name(seeds[0]): list(seeds)
        for seeds in runs.values()
        if _on_true_labels(seeds) and _n_train(seeds) == n_train
    }


def model_name(run: Run) -> str:
    """Return what was trained, without set, subset, labels and seed."""
    run_suffix = DataConfig(**run.settings["training"]).run_suffix
    return run.name.partition("/")[2].removesuffix(f"-{run_suffix}")


def by_dataset(runs: RunsByModel) -> dict[str, dict[str, list[Run]]]:
    """Return runs by their set of texts, then by what was trained."""
    sets: dict[str, dict[str, list[Run]]] = {}
    for seeds in runs.values():
        of_set = sets.setdefault(seeds[0].config["textset"], {})
        of_set.setdefault(model_name(seeds[0]), []).extend(seeds)
    return sets


def dataset_sizes(models: RunsByModel) -> dict[str, Metric]:
    """Return the classes of a set of texts and how many texts each of its splits has."""
    config = next(iter(models.values()))[0].config
    sizes = {split: Metric(config["texts"][split]) for split in ("train", "validation", "test")}
    return {"classes": Metric(len(config["classes"])), **sizes}


def metrics_over_seeds(seeds: Sequence[Run]) -> dict[str, Metric]:
    """Return the scores of one model over its seeds, with intervals over texts and seeds."""
    rows = bootstrap([run.predictions(DocumentPredictions) for run in seeds], REPORTED_METRICS)
    scores = {
        row.metric: Metric(row.value, row.low, row.high, (row.high - row.low) / 2)
        for row in rows.itertuples()
    }
    costs = {name: Metric(value, tolerance=abs(value)) for name, value in mean_costs(seeds).items()}
    return scores | costs | {"seeds": Metric(len(seeds))}


def accuracy_table(models: RunsByModel) -> pd.DataFrame:
    """Return a row a model with `value`, `low` and `high` of its accuracy, the worst first."""
    rows = {name: metrics_over_seeds(seeds)["accuracy"] for name, seeds in models.items()}
    table = pd.DataFrame({name: vars(metric) for name, metric in rows.items()}).T
    return table[["value", "low", "high"]].sort_values("value")


def validation_optimism(models: RunsByModel) -> pd.DataFrame:
    """Return by how much validation flatters each model: its accuracy there, minus that on test.

    Columns `value`, `low`, `high`, the interval over texts and seeds, and both accuracies.
    """
    rows = {}
    for name, seeds in models.items():
        tables = [
            bootstrap(said, ("accuracy",)).iloc[0]
            for said in (
                [run.val_predictions(DocumentPredictions) for run in seeds],
                [run.predictions(DocumentPredictions) for run in seeds],
            )
        ]
        there, here = (row["value"] for row in tables)
        # The texts of both are others, so that their errors are independent.
        half = float(np.hypot(*((row["high"] - row["low"]) / 2 for row in tables)))
        gap = there - here
        rows[name] = {
            "value": gap, "low": gap - half, "high": gap + half, "validation": there, "test": here,
        }  # fmt: skip
    return pd.DataFrame(rows).T.rename_axis("model")


def error_rate_ratios(models: RunsByModel, baseline: str) -> dict[str, Metric]:
    """Return each model's error over the baseline's, as `<model>_over_<baseline>`."""
    found = {}
    for name, seeds in models.items():
        if name != baseline:
            value, low, high = run_error_rate_ratio(seeds, models[baseline])
            if np.isfinite(value):
                found[f"{name}_over_{baseline}"] = Metric(value, low, high, (high - low) / 2)
    return found


def run_error_rate_ratio(
    seeds: Sequence[Run],
    baseline: Sequence[Run],
    said: tuple[Sequence[DocumentPredictions], Sequence[DocumentPredictions]] | None = None,
) -> tuple[float, float, float]:
    """Return the error of one model over another's with its interval: value, low, high.

    Where both learned from the texts that their seeds drew, these are drawn together. `said` is
    what they say of fewer texts than they were asked about.
    """
    sides = said or tuple(
        [run.predictions(DocumentPredictions) for run in side] for side in (seeds, baseline)
    )
    drawn = [
        [(run.config["textset"], run.config["seed"]) for run in side if _n_train([run])]
        for side in (seeds, baseline)
    ]
    paired_seeds = drawn[0] == drawn[1] and len(drawn[0]) == len(seeds) == len(baseline)
    return error_rate_ratio(*sides, paired_seeds=paired_seeds)


def model_table(models: RunsByModel) -> pd.DataFrame:
    """Return a row a model: scores and what they cost, the best first."""
    rows = {name: metrics_over_seeds(seeds) for name, seeds in models.items()}
    columns = {
        "error": lambda m: 1 - m["accuracy"].value,
        "low": lambda m: 1 - m["accuracy"].high,
        "high": lambda m: 1 - m["accuracy"].low,
        **{name: _metric_getter(name) for name in ("macro_f1", "ece", "overfitting_gap")},
        "trained": _metric_getter("trained_parameters"),
        "train_s": _metric_getter("train_seconds"),
        "s_per_1000": _metric_getter("inference_seconds_per_1000"),
        "GB": _metric_getter("peak_memory_gb"),
        "seeds": _metric_getter("seeds"),
    }
    table = pd.DataFrame(
        {name: {column: get(m) for column, get in columns.items()} for name, m in rows.items()}
    ).T
    return table.rename_axis("model").sort_values("error")


def learning_curve_table(runs: RunsByModel) -> pd.DataFrame:
    """Return `model`, `n_train`, `seeds` and accuracy with `low` and `high`, a row a size.

    Of models that were trained on more than one size, true labels alone.
    """
    rows = []
    for seeds in runs.values():
        if _on_true_labels(seeds) and LEARNING_RATE_SUFFIX not in seeds[0].name:
            accuracy = metrics_over_seeds(seeds)["accuracy"]
            rows.append(
                {
                    "model": model_name(seeds[0]),
                    "examples": seeds[0].config["texts"]["train"],
                    "seeds": [run.metrics["accuracy"].value for run in seeds],
                    "accuracy": accuracy.value,
                    "low": accuracy.low,
                    "high": accuracy.high,
                }
            )
    table = pd.DataFrame(rows)
    return table[table.groupby("model")["examples"].transform("nunique") > 1]


def crossover_table(table: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Return where the second model of each pair overtakes the first for good, or that it does not.

    `table` is of `learning_curve_table`; sizes that one of the two lacks are left out.
    """
    rows = []
    for first, second in pairs:
        curves = {
            model: rows_.set_index("examples")["seeds"].sort_index()
            for model, rows_ in table.groupby("model")
        }
        sizes = curves[first].index.intersection(curves[second].index)
        least = min(len(curves[m][size]) for m in (first, second) for size in sizes)
        a, b = ([[curves[m][s][i] for s in sizes] for i in range(least)] for m in (first, second))
        found = find_crossover(sizes, a, b)
        ahead = {"a": first, "b": second}
        rows.append(
            {
                "pair": f"{first} / {second}",
                "from_examples": found.n_train if found else None,
                "low": found.low if found else None,
                "high": found.high if found else None,
                "ahead_then": ahead[found.best_after]
                if found
                else _dominating_model(a, b, first, second),
            }
        )
    return pd.DataFrame(rows).set_index("pair")


def confused(seeds: Sequence[Run], top: int = 12) -> pd.DataFrame:
    """Return the pairs of classes that a model takes for each other most often."""
    pairs = confused_pairs([run.predictions(DocumentPredictions) for run in seeds], top=top)
    return pairs[["label", "predicted", "n", "back"]].set_index("label")


def learning_rate_table(runs: RunsByModel, model: str) -> pd.DataFrame:
    """Return the accuracy of one model by its highest learning rate: `value`, `low`, `high`."""
    rows = {}
    for seeds in runs.values():
        full = _on_true_labels(seeds) and _n_train(seeds) is None
        if full and model_name(seeds[0]).partition(LEARNING_RATE_SUFFIX)[0] == model:
            rate = seeds[0].settings["estimator"]["training"]["learning_rate"]
            rows[rate] = metrics_over_seeds(seeds)["accuracy"]
    table = pd.DataFrame({rate: vars(metric) for rate, metric in rows.items()}).T
    return table[["value", "low", "high"]].sort_index()


def label_noise_table(models: RunsByModel, labels: str) -> pd.DataFrame:
    """Return, for models that also learned from other labels, the accuracy after either.

    Columns `true`, `noisy` and `ratio` of errors with `low` and `high`.
    """
    rows = {}
    for name, seeds in models.items():
        sides = {
            column: [run for run in seeds if run.settings["training"]["labels"] == column]
            for column in ("label", labels)
        }
        full = {
            column: [run for run in side if run.settings["training"]["examples"] is None]
            for column, side in sides.items()
        }
        if all(full.values()):
            said = {
                c: [run.predictions(DocumentPredictions) for run in side]
                for c, side in full.items()
            }
            ratio, low, high = error_rate_ratio(said[labels], said["label"])
            means = {c: metrics_over_seeds(side)["accuracy"].value for c, side in full.items()}
            rows[name] = {
                "true": 1 - means["label"],
                "noisy": 1 - means[labels],
                "ratio": ratio,
                "low": low,
                "high": high,
            }
    return pd.DataFrame(rows).T.rename_axis("model")


def _on_true_labels(seeds: Sequence[Run]) -> bool:
    """Return whether a model learned from true labels of real texts, drawn from all there are."""
    training = seeds[0].settings["training"]
    return training.get("labels") == "label" and not training.get("added")


def _n_train(seeds: Sequence[Run]) -> int | None:
    found: int | None = seeds[0].settings["training"]["examples"]
    return found


def _metric_getter(name: str) -> Any:
    return lambda metrics: metrics[name].value if name in metrics else float("nan")


def _dominating_model(a: Sequence[Any], b: Sequence[Any], first: str, second: str) -> str:
    means = [pd.DataFrame(curve).mean().to_numpy() for curve in (a, b)]
    if (means[0] >= means[1]).all():
        return first
    return second if (means[1] >= means[0]).all() else "neither"
