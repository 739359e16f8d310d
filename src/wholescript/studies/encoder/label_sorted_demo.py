"""The accuracy of a classifier that is trained and tested on the first rows of label-sorted files.

The first rows of a file that is sorted by label are of one class, so that a constant prediction is
always right. `wholescript data prepare --head` refuses such a subset; here it is taken on purpose.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from wholescript.data.labelled import LabelledSource
from wholescript.data.labelled.classes import encode_labels
from wholescript.data.labelled.guards import check_head_not_label_sorted
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.runs import classification_metrics
from wholescript.experiments.environment import run_profile
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.key import hash_json
from wholescript.experiments.results import Metric
from wholescript.training.document_classifier import LabelledDocuments, NeuralDocumentClassifier


@dataclass(frozen=True)
class LabelSortedDemo(Experiment[LabelledSource]):
    """An encoder that is trained and tested on the first rows of the training and the test split.

    The run `<set>/<estimator>-label-sorted-s<seed>` stores the accuracy on these test rows and on
    the whole test split, the number of classes in each part, and the error of the guard. As in the
    published training, the test rows also select the epoch.
    """

    kind: ClassVar[str] = "label_sorted_demo"

    estimator: NeuralDocumentClassifier
    n_first_train_rows: int = 5_000
    n_first_test_rows: int = 1_000
    seed: int = 0

    def run_name(self, data: LabelledSource) -> str:
        """Return `<set>/<estimator>-label-sorted-s<seed>`."""
        return f"{data.name}/{self.estimator.name}-label-sorted-s{self.seed}"

    def settings_for(self, data: LabelledSource) -> dict[str, Any]:
        """Return the estimator's settings, both numbers of rows and the seed."""
        data_config = {
            "n_train": self.n_first_train_rows,
            "max_eval": self.n_first_test_rows,
            "seed": self.seed,
        }
        return {"estimator": self.estimator.config, "data_config": data_config}

    def data_identity(self, data: LabelledSource) -> dict[str, Any]:
        """Return a fingerprint of the files."""
        files = {"files": dict(data.files), "revision": data.revision}
        return {"fingerprint": hash_json(files)}

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.estimator).__module__,)

    def execute(self, data: LabelledSource, context: Context) -> Outcome:
        """Train on the first rows, then predict the first and all test rows.

        Raises:
            DataError: the source has no test split, or an empty document in its first rows.
            ParameterError: a number of rows below 1, or above that of its split.
        """
        labelled = encode_labels(data)
        if "test" not in labelled.splits:
            raise DataError(f"{data.name} has no test split")
        train, test = labelled.splits["train"], labelled.splits["test"]
        n_classes = len(labelled.classes)
        for split, n_rows, table in (
            ("train", self.n_first_train_rows, train),
            ("test", self.n_first_test_rows, test),
        ):
            if not 1 <= n_rows <= len(table):
                raise ParameterError(
                    f"n_first_{split}_rows={n_rows} must be between 1 and {len(table)}"
                )
        try:
            check_head_not_label_sorted(
                train["label"].to_numpy(), self.n_first_train_rows, labelled.classes
            )
            guard_error = ""
        except DataError as error:
            guard_error = str(error)
        first_train, first_test = (
            LabelledDocuments(part["text"].tolist(), part["label"].to_numpy(np.int64), n_classes)
            for part in (train.head(self.n_first_train_rows), test.head(self.n_first_test_rows))
        )
        fitted = self.estimator.fit(
            first_train, first_test, seed=self.seed, folder=context.folder,
            progress=context.progress,
        )  # fmt: skip
        first_predicted = fitted.predict_proba(first_test.texts).argmax(1)
        present = test[test["text"].str.strip() != ""]
        predictions = DocumentPredictions.from_probabilities(
            [str(index) for index in range(len(present))],
            labelled.classes,
            present["label"].to_numpy(np.int64),
            fitted.predict_proba(present["text"].tolist()),
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
                "classes": labelled.classes,
                "guard_error": guard_error,
                "documents": {
                    "train": self.n_first_train_rows,
                    "test": len(present),
                    "first_rows_test": self.n_first_test_rows,
                },
                "scale": run_profile(),
                "seed": self.seed,
            },
        )
