"""Classifiers of texts trained and scored as stored runs, one a seed, found by their content."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split

from wholescript.data.textsets import Split, TextSet
from wholescript.errors import ParameterError, RunError
from wholescript.evaluation.multiclass import ClassPredictions
from wholescript.evaluation.multiclass_metrics import bootstrap
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.text_model import ShallowTextModel
from wholescript.report.context import device_name
from wholescript.report.live_runs import held, training_folder
from wholescript.report.project import Project
from wholescript.report.provenance.fingerprint import code_fingerprint, hash_json
from wholescript.report.results import Metric
from wholescript.report.runs import CLASS_PREDICTIONS, Run, RunStore
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


@dataclass(frozen=True)
class Training:
    """What is trained on: `examples` of the training texts, drawn stratified (None for all).

    `labels` names a kept column to learn from in place of the labels; scores are against the
    labels whatever was learned. `tested` test texts, and no more of validation and training, the
    same ones for every seed, are scored where all of them would take too long. `added` texts of
    each class, which a model wrote, are learned from as well.
    """

    seed: int = 0
    examples: int | None = None
    labels: str = "label"
    tested: int | None = None
    added: int = 0

    @property
    def config(self) -> dict[str, Any]:
        """All fields, but for `tested` and `added` where these ask for nothing."""
        return {k: v for k, v in vars(self).items() if k not in ("tested", "added") or v}

    @property
    def suffix(self) -> str:
        """What it adds to the name of a run."""
        parts = [f"n{self.examples}"] if self.examples else []
        parts += [self.labels.replace("_", "-")] if self.labels != "label" else []
        parts += [f"plus{self.added}"] if self.added else []
        return "-".join([*parts, f"s{self.seed}"])


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
    learned = _drawn(train, labels_of(train, training.labels), training, classes)
    judged = _tested(validation, training.tested, classes)
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
    _refuse_to_replace(store, name, config)
    folder = training_folder(project, key)
    with held(folder, name):
        fitted, facts = _fit(
            estimator, learned, held_out, training.seed, folder, progress, on_epoch
        )
        test = textset.splits["test"]
        rows = _tested(test, training.tested, classes)
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


def _refuse_to_replace(store: RunStore, name: str, config: Mapping[str, Any]) -> None:
    """Let a run be made anew after a change of code or data, and of settings only by its name."""
    there = store.find(name)
    if there is None:
        return
    wanted = json.loads(json.dumps({part: config[part] for part in ("estimator", "training")}))
    changes = [
        f"{setting}={theirs[setting]!r} there, {ours[setting]!r} here"
        for part in ("estimator", "training")
        for theirs, ours in [(_flat(there.config[part]), _flat(wanted[part]))]
        for setting in theirs.keys() & ours.keys() - {"bfloat16"}
        if theirs[setting] != ours[setting]
    ]
    if changes:
        raise ParameterError(
            f"{name} was trained with other settings ({'; '.join(sorted(changes))}): it would be "
            "replaced; give this one a name of its own with --name"
        )


def _flat(settings: Mapping[str, Any], outer: str = "") -> dict[str, Any]:
    """Return settings without nesting, those within others by both names."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        inner = isinstance(value, Mapping)
        found |= _flat(value, f"{outer}{name}.") if inner else {f"{outer}{name}": value}
    return found


def _fit(
    estimator: TextEstimator,
    learned: Labelled,
    held_out: Labelled,
    seed: int,
    folder: Path,
    progress: bool,
    on_epoch: Callable[[Row], None] | None,
) -> tuple[TrainedText, dict[str, float]]:
    """Train an estimator and keep its weights in `folder`; return it and what it cost."""
    forget_peak()
    before, start = held_memory(), time.perf_counter()
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
        "peak_memory_gb": used,
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


def scale_here() -> str:
    """Return the scale of what is trained on this machine."""
    return "full" if torch.cuda.is_available() else "cpu"


