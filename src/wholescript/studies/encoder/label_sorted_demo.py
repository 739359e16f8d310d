"""The accuracy of a classifier that is trained and tested on the first rows of label-sorted files.

The first rows of a file that is sorted by label are of one class, so that a constant prediction is
always right. `wholescript data prepare --head` refuses such a subset; here it is taken on purpose.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from wholescript.data.labelled import LabelledDataset, LabelledSource, Split
from wholescript.data.labelled.checks import check_head_not_label_sorted
from wholescript.data.labelled.classes import encode_labels
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.estimators import document_estimator
from wholescript.experiments.documents.open_data import open_first_source
from wholescript.experiments.documents.recipe import RunSpec, read_recipe
from wholescript.experiments.documents.runs import classification_metrics
from wholescript.experiments.documents.study import DocumentStudy
from wholescript.experiments.environment import run_profile
from wholescript.experiments.experiment import Context, Experiment, Outcome, run
from wholescript.experiments.key import hash_json
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.stored import StoredDataset
from wholescript.experiments.workspace import current_workspace
from wholescript.studies.encoder import RECIPE
from wholescript.training.document_classifier import LabelledDocuments, NetworkClassifier

PUBLISHED = "encoder-published"
"""The run of the recipe with the published settings, which are also those of the demo."""


@dataclass(frozen=True)
class OrderedTexts:
    """Train and test of a data set in an order of rows: tables with `text` and int64 `label`.

    `fingerprint` identifies texts and order.
    """

    name: str
    classes: list[str]
    train: pd.DataFrame
    test: pd.DataFrame
    fingerprint: str

    @property
    def is_label_sorted(self) -> bool:
        """Whether the rows of a class follow each other, and both splits begin with one class."""
        by_split = [part["label"].to_numpy() for part in (self.train, self.test)]
        return by_split[0][0] == by_split[1][0] and all(
            np.count_nonzero(np.diff(labels)) == len(np.unique(labels)) - 1 for labels in by_split
        )


def in_published_order(
    source: LabelledSource, text_column: str | None = None, label_column: str | None = None
) -> OrderedTexts:
    """Return the texts of a source in the order of its files, without empty ones.

    Raises:
        DataError: the source has no test split, or a column or label is invalid.
    """
    labelled = encode_labels(source, text_column, label_column)
    if "test" not in labelled.splits:
        raise DataError(f"{source.name} has no test split")
    train, test = (
        table[table["text"].str.strip() != ""]
        for table in (labelled.splits["train"], labelled.splits["test"])
    )
    files = {"files": dict(source.files), "revision": source.revision}
    columns = {"columns": [text_column, label_column]} if text_column or label_column else {}
    return OrderedTexts(source.name, labelled.classes, train, test, hash_json(files | columns))


def in_label_order(dataset: LabelledDataset) -> OrderedTexts:
    """Return the training and test texts of a prepared data set, sorted by label."""

    def by_label(split: Split) -> pd.DataFrame:
        table = pd.DataFrame({"text": split.texts, "label": split.labels})
        return table.sort_values("label", kind="stable", ignore_index=True)

    train, test = (by_label(dataset.splits[name]) for name in ("train", "test"))
    return OrderedTexts(dataset.name, dataset.classes, train, test, dataset.fingerprint)


@dataclass(frozen=True)
class LabelSortedDemo(Experiment[OrderedTexts]):
    """An encoder that is trained and tested on the first rows of the training and the test split.

    The run `<set>/<estimator>-label-sorted-s<seed>` stores the accuracy on these test rows and on
    the whole test split, the number of classes in each part, and the error of the check. As in the
    published training, the test rows also select the epoch.
    """

    kind: ClassVar[str] = "label_sorted_demo"

    estimator: NetworkClassifier
    n_first_train_rows: int = 5_000
    n_first_test_rows: int = 1_000
    seed: int = 0

    def run_name(self, data: OrderedTexts) -> str:
        """Return `<set>/<estimator>-label-sorted-s<seed>`."""
        return f"{data.name}/{self.estimator.name}-label-sorted-s{self.seed}"

    def settings_for(self, data: OrderedTexts) -> dict[str, Any]:
        """Return the estimator's settings, both numbers of rows and the seed."""
        data_config = {
            "n_train": self.n_first_train_rows,
            "max_eval": self.n_first_test_rows,
            "seed": self.seed,
        }
        return {"estimator": self.estimator.config, "data_config": data_config}

    def data_identity(self, data: OrderedTexts) -> dict[str, Any]:
        """Return the fingerprint of the texts."""
        return {"fingerprint": data.fingerprint}

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.estimator).__module__,)

    def execute(self, data: OrderedTexts, context: Context) -> Outcome:
        """Train on the first rows, then predict the first and all test rows.

        Raises:
            ParameterError: a number of rows below 1, or above that of its split.
        """
        n_classes = len(data.classes)
        for split, n_rows, table in (
            ("train", self.n_first_train_rows, data.train),
            ("test", self.n_first_test_rows, data.test),
        ):
            if not 1 <= n_rows <= len(table):
                raise ParameterError(
                    f"n_first_{split}_rows={n_rows} must be between 1 and {len(table)}"
                )
        try:
            check_head_not_label_sorted(
                data.train["label"].to_numpy(), self.n_first_train_rows, data.classes
            )
            guard_error = ""
        except DataError as error:
            guard_error = str(error)
        first_train, first_test, test = (
            LabelledDocuments(part["text"].tolist(), part["label"].to_numpy(np.int64), n_classes)
            for part in (
                data.train.head(self.n_first_train_rows),
                data.test.head(self.n_first_test_rows),
                data.test,
            )
        )
        fitted = self.estimator.fit(
            first_train, first_test, seed=self.seed, folder=context.folder,
            progress=context.progress,
        )  # fmt: skip
        first_predicted = fitted.predict_proba(first_test.texts).argmax(1)
        predictions = DocumentPredictions.from_probabilities(
            [str(index) for index in range(len(test.texts))],
            data.classes,
            test.labels,
            fitted.predict_proba(test.texts),
        )
        metrics = {
            "accuracy_first_rows": accuracy_score(first_test.labels, first_predicted),
            "n_classes_first_rows_train": len(np.unique(first_train.labels)),
            "n_classes_first_rows_test": len(np.unique(first_test.labels)),
            "n_predicted_classes": len(np.unique(predictions.predicted)),
            "train_seconds": sum(row["seconds"] for row in fitted.history),
            **fitted.parameter_counts,
        }
        return Outcome(
            classification_metrics(predictions)
            | {k: Metric(float(v), tolerance=0) for k, v in metrics.items()},
            predictions,
            history=pd.DataFrame(fitted.history),
            metadata={
                "dataset": data.name,
                "classes": data.classes,
                "guard_error": guard_error,
                "documents": {
                    "train": self.n_first_train_rows,
                    "test": len(test.texts),
                    "first_rows_test": self.n_first_test_rows,
                },
                "scale": context.workspace.parameters.get("scale", run_profile()),
                "seed": self.seed,
            },
        )


