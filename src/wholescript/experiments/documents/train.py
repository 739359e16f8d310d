"""Classifiers of texts trained and scored as stored runs, one a seed, found by their content."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score

from wholescript.data.labelled import LabelledDataset
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.evaluation.multiclass_metrics import bootstrap
from wholescript.experiments.documents.data_config import (
    DataConfig,
    get_labels,
    subsample_eval_rows,
    subsample_train,
)
from wholescript.experiments.documents.runs import metrics_of
from wholescript.experiments.environment import profile_here
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.key import hash_json
from wholescript.experiments.results import Metric
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.documents.base import SklearnClassifier
from wholescript.studies.generative.class_lm import GenerativeClassifier
from wholescript.training.document_classifier import LabelledDocuments, NeuralDocumentClassifier
from wholescript.training.loop import HistoryRow
from wholescript.training.memory import peak_rss, reset_peak_memory, rss
from wholescript.training.pretrain import pretrain_seconds

BYTES_PER_GB = 1e9
N_TIMED = 1_000  # texts of the timed prediction
MAX_TRAIN_EVAL = 2_000  # training texts that the overfitting gap is measured on
UNCALIBRATED_METRICS = ("accuracy", "ece", "log_loss")  # also told of Bayes' rule as it stands


class FittedClassifier(Protocol):
    """A classifier that has been trained."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probabilities of the classes, (n, classes)."""


@runtime_checkable
class FittedClassConditionalLM(Protocol):
    """A trained classifier with a model of language for each class, joined by Bayes' rule."""

    @property
    def rule(self) -> BayesRule:
        """The rule, calibrated."""

    def log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-likelihood of each text under each class, (n, classes), in nats."""

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the probabilities of the classes, (n, classes)."""


DocumentEstimator = NeuralDocumentClassifier | GenerativeClassifier | SklearnClassifier


@dataclass(frozen=True)
class DocumentExperiment(Experiment[LabelledDataset]):
    """A classifier trained on labelled documents and scored on the test split.

    `synthetic` are the texts that `training.added` asks for. The run is called
    `<set>/<name>-<suffix>`, with the estimator's name by default. Its weights stay in the folder of
    its checkpoints.
    """

    kind: ClassVar[str] = "document_classifier"

    estimator: DocumentEstimator
    training: DataConfig = field(default_factory=DataConfig)
    name: str | None = None
    synthetic: LabelledDocuments | None = None

    def name_on(self, data: LabelledDataset) -> str:
        """Return `<set>/<name>-<suffix>`."""
        return f"{data.name}/{self.name or self.estimator.name}-{self.training.suffix}"

    def settings_on(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the configurations of the estimator and of the data that it is trained on."""
        return {"estimator": self.estimator.config, "training": self.training.config}

    def data_identity(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the fingerprint of the set, and a hash of the written texts where there are any."""
        identity = {"fingerprint": data.fingerprint}
        if self.synthetic is not None:
            identity["written"] = hash_json(list(self.synthetic.texts))
        return identity

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.estimator).__module__,)

    def execute(self, data: LabelledDataset, context: Context) -> Outcome:
        """Train, predict test and validation, and measure what it took.

        Raises:
            ParameterError: more examples are asked for than there are, or a column that was not
                kept.
        """
        training, classes = self.training, len(data.classes)
        train, validation, test = (data.splits[s] for s in ("train", "validation", "test"))
        train_documents = subsample_train(
            train, get_labels(train, training.labels), training, classes
        )
        val_rows = subsample_eval_rows(validation, training.max_eval, classes)
        val_documents = LabelledDocuments(
            [validation.texts[row] for row in val_rows],
            get_labels(validation, training.labels)[val_rows],
            classes,
        )
        if self.synthetic is not None:
            train_documents = LabelledDocuments(
                [*train_documents.texts, *self.synthetic.texts],
                np.concatenate([train_documents.labels, self.synthetic.labels]),
                classes,
            )
        fitted, found = _fit(self.estimator, train_documents, val_documents, training.seed, context)
        rows = subsample_eval_rows(test, training.max_eval, classes)
        predictions, measured = _predict(
            fitted,
            data.classes,
            [str(row) for row in rows],  # a hundredth of the room of names
            [test.texts[row] for row in rows],
            test.labels[rows],
        )
        val_probabilities = fitted.predict_proba(val_documents.texts)
        n_train_eval = min(training.max_eval or MAX_TRAIN_EVAL, MAX_TRAIN_EVAL)
        found |= measured | _overfitting_gap(
            fitted, train_documents, n_train_eval, val_documents, val_probabilities
        )
        return Outcome(
            metrics_of(predictions) | {k: Metric(float(v), tolerance=0) for k, v in found.items()},
            predictions,
            DocumentPredictions.from_probabilities(
                [str(row) for row in val_rows],
                data.classes,
                val_documents.labels,
                val_probabilities,
            ),
            pd.DataFrame(getattr(fitted, "history", [])),
            {
                "textset": data.name,
                "classes": data.classes,
                "texts": {
                    "train": len(train_documents.texts),
                    "validation": len(val_documents.texts),
                    "test": len(predictions.ids),
                },
                "chosen": getattr(fitted, "chosen", {}),
                "best_epoch": getattr(fitted, "best_epoch", None),
                "scale": profile_here(),
                "threads": torch.get_num_threads(),
                "seed": training.seed,
            },
        )