def scores(predictions: ClassPredictions) -> dict[str, Metric]:
    """Return every score of a run with its interval over texts."""
    # An eighth of the interval stands in for the spread over seeds, as for runs of one repeat.
    return {
        row.metric: Metric(row.value, row.low, row.high, (row.high - row.low) / 8)
        for row in bootstrap([predictions]).itertuples()
    }


def find_text_runs(store: RunStore, names: Sequence[str]) -> dict[str, list[Run]]:
    """Return stored runs by what was trained, a list of seeds each, in the order of `names`.

    A name is `<set>/<model>` for all its seeds, or a run's own.

    Raises:
        RunError: no run has such a name; the message lists those there are.
    """
    known = text_run_names(store)
    found: dict[str, list[Run]] = {}
    for name in names:
        wanted = name.rstrip("/")
        of_model = [one for one in known if one == wanted or seedless(one) == wanted]
        if not of_model:
            raise RunError(f"no run is called {name!r}; there are: {', '.join(known) or 'none'}")
        for one in of_model:
            run = store.find(one)
            assert run is not None
            found.setdefault(seedless(one), []).append(run)
    return found


def text_run_names(store: RunStore) -> list[str]:
    """Return the names of all runs of classifiers of texts, sorted."""
    return [n for n in store.names() if (store.folder(n) / CLASS_PREDICTIONS).exists()]


def seedless(name: str) -> str:
    """Return the name of a run without its seed."""
    stem, dash, seed = name.rpartition("-s")
    return stem if dash and seed.isdigit() else name


def mean_costs(runs: Sequence[Run]) -> dict[str, float]:
    """Return the mean over seeds of every number that has no interval: times, sizes.

    Of memory it is the highest: what a process took for its first seed it still has for the next.
    """
    names = [name for name, metric in runs[0].metrics.items() if metric.low is None]
    found = {
        name: [run.metrics[name].value for run in runs if name in run.metrics] for name in names
    }
    joined = {name: np.max if name == "peak_memory_gb" else np.mean for name in names}
    return {name: float(joined[name](values)) for name, values in found.items()}


def _drawn(train: Split, labels: NDArray[np.int64], training: Training, classes: int) -> Labelled:
    if training.examples is None or training.examples == len(train):
        return Labelled(train.texts, labels, classes)
    if not classes <= training.examples < len(train):
        raise ParameterError(
            f"examples={training.examples}: there are {len(train)} training texts of {classes} "
            "classes; ask for one a class at least and no more than there are"
        )
    rows, _ = train_test_split(
        np.arange(len(train)),
        train_size=training.examples,
        stratify=labels,
        random_state=training.seed,
    )
    rows = np.sort(rows)
    return Labelled([train.texts[row] for row in rows], labels[rows], classes)


def histories(runs: Mapping[str, Sequence[Run]]) -> dict[str, list[pd.DataFrame]]:
    """Return the epochs of each seed, of the models that are judged as classifiers in each.

    Models of language are not: their epochs tell of the next token.
    """
    found = {name: [run.history for run in seeds] for name, seeds in runs.items()}
    return {
        name: seeds
        for name, seeds in found.items()
        if any("held_out_macro_f1" in history for history in seeds)
    }


def labels_of(split: Split, column: str) -> NDArray[np.int64]:
    """Return the labels of a split, or those of a column that was kept.

    Raises:
        ParameterError: it was not.
    """
    if column == "label":
        return split.labels
    if column not in split.extra:
        raise ParameterError(
            f"labels={column!r} is no kept column; there are: {', '.join(split.extra) or 'none'}; "
            f"prepare the texts again with --keep {column}"
        )
    return split.extra[column]


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


def _tested(split: Split, count: int | None, classes: int) -> NDArray[np.int64]:
    """Return the rows of a split that are scored: all, or `count` of them, each class its share."""
    rows = np.arange(len(split))
    if count is None or count >= len(split):
        return rows
    if count < classes:
        raise ParameterError(f"tested={count}: test a text of each class at least")
    drawn, _ = train_test_split(rows, train_size=count, stratify=split.labels, random_state=0)
    return np.sort(drawn)
