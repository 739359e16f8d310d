"""Tables of the generative study: calibration, classes, data augmentation, next-token losses."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from wholescript.evaluation.calibration import equal_mass_bins
from wholescript.evaluation.document_comparison import per_class_metrics
from wholescript.evaluation.document_metrics import ECE_BINS, bootstrap
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.display_names import model_display_name
from wholescript.experiments.documents.runs import predictions_by_seed
from wholescript.experiments.documents.study import DocumentStudy
from wholescript.experiments.documents.tables import (
    RunsByModel,
    error_rate_ratios,
    metrics_over_seeds,
    model_name,
    n_train_of,
    run_error_rate_ratio,
    trained_on_n,
)
from wholescript.experiments.results import Metric
from wholescript.experiments.seeds import strip_seed
from wholescript.experiments.store import Run
from wholescript.experiments.stored import StoredDataset
from wholescript.experiments.workspace import bootstrap_seed
from wholescript.plots.confusion import MOST_CLASSES

PUBLISHED_ACCURACY, PUBLISHED_N_TEST = 0.901, 1_000
"""Of two class-conditional GPT-2 models, as published, and the reviews that it was measured on."""

FINETUNED = "smollm2-bayes-lora-prompted"
SHARED_TRUNK = "smollm2-pruned-bayes-shared-trunk"
SHARED_TRUNK_GENERATIVE = f"{SHARED_TRUNK}-generative"
"""The pretrained models: fine-tuned per class; pruned, with a discriminative or only a next-token
loss."""
EXAMPLE = (
    "I expected to hate this film. The first hour is slow, and nobody would call the dialogue "
    "subtle, but the ending is so honest that I forgot every complaint. Not a masterpiece, and "
    "still one of the warmest films of the year."
)
"""The review whose words are attributed where the published ones are not here."""
EXAMPLE_WORDS = 60  # as many fit on the axis of a figure


def published_accuracy() -> Metric:
    """Return the published accuracy with its Wilson interval."""
    n_correct = round(PUBLISHED_ACCURACY * PUBLISHED_N_TEST)
    bounds = binomtest(n_correct, PUBLISHED_N_TEST).proportion_ci(method="wilson")
    return Metric(PUBLISHED_ACCURACY, bounds.low, bounds.high)


def finite(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return the metrics with a value: a ratio to 0 has none."""
    return {name: metric for name, metric in metrics.items() if np.isfinite(metric.value)}


def example_text(study: DocumentStudy) -> str:
    """Return a text to attribute: the first one of test that is short, or one of our own."""
    if isinstance(study.main, StoredDataset):
        return EXAMPLE
    texts = study.main.splits["test"].texts
    return next((text for text in texts if len(text.split()) <= EXAMPLE_WORDS), texts[0])


def display_name(name: str) -> str:
    """Return the display name of a model, and how many texts it was trained on (`on_few`)."""
    if match := re.fullmatch(r"(.+)-n(\d+)", name):
        return f"{model_display_name(match[1])}, {int(match[2]):,} texts"
    return model_display_name(name)


