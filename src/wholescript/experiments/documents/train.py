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

from wholescript.data.labelled import TextSet
from wholescript.evaluation.multiclass import ClassPredictions
from wholescript.evaluation.multiclass_metrics import bootstrap
from wholescript.experiments.documents.data_config import (
    Training,
    drawn_texts,
    labels_of,
    tested_rows,
)
from wholescript.experiments.documents.runs import scores
from wholescript.experiments.environment import profile_here
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.key import hash_json
from wholescript.experiments.results import Metric
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.documents.base import ShallowTextModel
from wholescript.studies.generative.class_lm import GenerativeClassifier
from wholescript.training.document_classifier import Labelled, NeuralTextClassifier
from wholescript.training.loop import Row
from wholescript.training.memory import forget_peak, held_memory, peak_memory
from wholescript.training.pretrain import reading_seconds

GIGA = 1e9
TIMED = 1_000  # texts of the timed prediction
SEEN = 2_000  # training texts that the overfitting gap is measured on
UNCALIBRATED = ("accuracy", "ece", "log_loss")  # also told of Bayes' rule as it stands


class TrainedText(Protocol):
    """A classifier that has been trained."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probabilities of the classes, (n, classes)."""


@runtime_checkable
class Generative(Protocol):
    """A trained classifier with a model of language for each class, joined by Bayes' rule."""

    @property
    def rule(self) -> BayesRule:
        """The rule, calibrated."""

    def log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-likelihood of each text under each class, (n, classes), in nats."""

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the probabilities of the classes, (n, classes)."""


TextEstimator = NeuralTextClassifier | GenerativeClassifier | ShallowTextModel


