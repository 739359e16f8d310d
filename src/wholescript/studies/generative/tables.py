"""Stored runs of models of language, and of what they wrote, as tables of a notebook."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wholescript.evaluation.calibration import equal_mass_bins
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.evaluation.multiclass_comparison import per_class_metrics
from wholescript.evaluation.multiclass_metrics import ECE_BINS
from wholescript.experiments.documents.tables import (
    RunsByModel,
    metrics_over_seeds,
    model_name,
    run_error_rate_ratio,
)
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run


def calibration_table(models: RunsByModel) -> pd.DataFrame:
    """Return what calibration does to Bayes' rule: a row a model of language.

    Columns `accuracy`, `ece` and `log_loss`, each also as it was `plain`; what was found on
    validation, `temperature` and its `growth` with the length of a text (a bias besides); `times`,
    by how much the calibration error shrinks, and `least`, what it would be of probabilities that
    are right, since the texts are not without number. Means over seeds.
    """
    rows = {}
    for name, seeds in models.items():
        scores = metrics_over_seeds(seeds)
        if "ece_uncalibrated" not in scores:
            continue
        found = {}
        for metric in [name for name in ("accuracy", "ece", "log_loss") if name in scores]:
            found[f"{metric}_plain"] = scores[f"{metric}_uncalibrated"].value
            found[metric] = scores[metric].value
        for fact in ("temperature", "growth"):
            found[fact] = float(np.mean([_calibration_parameter(run, fact) for run in seeds]))
        least = float(
            np.mean([ece_noise_floor(run.predictions(DocumentPredictions)) for run in seeds])
        )
        rows[name] = found | {"times": found["ece_plain"] / found["ece"], "least": least}
    return pd.DataFrame(rows).T.rename_axis("model")


def ece_noise_floor(predictions: DocumentPredictions, n_draws: int = 100, seed: int = 0) -> float:
    """Return the calibration error that is left to chance, were each answer as sure as it is right.

    The mean over `n_draws` of which answers are right, in the bins that the error is taken over.
    """
    assert predictions.confidence is not None
    sure = predictions.confidence.astype(np.float64)
    bins, rng = equal_mass_bins(sure, ECE_BINS), np.random.default_rng(seed)
    beyond = ((rng.random(len(sure)) < sure) - sure for _ in range(n_draws))
    return float(np.mean([np.abs(np.bincount(bins, part)).sum() for part in beyond]) / len(sure))


def per_class_table(models: RunsByModel) -> pd.DataFrame:
    """Return precision, recall and F1 of each class, a row a model: columns such as `f1 negative`.

    The means over seeds.
    """
    rows = {}
    for name, seeds in models.items():
        table = per_class_metrics([run.predictions(DocumentPredictions) for run in seeds]).drop(
            columns="texts"
        )
        rows[name] = {f"{score} {c}": table.loc[c, score] for c in table.index for score in table}
    return pd.DataFrame(rows).T.rename_axis("model")


def augmentation_table(runs: RunsByModel, n_train: int) -> pd.DataFrame:
    """Return what further texts do to models that learned from `n_train` real ones besides.

    A row a model and number of texts: `model`, `further` ("written", or "real" where as many real
    ones were learned from), `added` (texts of all classes), `real`, `seeds`, `error`, and `ratio`,
    the error over that without any, with `low` and `high` over texts and seeds.
    """
    by_model: dict[str, dict[tuple[str, int], Sequence[Run]]] = {}
    for seeds in runs.values():
        training, classes = seeds[0].settings["training"], len(seeds[0].config["classes"])
        if training.get("labels") != "label" or training.get("examples") is None:
            continue
        more, written = training["examples"] - n_train, training.get("added", 0) * classes
        if more == 0:
            by_model.setdefault(model_name(seeds[0]), {})["written", written] = seeds
        elif not written:
            by_model.setdefault(model_name(seeds[0]), {})["real", more] = seeds
    rows = []
    for model, found in by_model.items():
        alone = found.get(("written", 0))
        most = max((added for further, added in found if further == "written"), default=0)
        for (further, added), seeds in sorted(found.items()):
            if alone is None or most == 0 or not 0 <= added <= most:
                continue
            shared = {run.config["seed"] for run in seeds} & {run.config["seed"] for run in alone}
            taken, plain = (
                [run for run in side if run.config["seed"] in shared] for side in (seeds, alone)
            )
            if not shared:
                continue
            ratio, low, high = run_error_rate_ratio(taken, plain)
            rows.append(
                {
                    "model": model,
                    "further": further,
                    "added": added,
                    "real": n_train,
                    "seeds": len(taken),
                    "error": 1 - metrics_over_seeds(taken)["accuracy"].value,
                    "ratio": ratio,
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows)


def on_common_documents(models: RunsByModel) -> dict[str, list[DocumentPredictions]]:
    """Return what models say of the test texts that all of them were asked about."""
    said = {name: _test_predictions(seeds) for name, seeds in models.items()}
    common = set.intersection(*(set(one.ids) for seeds in said.values() for one in seeds))
    return {name: [one.select(common) for one in seeds] for name, seeds in said.items()}


def error_rate_ratios_on_common_documents(models: RunsByModel, baseline: str) -> dict[str, Metric]:
    """Return each model's error over the baseline's, where both were asked about the same texts."""
    said = on_common_documents(models)
    found = {}
    for name, seeds in said.items():
        if name != baseline:
            value, low, high = run_error_rate_ratio(
                models[name], models[baseline], (seeds, said[baseline])
            )
            found[f"{name}_over_{baseline}"] = Metric(value, low, high, (high - low) / 2)
    return found


def lm_losses_by_epoch(models: RunsByModel) -> pd.DataFrame:
    """Return `model`, `class`, `epoch`, `train_loss`, `held_out_loss`: in nats a token.

    Of models whose epochs tell of the next token, the mean over seeds; each class counts its own
    epochs, as many as all seeds had.
    """
    parts = []
    for name, seeds in models.items():
        histories = [run.history for run in seeds if "class" in run.history]
        if not histories:
            continue
        rows = pd.concat(
            history.assign(epoch=history.groupby("class").cumcount() + 1) for history in histories
        )
        by_epoch = rows.groupby(["class", "epoch"])
        mean = by_epoch[["train_loss", "held_out_loss"]].mean()[by_epoch.size() == len(histories)]
        parts.append(mean.reset_index().assign(model=name))
        parts[-1]["class"] = np.array(seeds[0].config["classes"])[parts[-1]["class"]]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def best_epochs(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return, of each model and class of `lm_losses_by_epoch`, the epoch of least held-out loss."""
    best = epochs.groupby(["model", "class"], sort=False)["held_out_loss"].idxmin()
    return epochs.loc[best].set_index("model")


def _calibration_parameter(run: Run, fact: str) -> float:
    """Return a number of Bayes' rule: of n-grams it was chosen, of networks measured."""
    if fact in run.metrics:
        return run.metrics[fact].value
    return float(run.config["chosen"].get(fact, np.nan))


def _test_predictions(seeds: Sequence[Run]) -> list[DocumentPredictions]:
    return [run.predictions(DocumentPredictions) for run in seeds]
