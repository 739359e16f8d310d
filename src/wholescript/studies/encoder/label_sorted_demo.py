"""What a classifier seems to reach where it is trained and tested on the head of a sorted file.

The first rows of a file that is sorted by label are of one class: whoever always says that class
is never wrong. `wholescript prepare --head` refuses such a cut; here it is made on purpose.
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
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.experiments.documents.runs import metrics_of
from wholescript.experiments.environment import profile_here
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.key import hash_json
from wholescript.experiments.results import Metric
from wholescript.training.document_classifier import LabelledDocuments, NeuralDocumentClassifier


@dataclass(frozen=True)
class LabelSortedDemo(Experiment[LabelledSource]):
    """An encoder trained on the first `rows` of a source, tested on its first `tested` rows.

    The run `<set>/<estimator>-head-s<seed>` stores the accuracy on these test rows and on the whole
    test split, how many classes each part has, and what the guard says of the cut. As in what was
    published, the test rows also choose the epoch.
    """

    kind: ClassVar[str] = "label_sorted_demo"

    estimator: NeuralDocumentClassifier
    rows: int = 5_000
    tested: int = 1_000
    seed: int = 0

    def name_on(self, data: LabelledSource) -> str:
        """Return `<set>/<estimator>-head-s<seed>`."""
        return f"{data.name}/{self.estimator.name}-head-s{self.seed}"

    def settings_on(self, data: LabelledSource) -> dict[str, Any]:
        """Return the estimator's configuration, both numbers of rows and the seed."""
        training = {"rows": self.rows, "tested": self.tested, "seed": self.seed}
        return {"estimator": self.estimator.config, "training": training}

    def data_identity(self, data: LabelledSource) -> dict[str, Any]:
        """Return a hash of the files."""
        files = {"files": dict(data.files), "revision": data.revision}
        return {"fingerprint": hash_json(files)}

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.estimator).__module__,)

    def execute(self, data: LabelledSource, context: Context) -> Outcome:
        """Train on the first rows, then predict the first and all test rows.

        Raises:
            DataError: the source has no test split, or an empty text in its first rows.
            ParameterError: a part without a row, or one longer than its file.
        """
        labelled = encode_labels(data)
        if "test" not in labelled.splits:
            raise DataError(f"{data.name} has no test: its head cannot be taken")
        train, test = labelled.splits["train"], labelled.splits["test"]
        classes = len(labelled.classes)
        parts = ((self.rows, train, "rows of train"), (self.tested, test, "rows of test"))
        for head, there, what in parts:
            if not 1 <= head <= len(there):
                raise ParameterError(f"{head} {what} were asked for, there are {len(there)}")
        try:
            check_head_not_label_sorted(train["label"].to_numpy(), self.rows, labelled.classes)
            said = ""
        except DataError as refused:
            said = str(refused)
        heads = [
            LabelledDocuments(part["text"].tolist(), part["label"].to_numpy(np.int64), classes)
            for part in (train.head(self.rows), test.head(self.tested))
        ]
        fitted = self.estimator.fit(
            *heads, seed=self.seed, folder=context.folder, progress=context.progress
        )
        on_head = fitted.predict_proba(heads[1].texts).argmax(1)
        present = test[test["text"].str.strip() != ""]
        predictions = DocumentPredictions.from_probabilities(
            [str(row) for row in range(len(present))],
            labelled.classes,
            present["label"].to_numpy(np.int64),
            fitted.predict_proba(present["text"].tolist()),
        )
        found = {
            "head_accuracy": accuracy_score(heads[1].labels, on_head),
            "head_classes_train": len(np.unique(heads[0].labels)),
            "head_classes_test": len(np.unique(heads[1].labels)),
            "classes_said": len(np.unique(predictions.predicted)),
            "train_seconds": sum(row["seconds"] for row in fitted.history),
            **fitted.parameters,
        }
        return Outcome(
            metrics_of(predictions) | {k: Metric(float(v), tolerance=0) for k, v in found.items()},
            predictions,
            history=pd.DataFrame(fitted.history),
            facts={
                "textset": data.name,
                "classes": labelled.classes,
                "refusal": said,
                "texts": {"train": self.rows, "test": len(present), "head": self.tested},
                "scale": profile_here(),
                "seed": self.seed,
            },
        )
