"""Models of labelled texts: `load_documents`, training, cross-validation, search, prediction."""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.api.estimators import run_label
from wholescript.api.saved import SavedModel, write_saved
from wholescript.data.checks import list_some
from wholescript.data.labelled import (
    LabelledDataset,
    load_source,
    prepare,
    read_labelled_dataset,
    tell_preparation,
)
from wholescript.data.labelled.cleaning import repair_text
from wholescript.data.labelled.dataset import METADATA
from wholescript.errors import DataError, ParameterError, did_you_mean
from wholescript.experiments.documents.cross_validation import DocumentCrossValidation
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.estimators import document_estimator
from wholescript.experiments.documents.load import load_trained, load_trained_run
from wholescript.experiments.documents.runs import find_document_runs
from wholescript.experiments.documents.train import DocumentExperiment
from wholescript.experiments.experiment import run as execute
from wholescript.experiments.metrics import METRICS
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run, RunStore
from wholescript.experiments.train_commands import TRAIN_COMMANDS
from wholescript.experiments.workspace import Workspace
from wholescript.prediction.tables import predict_rows
from wholescript.project import Project

DATA_SETTINGS = {"n_train", "label_column", "max_eval"}
TRAINING_STATE = ("checkpoint", "training.", "seconds-", "pretrained.", "log_likelihoods", ".")
"""Starts of the names of files that a trained model does not need."""


def open_workspace(store: str | Path | None = None) -> Workspace:
    """Return the workspace that stores runs in a folder, by default _build/results."""
    project = Project()
    return Workspace(project, RunStore(Path(store) if store else project.build / "results"))


def load_documents(source: str | Path, **options: Any) -> LabelledDataset:
    """Prepare or read a data set; see `wholescript.api.load_documents`."""
    build = Project().build / "labelled"
    path = Path(source)
    if not options:
        for folder in (path, build / path.name if str(source) == path.name else path):
            if (folder / METADATA).is_file():
                return read_labelled_dataset(folder)
    of_source = set(inspect.signature(load_source).parameters) - {"dataset"}
    of_prepare = set(inspect.signature(prepare).parameters) - {"source", "output_folder"}
    for name in options:
        if name not in of_source | of_prepare:
            raise ParameterError(
                f"load_documents has no option {name!r}{did_you_mean(name, of_source | of_prepare)}"
            )
    given = {name: value for name, value in options.items() if name in of_source}
    if given.get("path") is not None:
        given["path"] = Path(given["path"])
    if path.exists() and not given.get("name"):
        given["name"] = re.sub(r"[^\w+-]+", "-", path.stem).strip("-") or "texts"
    found = load_source(str(source), **given)
    others = {name: value for name, value in options.items() if name in of_prepare}
    metadata = prepare(found, build / found.name, **others)
    if not found.registered:
        print(*tell_preparation(metadata), sep="\n")
    return read_labelled_dataset(build / found.name)