def published_encoder(profile: str = "full") -> NetworkClassifier:
    """Return the encoder with the published settings, of the size of a profile."""
    spec = _published_spec(profile)
    encoder: NetworkClassifier = document_estimator(spec.model, spec.options)
    return encoder


def label_sorted_run(study: DocumentStudy) -> Run:
    """Return the run on the first rows of the first data set of a study.

    There are as many rows as were published, or fewer, so that they are of one class. Files that
    are not sorted by label, or without test texts, are sorted here, which is printed.

    Raises:
        RunError: the published run is missing or has other settings.
    """
    encoder = published_encoder(study.profile)
    if isinstance(study.main, StoredDataset):
        return run(LabelSortedDemo(encoder), study.main)
    texts = _label_sorted_texts(study, study.main)
    n_train, n_test = (
        min(most, int((part["label"] == part["label"].iloc[0]).sum()))
        for most, part in (
            (LabelSortedDemo.n_first_train_rows, texts.train),
            (LabelSortedDemo.n_first_test_rows, texts.test),
        )
    )
    return run(LabelSortedDemo(encoder, n_train, n_test, study.seed), texts)


def _label_sorted_texts(study: DocumentStudy, dataset: LabelledDataset) -> OrderedTexts:
    parameters = current_workspace().parameters
    source = open_first_source(
        current_workspace().project,
        study.recipe,
        source=parameters["source"],
        path=parameters["path"],
    )
    columns = [parameters[f"{name}_column"] or None for name in ("text", "label")]
    if "test" in source.splits:
        texts = in_published_order(source, *columns)
        if texts.is_label_sorted:
            return texts
        reason = "the files are not sorted by label"
    else:
        reason = "there is one file, from which the test texts are drawn"
    print(f"{dataset.name}: {reason}; for this section the texts were sorted by label")
    return in_label_order(dataset)


def _published_spec(profile: str) -> RunSpec:
    recipe = read_recipe(RECIPE)
    specs: Iterator[RunSpec] = (
        spec
        for spec in recipe.specs("models", recipe.first, profile)
        if isinstance(spec, RunSpec) and spec.name == PUBLISHED
    )
    return next(specs)
