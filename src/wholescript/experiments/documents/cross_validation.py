"""Cross-validation of a classifier of labelled documents, as a stored run."""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from tqdm import tqdm

from wholescript.data.checks import list_some
from wholescript.data.labelled import LabelledDataset
from wholescript.data.labelled.near_duplicates import group_near_duplicates
from wholescript.errors import DataError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.runs import classification_metrics
from wholescript.experiments.documents.train import DocumentEstimator, fit_estimator
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.files import write_atomic
from wholescript.models.types import IntArray
from wholescript.settings import Folds, Seed, check_fields
from wholescript.training.document_classifier import LabelledDocuments

VALIDATION_FOLDS = 10  # one in ten of the other folds' documents is the validation split of a fold


@dataclass(frozen=True)
class DocumentCrossValidation(Experiment[LabelledDataset]):
    """A classifier trained on all folds but one and scored on that one, for each fold.

    The folds are stratified by class. Near duplicates are in one fold; in a data set with blocks
    (`prepare --holdout-block-size`) the documents of a block are. Hyperparameters and epochs are
    chosen on a tenth of the training documents of the fold. The documents are those of training and
    validation, and with `include_test` all. The run is called `<set>/<name>-cv<folds>-s<seed>`; its
    history has a row per fold, its predictions all documents.
    """

    kind: ClassVar[str] = "document_cross_validation"

    estimator: DocumentEstimator
    n_folds: Folds = 5
    seed: Seed = 0
    include_test: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        """Check the number of folds and the seed."""
        check_fields(self)

    def run_name(self, data: LabelledDataset) -> str:
        """Return `<set>/<name>-cv<folds>-s<seed>`."""
        documents = "-all" if self.include_test else ""
        name = self.name or self.estimator.name
        return f"{data.name}/{name}-cv{self.n_folds}{documents}-s{self.seed}"

    def settings_for(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the settings of the estimator and of the folds."""
        return {
            "estimator": self.estimator.config,
            "n_folds": self.n_folds,
            "seed": self.seed,
            "include_test": self.include_test,
        }

    def data_identity(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the fingerprint of the data set."""
        return {"fingerprint": data.fingerprint}

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.estimator).__module__,)

    def execute(self, data: LabelledDataset, context: Context) -> Outcome:
        """Train and predict each fold; finished folds of an interrupted run are read again.

        Raises:
            DataError: a class has too few documents.
        """
        names = ["train", "validation", *["test"] * self.include_test]
        texts = [text for name in names for text in data.splits[name].texts]
        labels = np.concatenate([data.splits[name].labels for name in names])
        groups = self._groups(data, names, texts)
        probabilities = np.empty((len(texts), len(data.classes)), np.float32)
        rows = list[dict[str, float]]()
        folds = _folds(labels, groups, self.n_folds, self.seed)
        for number, (rest, held_out) in enumerate(
            tqdm(folds, desc="folds", unit="fold", disable=not context.progress)
        ):
            _check_classes(labels[rest], data.classes, self.n_folds)
            path = context.folder / f"fold-{number}.npy"
            if not path.exists():
                inner = _folds(labels[rest], groups[rest], VALIDATION_FOLDS, self.seed)[0]
                train, validation = (
                    LabelledDocuments(
                        [texts[i] for i in rest[part]], labels[rest[part]], len(data.classes)
                    )
                    for part in inner
                )
                folder = context.folder / f"fold-{number}"
                folder.mkdir(parents=True, exist_ok=True)
                fitted = fit_estimator(
                    self.estimator, train, validation, self.seed, folder, context.progress,
                    context.on_epoch_end,
                )  # fmt: skip
                scores = fitted.predict_proba([texts[i] for i in held_out])
                write_atomic(path, np.asarray(scores, np.float32).tobytes())
            scores = np.frombuffer(path.read_bytes(), np.float32).reshape(len(held_out), -1)
            probabilities[held_out] = scores
            predicted = scores.argmax(axis=1)
            rows.append(
                {
                    "fold": number,
                    "n_documents": len(held_out),
                    "accuracy": float(accuracy_score(labels[held_out], predicted)),
                    "macro_f1": float(f1_score(labels[held_out], predicted, average="macro")),
                }
            )
        ids = [str(i) for i in range(len(texts))]
        predictions = DocumentPredictions.from_probabilities(
            ids, data.classes, labels, probabilities
        )
        return Outcome(
            classification_metrics(predictions),
            predictions,
            history=pd.DataFrame(rows),
            metadata={"dataset": data.name, "classes": data.classes, "documents": len(texts)},
        )

    def _groups(self, data: LabelledDataset, names: list[str], texts: list[str]) -> IntArray:
        """Return a number per document, (n,): documents of one number are in one fold."""
        block = data.metadata.get("choices", {}).get("together", 1)
        if block == 1:
            return group_near_duplicates(texts)
        ids = [row_id.rpartition("-") for name in names for row_id in data.splits[name].ids]
        keys = [f"{split}-{int(row) // block}" for split, _, row in ids]
        return np.asarray(pd.factorize(pd.Series(keys))[0], np.int64)


def _folds(
    labels: IntArray, groups: IntArray, n_folds: int, seed: int
) -> list[tuple[IntArray, IntArray]]:
    """Return the indices of the other folds and of the fold, stratified; groups stay together."""
    grouped = len(np.unique(groups)) < len(groups)
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    with warnings.catch_warnings():
        # A class with fewer documents than folds is missing in some folds.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        folds = kind(n_folds, shuffle=True, random_state=seed)
        return list(folds.split(labels, labels, groups if grouped else None))


def _check_classes(labels: NDArray[np.int64], classes: list[str], n_folds: int) -> None:
    """Raise DataError if a class has fewer than two documents: to train on, and to validate."""
    counts = np.bincount(labels, minlength=len(classes))
    if few := [name for name, count in zip(classes, counts, strict=True) if count < 2]:
        raise DataError(
            f"{n_folds} folds leave fewer than 2 documents to train on of the classes "
            f"{list_some(few)}: add documents, merge or remove these classes, or use more folds"
        )
