"""Document classifiers, trained and evaluated as stored runs, one per seed."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score

from wholescript.data.labelled import LabelledDataset
from wholescript.evaluation.document_metrics import bootstrap
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.data_config import (
    DataConfig,
    get_labels,
    subsample_eval_indices,
    subsample_train,
)
from wholescript.experiments.documents.runs import TEST_FINGERPRINT, classification_metrics
from wholescript.experiments.environment import run_profile
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.key import hash_json
from wholescript.experiments.results import Metric
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.documents.classical_classifier import ClassicalDocumentClassifier
from wholescript.training.document_classifier import (
    FittedClassifier,
    LabelledDocuments,
    TrainedDocumentClassifier,
)
from wholescript.training.hardware import hardware
from wholescript.training.loop import HistoryRow
from wholescript.training.memory import peak_rss, reset_peak_memory, rss
from wholescript.training.pretrain import pretrain_seconds

BYTES_PER_GB = 1e9
N_TIMED = 1_000  # documents of the timed prediction
MAX_TRAIN_EVAL = 2_000  # training documents that the overfitting gap is measured on
UNCALIBRATED_METRICS = ("accuracy", "ece", "log_loss")  # also stored before calibration


@runtime_checkable
class FittedClassConditionalLM(Protocol):
    """A trained generative classifier: a language model per class, and Bayes' rule."""

    @property
    def rule(self) -> BayesRule:
        """The calibrated rule."""

    def log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-likelihood of each document under each class, (n, classes), in nats."""

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the class probabilities, (n, classes)."""


DocumentEstimator = TrainedDocumentClassifier | ClassicalDocumentClassifier


@dataclass(frozen=True)
class DocumentExperiment(Experiment[LabelledDataset]):
    """A classifier trained on labelled documents and scored on the test split.

    `synthetic` are the documents that `data_config.n_synthetic` requires. The run is called
    `<set>/<name>-<suffix>`, by default with the name of the estimator. Its weights stay in the
    folder of its checkpoints.
    """

    kind: ClassVar[str] = "document_classifier"

    estimator: DocumentEstimator
    data_config: DataConfig = field(default_factory=DataConfig)
    name: str | None = None
    synthetic: LabelledDocuments | None = None

    def run_name(self, data: LabelledDataset) -> str:
        """Return `<set>/<name>-<suffix>`."""
        return f"{data.name}/{self.name or self.estimator.name}-{self.data_config.run_suffix}"

    def settings_for(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the settings of the estimator and those of its data."""
        return {"estimator": self.estimator.config, "data_config": self.data_config.settings()}

    def data_identity(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the fingerprint of the data set and a hash of the synthetic documents, if any."""
        identity = {"fingerprint": data.fingerprint}
        if self.synthetic is not None:
            identity["synthetic"] = hash_json(list(self.synthetic.texts))
        return identity

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.estimator).__module__,)

    def execute(self, data: LabelledDataset, context: Context) -> Outcome:
        """Train, predict test and validation, and measure time, memory and parameters.

        Raises:
            ParameterError: `n_train` or `max_eval` is out of range, or there is no such label
                column.
        """
        config, n_classes = self.data_config, len(data.classes)
        train, validation, test = (data.splits[s] for s in ("train", "validation", "test"))
        train_documents = subsample_train(
            train, get_labels(train, config.label_column), config, n_classes
        )
        val_indices = subsample_eval_indices(validation, config.max_eval, n_classes)
        val_documents = LabelledDocuments(
            [validation.texts[i] for i in val_indices],
            get_labels(validation, config.label_column)[val_indices],
            n_classes,
        )
        if self.synthetic is not None:
            train_documents = LabelledDocuments(
                [*train_documents.texts, *self.synthetic.texts],
                np.concatenate([train_documents.labels, self.synthetic.labels]),
                n_classes,
            )
        fitted, fit_metrics = _fit(
            self.estimator, train_documents, val_documents, config.seed, context
        )
        indices = subsample_eval_indices(test, config.max_eval, n_classes)
        predictions, prediction_metrics = _predict(
            fitted,
            data.classes,
            [str(i) for i in indices],  # positions take a hundredth of the space of the ids
            [test.texts[i] for i in indices],
            test.labels[indices],
        )
        other_metrics = fit_metrics | prediction_metrics
        val_predictions = None
        if not getattr(self.estimator, "refit", False):  # else it is fitted on validation too
            val_probabilities = fitted.predict_proba(val_documents.texts)
            n_train_eval = min(config.max_eval or MAX_TRAIN_EVAL, MAX_TRAIN_EVAL)
            other_metrics |= _overfitting_gap(
                fitted, train_documents, n_train_eval, val_documents, val_probabilities
            )
            val_predictions = DocumentPredictions.from_probabilities(
                [str(i) for i in val_indices],
                data.classes,
                val_documents.labels,
                val_probabilities,
            )
        return Outcome(
            classification_metrics(predictions)
            | {name: Metric(float(value), tolerance=0) for name, value in other_metrics.items()},
            predictions,
            val_predictions,
            pd.DataFrame(getattr(fitted, "history", [])),
            {
                "dataset": data.name,
                TEST_FINGERPRINT: hash_json(list(test.texts)),
                "classes": data.classes,
                "documents": {
                    "train": len(train_documents.texts),
                    "validation": len(val_documents.texts),
                    "test": len(predictions.ids),
                },
                "chosen": getattr(fitted, "chosen", {}),
                "best_epoch": getattr(fitted, "best_epoch", None),
                "scale": context.workspace.parameters.get("scale", run_profile()),
                "threads": torch.get_num_threads(),
                "seed": config.seed,
            },
        )


