"""Trained document classifiers, rebuilt from a run's settings and its folder of weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.documents.train import DocumentEstimator
from wholescript.experiments.registry import find_model
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import checkpoint_dir
from wholescript.features.sentence_embeddings import SentenceEmbeddingConfig
from wholescript.models.documents.sklearn_classifier import SklearnClassifier
from wholescript.project import Project
from wholescript.training.loop import TrainConfig

CONFIG_CLASSES = {
    "train_config": TrainConfig,
    "pretrain": TrainConfig,
    "settings": SentenceEmbeddingConfig,
}
"""The classes of nested settings, by the name of their field."""


def load_trained_run(project: Project, run: Run) -> Any:
    """Return the trained classifier of a run.

    Raises:
        RunError: the run is an ensemble of runs, or its weights are not on this computer.
        DataError: the weights are damaged.
    """
    if run.config["experiment"] != "document_classifier":
        raise RunError(f"{run.name} has no weights: it is a run of {run.config['experiment']!r}")
    folder = checkpoint_dir(project, run.key)
    if not folder.is_dir():
        raise RunError(
            f"the weights of {run.name} are not on this computer: they stay in _build, where it "
            "was trained; train it again"
        )
    return load_trained(run.settings["estimator"], folder, len(run.config["classes"]))


def load_trained(settings: Mapping[str, Any], folder: Path, n_classes: int) -> Any:
    """Return the trained classifier with these stored settings, from its folder of weights.

    Raises:
        DataError: the weights are damaged.
    """
    estimator = make_estimator(settings)
    if isinstance(estimator, SklearnClassifier):
        return estimator.load(folder)
    return estimator.load(folder, n_classes)


def make_estimator(settings: Mapping[str, Any]) -> DocumentEstimator:
    """Return the untrained estimator with these stored settings.

    It has no unlabelled documents: settings hold only their number, `n_unlabelled`.
    """
    fields = {
        name: _parse_value(name, value)
        for name, value in settings.items()
        if name not in ("model", "n_unlabelled")
    }
    estimator: DocumentEstimator = find_model(settings["model"]).load()(**fields)
    return estimator


def _parse_value(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return make_estimator(value) if "model" in value else CONFIG_CLASSES[name](**value)
    return tuple(value) if isinstance(value, list) else value