def display_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the display names of models in its index and its column `model`."""
    names = {name: display_name(name) for name in table.index if isinstance(name, str)}
    named = table.rename(index=names)
    return named.assign(model=table["model"].map(display_name)) if "model" in table else named


def on_few(models: RunsByModel, n_train: int) -> dict[str, Sequence[Run]]:
    """Return models by names that say how many texts they were trained on."""
    return {f"{name}-n{n_train}": runs for name, runs in models.items()}


def ratio_table(ratios: Mapping[str, Metric]) -> pd.DataFrame:
    """Return error-rate ratios `<model>_over_<baseline>` and their bounds, a row each.

    Index the display names `model` and `baseline`; columns `error_ratio`, `low`, `high`.
    """
    pairs = [[display_name(part) for part in name.split("_over_")] for name in ratios]
    index = pd.MultiIndex.from_arrays(
        [[model for model, _ in pairs], [baseline for _, baseline in pairs]],
        names=["model", "baseline"],
    )
    rows = [(metric.value, metric.low, metric.high) for metric in ratios.values()]
    return pd.DataFrame(rows, index, ["error_ratio", "low", "high"])


def weight_table(ensembles: Mapping[str, Sequence[Run]]) -> pd.DataFrame:
    """Return the weights of an ensemble and its test error, a row per hold-out."""
    rows = {}
    for hold_out, runs in ensembles.items():
        chosen = runs[0].config["chosen"]
        members = {strip_seed(run).rpartition("/")[2]: weight for run, weight in chosen.items()}
        error = 1 - metrics_over_seeds(runs)["accuracy"].value
        rows[hold_out] = {model_display_name(k): v for k, v in members.items()} | {"error": error}
    return pd.DataFrame(rows).T.rename_axis("hold-out")


def ratios_by_size(
    runs: RunsByModel, models: Sequence[str], baseline: str
) -> dict[int, dict[str, Metric]]:
    """Return the error-rate ratios of `models` to the baseline by number of training texts."""
    by_size = {}
    sizes = {n for of_model in runs.values() if (n := n_train_of(of_model)) is not None}
    for n_train in sorted(sizes):
        of_size = trained_on_n(runs, n_train)
        compared = {name: of_size[name] for name in (*models, baseline) if name in of_size}
        if baseline in compared and len(compared) > len(models):
            by_size[n_train] = error_rate_ratios(compared, baseline)
    return by_size


def calibration_table(models: RunsByModel) -> pd.DataFrame:
    """Return the effect of calibrating Bayes' rule: a row per generative model, means over seeds.

    Columns: `accuracy`, `ece` and `log_loss`, each also with the suffix `_uncalibrated`; the
    parameters `temperature` and `length_exponent`; `ece_ratio`, the ECE before over that after
    calibration; `expected_ece_if_calibrated`, the ECE of perfectly calibrated probabilities in a
    sample of this size (`ece_noise_floor`).
    """
    rows = {}
    for name, runs in models.items():
        metrics = metrics_over_seeds(runs)
        if "ece_uncalibrated" not in metrics:
            continue
        row = {}
        for metric in [name for name in ("accuracy", "ece", "log_loss") if name in metrics]:
            row[f"{metric}_uncalibrated"] = metrics[f"{metric}_uncalibrated"].value
            row[metric] = metrics[metric].value
        for parameter in ("temperature", "length_exponent"):
            values = [_calibration_parameter(run, parameter) for run in runs]
            row[parameter] = float(np.mean(values))
        row["ece_ratio"] = row["ece_uncalibrated"] / row["ece"] if row["ece"] else np.nan
        floors = [
            ece_noise_floor(run.predictions(DocumentPredictions), seed=bootstrap_seed())
            for run in runs
        ]
        row["expected_ece_if_calibrated"] = float(np.mean(floors))
        rows[name] = row
    return pd.DataFrame(rows).T.rename_axis("model")


def ece_noise_floor(predictions: DocumentPredictions, seed: int = 0) -> float:
    """Return the expected ECE if the confidences were perfectly calibrated.

    The mean over 100 simulations in which each prediction is correct with the probability of
    its confidence, in the bins of the ECE. It is above 0 because the sample is finite.
    """
    assert predictions.confidence is not None
    confidence = predictions.confidence.astype(np.float64)
    bins, rng = equal_mass_bins(confidence, ECE_BINS), np.random.default_rng(seed)
    gaps = ((rng.random(len(confidence)) < confidence) - confidence for _ in range(100))
    errors = [np.abs(np.bincount(bins, gap)).sum() for gap in gaps]
    return float(np.mean(errors) / len(confidence))


def validation_optimism(models: RunsByModel) -> pd.DataFrame:
    """Return validation accuracy minus test accuracy of each model, the optimism of validation.

    Columns `value`, `low`, `high` (over documents and seeds), `validation`, `test`.
    """
    rows = {}
    for name, runs in models.items():
        on_validation = [run.val_predictions(DocumentPredictions) for run in runs]
        intervals = [
            bootstrap(predictions, ("accuracy",), seed=bootstrap_seed()).iloc[0]
            for predictions in (on_validation, predictions_by_seed(runs))
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


def per_class_table(models: RunsByModel) -> pd.DataFrame:
    """Return precision, recall and F1 per class, a row per model, columns such as `f1 negative`.

    The values are means over seeds. Of more than `MOST_CLASSES` classes only F1 is returned.
    """
    rows = {}
    for name, runs in models.items():
        table = per_class_metrics(predictions_by_seed(runs))
        table = table[["f1"]] if len(table) > MOST_CLASSES else table.drop(columns="support")
        rows[name] = {
            f"{metric} {c}": table.loc[c, metric] for c in table.index for metric in table
        }
    return pd.DataFrame(rows).T.rename_axis("model")


def synthetic_counts(syntheses: Sequence[Run]) -> pd.DataFrame:
    """Return the counts of generated and rejected texts, a row per seed of the generator."""
    return pd.DataFrame(
        [{name: metric.value for name, metric in run.metrics.items()} for run in syntheses],
        index=pd.RangeIndex(len(syntheses), name="seed"),
    )


def augmentation_table(runs: RunsByModel, n_train: int) -> pd.DataFrame:
    """Return the error of models trained on `n_train` real documents and additional ones.

    A row per model and number of documents: `model`, `source` of the additional documents
    ("synthetic" or "real"), `n_added` (of all classes), `n_real`, `seeds`, `error`, and
    `error_ratio`, the error over that without additional documents, with `low` and `high` over
    documents and seeds.
    """
    by_model: dict[str, dict[tuple[str, int], Sequence[Run]]] = {}
    for seed_runs in runs.values():
        first = seed_runs[0]
        data_config, n_classes = first.settings["data_config"], len(first.config["classes"])
        if data_config.get("label_column") != "label":
            continue
        n_synthetic = data_config.get("n_synthetic", 0) * n_classes
        n_more_real = first.config["documents"]["train"] - n_synthetic - n_train
        if n_more_real == 0:
            by_model.setdefault(model_name(first), {})["synthetic", n_synthetic] = seed_runs
        elif not n_synthetic:
            by_model.setdefault(model_name(first), {})["real", n_more_real] = seed_runs
    rows = []
    for model, augmented in by_model.items():
        baseline = augmented.get(("synthetic", 0))
        max_added = max(
            (n_added for source, n_added in augmented if source == "synthetic"), default=0
        )
        for (source, n_added), seed_runs in sorted(augmented.items()):
            if baseline is None or max_added == 0 or not 0 <= n_added <= max_added:
                continue
            common = {run.config["seed"] for run in seed_runs}
            common &= {run.config["seed"] for run in baseline}
            if not common:
                continue
            compared, reference = (
                [run for run in side if run.config["seed"] in common]
                for side in (seed_runs, baseline)
            )
            ratio, low, high = run_error_rate_ratio(compared, reference)
            rows.append(
                {
                    "model": model,
                    "source": source,
                    "n_added": n_added,
                    "n_real": n_train,
                    "seeds": len(compared),
                    "error": 1 - metrics_over_seeds(compared)["accuracy"].value,
                    "error_ratio": ratio,
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows)


def error_rate_ratios_on_common_documents(models: RunsByModel, baseline: str) -> dict[str, Metric]:
    """Return `error_rate_ratios` on the documents that all models have predicted.

    There are none where the baseline was left out, or made no errors.
    """
    if baseline not in models:
        return {}
    predictions = {name: predictions_by_seed(runs) for name, runs in models.items()}
    common = set.intersection(
        *(set(one.ids) for by_seed in predictions.values() for one in by_seed)
    )
    selected = {
        name: [one.select(common) for one in by_seed] for name, by_seed in predictions.items()
    }
    ratios = {}
    for name, by_seed in selected.items():
        if name != baseline:
            value, low, high = run_error_rate_ratio(
                models[name], models[baseline], (by_seed, selected[baseline])
            )
            ratios[f"{name}_over_{baseline}"] = Metric(value, low, high, (high - low) / 2)
    return finite(ratios)


def lm_losses_by_epoch(models: RunsByModel) -> pd.DataFrame:
    """Return `model`, `class`, `epoch`, `train_loss` and `val_loss` in nats per token.

    Of separately trained class-conditional language models: means over seeds, of the epochs of each
    class that all seeds reached.
    """
    tables = []
    for name, runs in models.items():
        histories = [run.history for run in runs if "class" in run.history]
        if not histories:
            continue
        rows = pd.concat(
            history.assign(epoch=history.groupby("class").cumcount() + 1) for history in histories
        )
        by_epoch = rows.groupby(["class", "epoch"])
        mean = by_epoch[["train_loss", "val_loss"]].mean()[by_epoch.size() == len(histories)]
        tables.append(mean.reset_index().assign(model=name))
        tables[-1]["class"] = np.array(runs[0].config["classes"])[tables[-1]["class"]]
    columns = ["class", "epoch", "train_loss", "val_loss", "model"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def best_epochs(losses: pd.DataFrame) -> pd.DataFrame:
    """Return the epoch with the lowest validation loss, of each model and class.

    `losses` are those of `lm_losses_by_epoch`.
    """
    best = losses.groupby(["model", "class"], sort=False)["val_loss"].idxmin()
    return losses.loc[best].set_index("model")


def _calibration_parameter(run: Run, name: str) -> float:
    """Return a parameter of Bayes' rule: a metric of language models, `chosen` by n-grams."""
    if name in run.metrics:
        return run.metrics[name].value
    return float(run.config["chosen"].get(name, np.nan))