def metrics_table(metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """Return the metrics that have an interval: metric, value, low and high (95%)."""
    rows = [
        (METRICS[name].display_name if name in METRICS else name, m.value, m.low, m.high)
        for name, m in metrics.items()
        if m.low is not None
    ]
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high"])


@dataclass(frozen=True)
class DocumentModel:
    """A trained model of labelled texts: `classes` are the names of its labels.

    `settings` are those of its run; `fitted` is the classifier itself, and `weights` its folder.
    """

    name: str
    classes: list[str]
    settings: dict[str, Any]
    metrics: dict[str, Metric]
    fitted: Any
    weights: Path

    def __repr__(self) -> str:
        """Return the name, the classes and the accuracy."""
        accuracy = self.metrics["accuracy"].value
        return f"<{self.name}: {len(self.classes)} classes, test accuracy {accuracy:.3f}>"

    def evaluate(self) -> pd.DataFrame:
        """Return the metrics on the test split: metric, value, and the 95% interval, low to high.

        >>> model.evaluate().query("metric == 'accuracy'")  # doctest: +SKIP
        """
        return metrics_table(self.metrics)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probability of each class, (n, n_classes), in the order of `classes`.

        Texts are repaired first, as those that the model was trained on.

        Raises:
            DataError: there is no text, or one is empty.
        """
        if isinstance(texts, str):
            raise DataError("texts is a single string: give a list with at least one text")
        if bad := [i for i, text in enumerate(texts) if not isinstance(text, str)]:
            raise DataError(f"texts that are no strings: {list_some(bad)}")
        probabilities: NDArray[np.float32] = self.fitted.predict_proba(
            [repair_text(text)[0] for text in texts]
        )
        return probabilities

    def predict(self, texts: Sequence[str] | pd.DataFrame, text_column: str | None = None) -> Any:
        """Return the label of each text; of a data frame its rows with `label` and `probability`.

        >>> model.predict(["My card was stolen"])  # doctest: +SKIP
        ['lost_or_stolen_card']

        Raises:
            DataError: there is no text, or one of a list is empty.
        """
        if isinstance(texts, pd.DataFrame):
            return predict_rows(self, texts, text_column)
        return [self.classes[number] for number in self.predict_proba(texts).argmax(axis=1)]

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder: settings, classes, metrics and weights.

        Weights of a pretrained model that were not trained are not in it: `load` takes them from
        the package, folder or hub name that they are from.

        >>> model.save("tickets-model")  # doctest: +SKIP

        Raises:
            ParameterError: the folder has other files.
        """
        files = {
            path.relative_to(self.weights).as_posix(): path
            for path in sorted(self.weights.rglob("*"))
            if path.is_file()
            and not path.relative_to(self.weights).parts[0].startswith(TRAINING_STATE)
        }
        description = {
            "name": self.name,
            "classes": self.classes,
            "settings": self.settings,
            "metrics": {name: metric.as_dict() for name, metric in self.metrics.items()},
        }
        write_saved(Path(folder), "documents", description, files)

    def export(self, folder: str | Path) -> None:
        """Write a fine-tuned model as a folder of transformers, with its tokenizer.

        `AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)` reads
        it: its head has a bias, which the class of transformers lacks, so the folder has a class.

        Raises:
            ParameterError: the model has no such format; the message says which have.
        """
        from wholescript.models.export import export_classifier

        network = getattr(self.fitted, "network", None)
        max_length = getattr(self.fitted, "max_length", 0)
        export_classifier(network, self.classes, max_length, Path(folder), self.name)


def train_documents(
    model: str,
    data: LabelledDataset,
    seed: int,
    name: str | None,
    store: str | Path | None,
    progress: bool,
    settings: Mapping[str, Any],
) -> DocumentModel:
    """Train and evaluate a model; see `wholescript.api.train`."""
    of_data, of_model = _split_settings(settings)
    estimator = document_estimator(model, of_model, _unlabelled(data))
    label = name or _run_name(model, of_model)
    experiment = DocumentExperiment(estimator, DataConfig(seed, **of_data), label)
    workspace = open_workspace(store)
    made = execute(experiment, data, workspace, progress=progress)
    if not any(workspace.checkpoints(made.key).glob("*.safetensors")):  # _build was deleted
        made = execute(experiment, data, workspace, progress=progress, again=True)
    return _of_run(workspace, made)


def open_run(name: str, store: str | Path | None = None) -> DocumentModel:
    """Return the model of a stored run, such as `tickets/tfidf-svm-s0`.

    Raises:
        RunError: there is no such run, or its weights are not on this computer.
    """
    workspace = open_workspace(store)
    ((found, *_),) = find_document_runs(workspace.store, [name]).values()
    return _of_run(workspace, found)


def read_document_model(saved: SavedModel) -> DocumentModel:
    """Return a model that `DocumentModel.save` wrote.

    Raises:
        DataError: its description or its weights are damaged.
    """
    try:
        description = saved.description
        classes, settings = list(description["classes"]), dict(description["settings"])
        metrics = {name: Metric(**item) for name, item in description["metrics"].items()}
        fitted = load_trained(settings["estimator"], saved.weights, len(classes))
        return DocumentModel(description["name"], classes, settings, metrics, fitted, saved.weights)
    except (KeyError, TypeError) as problem:
        folder = saved.weights.parent
        raise DataError(f"{folder} is damaged ({problem!r}): save the model again") from None


def cross_validate_documents(
    model: str,
    data: LabelledDataset,
    n_folds: int,
    seed: int,
    include_test: bool,
    name: str | None,
    store: str | Path | None,
    progress: bool,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Cross-validate a model; see `wholescript.api.cross_validate`."""
    estimator = document_estimator(model, settings, _unlabelled(data))
    label = name or _run_name(model, settings)
    experiment = DocumentCrossValidation(estimator, n_folds, seed, include_test, label)
    made = execute(experiment, data, open_workspace(store), progress=progress)
    folds = made.history
    stds = {METRICS[m].display_name: float(folds[m].std()) for m in ("accuracy", "macro_f1")}
    table = metrics_table(made.metrics)
    return table.assign(std=table["metric"].map(stds))


def tune_documents(
    model: str,
    data: LabelledDataset,
    space: Mapping[str, Any],
    trials: int,
    seed: int,
    workers: int | None,
    address: str | None,
    name: str | None,
    store: str | Path | None,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Search settings of a model; see `wholescript.api.tune`."""
    from wholescript.experiments.documents.search import DocumentSearch

    of_data, of_model = _split_settings(settings)
    unlabelled = _unlabelled(data)
    base = document_estimator(model, of_model, unlabelled)
    experiment = DocumentSearch(
        partial(_sampled_estimator, model, of_model, unlabelled),
        base,
        space,
        trials,
        DataConfig(seed, **of_data),
        name or _run_name(model, {**of_model, "of": sorted(space)}),
        address,
        workers,
    )
    return execute(experiment, data, open_workspace(store)).history


def _sampled_estimator(
    model: str, settings: Mapping[str, Any], unlabelled: Sequence[str], sampled: Mapping[str, Any]
) -> Any:
    return document_estimator(model, {**settings, **sampled}, unlabelled)


def _split_settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    of_data = {name: value for name, value in settings.items() if name in DATA_SETTINGS}
    return of_data, {name: value for name, value in settings.items() if name not in of_data}


def _run_name(model: str, settings: Mapping[str, Any]) -> str:
    """Return the name that the command line gives a run, with the changed settings."""
    fixed = TRAIN_COMMANDS[model].fixed
    plain = model if fixed else document_estimator(model, {}).name
    return run_label(plain, settings)


def _unlabelled(data: LabelledDataset) -> Sequence[str]:
    split = data.splits.get("unsupervised")
    return split.texts if split else ()


def _of_run(workspace: Workspace, run: Run) -> DocumentModel:
    fitted = load_trained_run(workspace.project, run)
    weights = workspace.checkpoints(run.key)
    return DocumentModel(
        run.name, run.config["classes"], run.settings, run.metrics, fitted, weights
    )