@dataclass(frozen=True)
class DocumentExperiment(Experiment[TextSet]):
    """A classifier trained on labelled documents and scored on the test split.

    `written` are the texts that `training.added` asks for. The run is called
    `<set>/<name>-<suffix>`, with the estimator's name by default. Its weights stay in the folder of
    its checkpoints.
    """

    kind: ClassVar[str] = "document_classifier"

    estimator: TextEstimator
    training: Training = field(default_factory=Training)
    name: str | None = None
    written: Labelled | None = None

    def name_on(self, data: TextSet) -> str:
        """Return `<set>/<name>-<suffix>`."""
        return f"{data.name}/{self.name or self.estimator.name}-{self.training.suffix}"

    def settings_on(self, data: TextSet) -> dict[str, Any]:
        """Return the configurations of the estimator and of the data that it is trained on."""
        return {"estimator": self.estimator.config, "training": self.training.config}

    def data_identity(self, data: TextSet) -> dict[str, Any]:
        """Return the fingerprint of the set, and a hash of the written texts where there are any."""
        identity = {"fingerprint": data.fingerprint}
        if self.written is not None:
            identity["written"] = hash_json(list(self.written.texts))
        return identity

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.estimator).__module__,)

    def execute(self, data: TextSet, context: Context) -> Outcome:
        """Train, predict test and validation, and measure what it took.

        Raises:
            ParameterError: more examples are asked for than there are, or a column that was not
                kept.
        """
        training, classes = self.training, len(data.classes)
        train, validation, test = (data.splits[s] for s in ("train", "validation", "test"))
        learned = drawn_texts(train, labels_of(train, training.labels), training, classes)
        judged = tested_rows(validation, training.tested, classes)
        held_out = Labelled(
            [validation.texts[row] for row in judged],
            labels_of(validation, training.labels)[judged],
            classes,
        )
        if self.written is not None:
            learned = Labelled(
                [*learned.texts, *self.written.texts],
                np.concatenate([learned.labels, self.written.labels]),
                classes,
            )
        fitted, found = _fit(self.estimator, learned, held_out, training.seed, context)
        rows = tested_rows(test, training.tested, classes)
        predictions, measured = _predict(
            fitted,
            data.classes,
            [str(row) for row in rows],  # a hundredth of the room of names
            [test.texts[row] for row in rows],
            test.labels[rows],
        )
        said = fitted.predict_proba(held_out.texts)
        seen = min(training.tested or SEEN, SEEN)
        found |= measured | _gap(fitted, learned, seen, held_out, said)
        return Outcome(
            scores(predictions) | {k: Metric(float(v), tolerance=0) for k, v in found.items()},
            predictions,
            ClassPredictions.from_probabilities(
                [str(row) for row in judged], data.classes, held_out.labels, said
            ),
            pd.DataFrame(getattr(fitted, "history", [])),
            {
                "textset": data.name,
                "classes": data.classes,
                "texts": {
                    "train": len(learned.texts),
                    "validation": len(held_out.texts),
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
    estimator: TextEstimator,
    learned: Labelled,
    held_out: Labelled,
    seed: int,
    context: Context,
) -> tuple[TrainedText, dict[str, float]]:
    """Train an estimator and keep its weights in the folder; return it and what it cost.

    How much memory it took is not told of a training that was resumed.
    """
    folder = context.folder
    forget_peak()
    before, start = held_memory(), time.perf_counter()
    resumed = any(folder.glob("checkpoint*.safetensors"))
    fitted: Any
    if isinstance(estimator, ShallowTextModel):
        texts = (learned.texts, learned.labels, held_out.texts, held_out.labels)
        fitted = estimator.fit(*texts, seed=seed)
        estimator.save(folder)
    else:
        fitted = estimator.fit(
            learned,
            held_out,
            seed=seed,
            folder=folder,
            progress=context.progress,
            on_epoch=context.on_epoch,
        )
        estimator.save(fitted, folder)
    seconds = time.perf_counter() - start
    used = max(peak_memory() - before, 0) / GIGA
    epochs: list[Row] = getattr(fitted, "history", [])
    if epochs:  # a training that was resumed took all its epochs, not this process alone
        seconds = float(np.sum([row["seconds"] for row in epochs]))
    read = reading_seconds(folder)
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
) -> tuple[ClassPredictions, dict[str, float]]:
    """Return what is said of the test texts, and what was measured on the way."""

    def as_predictions(probabilities: NDArray[np.float32]) -> ClassPredictions:
        return ClassPredictions.from_probabilities(ids, classes, labels, probabilities)

    # What keeps its scores, of one text a second, is timed on fewer texts, and without them.
    keeps = hasattr(fitted, "uncached")
    timed = texts[: TIMED // 10 if keeps else TIMED]
    start = time.perf_counter()
    (fitted.uncached() if keeps else fitted).predict_proba(timed)
    seconds = (time.perf_counter() - start) * TIMED / len(timed)
    measured = {"inference_seconds_per_1000": seconds}
    if not isinstance(fitted, Generative):
        return as_predictions(fitted.predict_proba(texts)), measured
    likelihoods = fitted.log_likelihoods(texts)
    plain = bootstrap([as_predictions(fitted.rule.plain.posterior(likelihoods))])
    for row in plain.itertuples():
        if row.metric in UNCALIBRATED:
            measured[f"{row.metric}_uncalibrated"] = row.value
    return as_predictions(fitted.posterior(likelihoods)), measured


def _gap(
    fitted: TrainedText,
    learned: Labelled,
    seen: int,
    held_out: Labelled,
    said: NDArray[np.float32],
) -> dict[str, float]:
    """Return accuracy on `seen` training texts and on validation, of which `said` is said."""
    on_seen = fitted.predict_proba(learned.texts[:seen]).argmax(1)
    found = {
        "train_accuracy": accuracy_score(learned.labels[:seen], on_seen),
        "validation_accuracy": accuracy_score(held_out.labels, said.argmax(1)),
    }
    macro = f1_score(held_out.labels, said.argmax(1), average="macro")
    gap = found["train_accuracy"] - found["validation_accuracy"]
    return {**found, "validation_macro_f1": float(macro), "overfitting_gap": gap}