def _fit(
    estimator: DocumentEstimator,
    train_documents: LabelledDocuments,
    val_documents: LabelledDocuments,
    seed: int,
    context: Context,
) -> tuple[FittedClassifier, dict[str, float]]:
    """Train an estimator and keep its weights in the folder; return it and what it cost.

    How much memory it took is not told of a training that was resumed.
    """
    folder = context.folder
    reset_peak_memory()
    before, start = rss(), time.perf_counter()
    resumed = any(folder.glob("checkpoint*.safetensors"))
    fitted: Any
    if isinstance(estimator, SklearnClassifier):
        texts = (
            train_documents.texts,
            train_documents.labels,
            val_documents.texts,
            val_documents.labels,
        )
        fitted = estimator.fit(*texts, seed=seed)
        estimator.save(folder)
    else:
        fitted = estimator.fit(
            train_documents,
            val_documents,
            seed=seed,
            folder=folder,
            progress=context.progress,
            on_epoch_end=context.on_epoch_end,
        )
        estimator.save(fitted, folder)
    seconds = time.perf_counter() - start
    used = max(peak_rss() - before, 0) / BYTES_PER_GB
    epochs: list[HistoryRow] = getattr(fitted, "history", [])
    if epochs:  # a training that was resumed took all its epochs, not this process alone
        seconds = float(np.sum([row["seconds"] for row in epochs]))
    read = pretrain_seconds(folder)
    return fitted, {
        "train_seconds": read + seconds,
        **({"reading_seconds": read} if read else {}),
        # What the processes before this one needed at most, no file tells.
        **({} if resumed else {"peak_memory_gb": used}),
        **({"seconds_per_epoch": seconds / len(epochs)} if epochs else {}),
        **getattr(fitted, "parameters", {}),
        **getattr(fitted, "measured", {}),
    }


def _predict(
    fitted: Any,
    classes: Sequence[str],
    ids: Sequence[str],
    texts: Sequence[str],
    labels: NDArray[np.int64],
) -> tuple[DocumentPredictions, dict[str, float]]:
    """Return what is said of the test texts, and what was measured on the way."""

    def as_predictions(probabilities: NDArray[np.float32]) -> DocumentPredictions:
        return DocumentPredictions.from_probabilities(ids, classes, labels, probabilities)

    # What keeps its scores, of one text a second, is timed on fewer texts, and without them.
    caches_scores = hasattr(fitted, "uncached")
    with_seconds = texts[: N_TIMED // 10 if caches_scores else N_TIMED]
    start = time.perf_counter()
    (fitted.uncached() if caches_scores else fitted).predict_proba(with_seconds)
    seconds = (time.perf_counter() - start) * N_TIMED / len(with_seconds)
    measured = {"inference_seconds_per_1000": seconds}
    if not isinstance(fitted, FittedClassConditionalLM):
        return as_predictions(fitted.predict_proba(texts)), measured
    likelihoods = fitted.log_likelihoods(texts)
    plain = bootstrap([as_predictions(fitted.rule.plain.posterior(likelihoods))])
    for row in plain.itertuples():
        if row.metric in UNCALIBRATED_METRICS:
            measured[f"{row.metric}_uncalibrated"] = row.value
    return as_predictions(fitted.posterior(likelihoods)), measured


def _overfitting_gap(
    fitted: FittedClassifier,
    train_documents: LabelledDocuments,
    n_train_eval: int,
    val_documents: LabelledDocuments,
    val_probabilities: NDArray[np.float32],
) -> dict[str, float]:
    """Return accuracy on `n_train_eval` training texts and on validation, of which `val_probabilities` is said."""
    on_seen = fitted.predict_proba(train_documents.texts[:n_train_eval]).argmax(1)
    found = {
        "train_accuracy": accuracy_score(train_documents.labels[:n_train_eval], on_seen),
        "validation_accuracy": accuracy_score(val_documents.labels, val_probabilities.argmax(1)),
    }
    macro = f1_score(val_documents.labels, val_probabilities.argmax(1), average="macro")
    gap = found["train_accuracy"] - found["validation_accuracy"]
    return {**found, "validation_macro_f1": float(macro), "overfitting_gap": gap}
