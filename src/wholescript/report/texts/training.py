"""Classifiers of texts trained and scored as stored runs, one a seed, found by their content."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score

from wholescript.data.textsets import TextSet
from wholescript.evaluation.multiclass import ClassPredictions
from wholescript.evaluation.multiclass_metrics import bootstrap
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.text_model import ShallowTextModel
from wholescript.report.context import device_name
from wholescript.report.live_runs import held, scale_here, training_folder
from wholescript.report.project import Project
from wholescript.report.provenance.fingerprint import code_fingerprint, hash_json
from wholescript.report.replacing import refuse_to_replace
from wholescript.report.results import Metric
from wholescript.report.runs import Run, RunStore
from wholescript.report.texts.draws import Training, drawn_texts, labels_of, tested_rows
from wholescript.report.texts.runs import scores
from wholescript.training.generative import GenerativeClassifier
from wholescript.training.loop import Row
from wholescript.training.memory import forget_peak, held_memory, peak_memory
from wholescript.training.reading_first import reading_seconds
from wholescript.training.text_classifiers import Labelled, NeuralTextClassifier

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


def train_text_run(
    store: RunStore,
    textset: TextSet,
    estimator: TextEstimator,
    training: Training,
    *,
    written: Labelled | None = None,
    name: str | None = None,
    project: Project | None = None,
    progress: bool = False,
    on_epoch: Callable[[Row], None] | None = None,
) -> Run:
    """Return the finished run `<set>/<name>-<suffix>` of these inputs, or train and store it.

    `written` are the texts that `training.added` asks for. Checkpoints lie in a folder under
    `_build/training` that the key of the run names, so that the same call goes on after a kill.
    Weights are kept there.

    Raises:
        ParameterError: more examples are asked for than there are, or a column that was not kept;
            or a run of this name was trained with other settings.
    """
    project = project or Project()
    train, validation = textset.splits["train"], textset.splits["validation"]
    classes = len(textset.classes)
    learned = drawn_texts(train, labels_of(train, training.labels), training, classes)
    judged = tested_rows(validation, training.tested, classes)
    held_out = Labelled(
        [validation.texts[row] for row in judged],
        labels_of(validation, training.labels)[judged],
        classes,
    )
    config = {
        "estimator": estimator.config,
        "data": textset.fingerprint,
        "training": training.config,
        "code": code_fingerprint([type(estimator).__module__], project.source),
    }
    if written is not None:
        learned = Labelled(
            [*learned.texts, *written.texts],
            np.concatenate([learned.labels, written.labels]),
            classes,
        )
        config["written"] = hash_json(list(written.texts))
    key = hash_json(config)
    name = f"{textset.name}/{name or estimator.name}-{training.suffix}"
    if run := store.find(name, key):
        return run
    refuse_to_replace(store, name, config, ("estimator", "training"))
    folder = training_folder(project, key)
    with held(folder, name):
        fitted, facts = _fit(
            estimator, learned, held_out, training.seed, folder, progress, on_epoch
        )
        test = textset.splits["test"]
        rows = tested_rows(test, training.tested, classes)
        predictions, measured = _predict(
            fitted,
            textset.classes,
            [str(row) for row in rows],  # a hundredth of the room of names
            [test.texts[row] for row in rows],
            test.labels[rows],
        )
        said = fitted.predict_proba(held_out.texts)
        seen = min(training.tested or SEEN, SEEN)
        facts |= measured | _gap(fitted, learned, seen, held_out, said)
        metrics = {name: Metric(float(value), tolerance=0) for name, value in facts.items()}
        made = {
            "key": key,
            "textset": textset.name,
            "classes": textset.classes,
            "texts": {
                "train": len(learned.texts),
                "validation": len(held_out.texts),
                "test": len(predictions.ids),
            },
            "chosen": getattr(fitted, "chosen", {}),
            "best_epoch": getattr(fitted, "best_epoch", None),
            "scale": scale_here(),
            "device": device_name(),
            "threads": torch.get_num_threads(),
            "seed": training.seed,
        }
        history = pd.DataFrame(getattr(fitted, "history", []))
        return store.save(
            name, {**config, **made}, scores(predictions) | metrics, predictions, history,
            ClassPredictions.from_probabilities(
                [str(row) for row in judged], textset.classes, held_out.labels, said
            ),
        )  # fmt: skip


def _fit(
    estimator: TextEstimator,
    learned: Labelled,
    held_out: Labelled,
    seed: int,
    folder: Path,
    progress: bool,
    on_epoch: Callable[[Row], None] | None,
) -> tuple[TrainedText, dict[str, float]]:
    """Train an estimator and keep its weights in `folder`; return it and what it cost.

    How much memory it took is not told of a training that was resumed.
    """
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
            learned, held_out, seed=seed, folder=folder, progress=progress, on_epoch=on_epoch
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