def fit_estimator(
    estimator: DocumentEstimator,
    train: LabelledDocuments,
    validation: LabelledDocuments,
    seed: int,
    folder: Path,
    progress: bool = False,
    on_epoch_end: Callable[[Any], None] | None = None,
) -> Any:
    """Train an estimator, store its weights in `folder` and return the fitted classifier.

    Before a neural network is trained, the device, precision and batch are printed.
    """
    if isinstance(estimator, ClassicalDocumentClassifier):
        fitted = estimator.fit(
            train.texts, train.labels, validation.texts, validation.labels, seed=seed
        )
        estimator.save(folder)
        return fitted
    if progress:
        print(_describe_hardware(estimator), file=sys.stderr)
    trained = estimator.fit(
        train, validation, seed=seed, folder=folder, progress=progress, on_epoch_end=on_epoch_end
    )
    estimator.save(trained, folder)
    return trained


def _describe_hardware(estimator: Any) -> str:
    length = getattr(estimator, "max_length", None) or estimator.window
    accumulation = estimator.train_config.gradient_accumulation_steps
    return hardware().describe(estimator.batch_size, length, accumulation, estimator.bfloat16)


def _fit(
    estimator: DocumentEstimator,
    train_documents: LabelledDocuments,
    val_documents: LabelledDocuments,
    seed: int,
    context: Context,
) -> tuple[FittedClassifier, dict[str, float]]:
    """Train an estimator and store its weights in the folder; return it and its costs.

    A resumed training has no `peak_memory_gb`: that of its earlier processes is unknown.
    """
    folder = context.folder
    reset_peak_memory()
    rss_before, start = rss(), time.perf_counter()
    resumed = any(folder.glob("checkpoint*.safetensors"))
    fitted = fit_estimator(
        estimator, train_documents, val_documents, seed, folder, context.progress,
        context.on_epoch_end,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    peak_memory = max(peak_rss() - rss_before, 0) / BYTES_PER_GB
    epochs: list[HistoryRow] = getattr(fitted, "history", [])
    if epochs:  # includes the epochs of earlier processes of a resumed training
        seconds = float(np.sum([row["seconds"] for row in epochs]))
    pretraining = pretrain_seconds(folder)
    return fitted, {
        "train_seconds": pretraining + seconds,
        **({"pretrain_seconds": pretraining} if pretraining else {}),
        **({} if resumed else {"peak_memory_gb": peak_memory}),
        **({"seconds_per_epoch": seconds / len(epochs)} if epochs else {}),
        **getattr(fitted, "parameter_counts", {}),
        **getattr(fitted, "extra_metrics", {}),
    }


def _predict(
    fitted: Any,
    classes: Sequence[str],
    ids: Sequence[str],
    texts: Sequence[str],
    labels: NDArray[np.int64],
) -> tuple[DocumentPredictions, dict[str, float]]:
    """Return the test predictions, the inference time and the metrics before calibration."""

    def as_predictions(probabilities: NDArray[np.float32]) -> DocumentPredictions:
        return DocumentPredictions.from_probabilities(ids, classes, labels, probabilities)

    is_generative = isinstance(fitted, FittedClassConditionalLM)
    method = "log_likelihoods" if is_generative else "predict_proba"
    # Slow models cache their scores: they are timed on fewer documents, and without the cache.
    caches_scores = hasattr(fitted, "uncached")
    timed_texts = texts[: N_TIMED // 10 if caches_scores else N_TIMED]
    start = time.perf_counter()
    scores = getattr(fitted.uncached() if caches_scores else fitted, method)(timed_texts)
    seconds = (time.perf_counter() - start) * N_TIMED / len(timed_texts)
    metrics = {"inference_seconds_per_1000": seconds}
    if len(timed_texts) < len(texts):
        scores = getattr(fitted, method)(texts)
    if not is_generative:
        return as_predictions(scores), metrics
    uncalibrated = bootstrap([as_predictions(fitted.rule.uncalibrated.posterior(scores))])
    for row in uncalibrated.itertuples():
        if row.metric in UNCALIBRATED_METRICS:
            metrics[f"{row.metric}_uncalibrated"] = row.value
    return as_predictions(fitted.posterior(scores)), metrics


def _overfitting_gap(
    fitted: FittedClassifier,
    train_documents: LabelledDocuments,
    n_train_eval: int,
    val_documents: LabelledDocuments,
    val_probabilities: NDArray[np.float32],
) -> dict[str, float]:
    """Return accuracy on `n_train_eval` training documents and on validation, and their difference.

    `val_probabilities` (n, classes) are the predictions of `val_documents`.
    """
    train_predicted = fitted.predict_proba(train_documents.texts[:n_train_eval]).argmax(1)
    val_predicted = val_probabilities.argmax(1)
    train_accuracy = accuracy_score(train_documents.labels[:n_train_eval], train_predicted)
    val_accuracy = accuracy_score(val_documents.labels, val_predicted)
    return {
        "train_accuracy": train_accuracy,
        "validation_accuracy": val_accuracy,
        "validation_macro_f1": float(
            f1_score(val_documents.labels, val_predicted, average="macro")
        ),
        "overfitting_gap": train_accuracy - val_accuracy,
    }
