"""Label errors in the training data: ranked by confident learning, evaluated, removed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold
from tqdm import tqdm

from wholescript.data.labelled import LabelledDataset
from wholescript.errors import DataError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.evaluation.label_errors import rank_label_issues, ranking_quality
from wholescript.experiments.documents.data_config import get_labels
from wholescript.experiments.documents.study import DocumentStudy
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.stored import StoredDataset
from wholescript.experiments.workspace import Workspace
from wholescript.models.documents.classical_classifier import ClassicalDocumentClassifier
from wholescript.models.documents.sentence_embeddings import SentenceLinear
from wholescript.parquet import read_parquet, write_parquet

N_FOLDS = 5
RANKING_FILE = "ranking.parquet"


@dataclass(frozen=True)
class LabelErrors(Experiment[LabelledDataset]):
    """Training documents ranked by label quality: confident learning (Northcutt et al., 2021).

    The probabilities are out-of-fold, from 5 stratified folds. The run `<set>/label-errors-<model>`
    (or `<set>/<label column>-errors-<model>`) stores the number of flagged documents, and the test
    accuracy of a model that is trained on all documents and on those that are not flagged. If
    `label_column` is not that of the true labels, the errors are known, and the run stores the
    precision and recall of the ranking; otherwise its table counts the flagged pairs of classes.
    `load_ranking` reads the ranking itself, which stays in the folder of the run's weights.
    """

    kind: ClassVar[str] = "label_errors"

    make_estimator: Callable[[], ClassicalDocumentClassifier]
    label_column: str = "label"
    seed: int = 0

    def run_name(self, data: LabelledDataset) -> str:
        """Return `<set>/<label column>-errors-<model>`."""
        column = self.label_column.replace("_", "-")
        return f"{data.name}/{column}-errors-{self.make_estimator().name}"

    def settings_for(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the estimator's settings, the label column, the number of folds and the seed."""
        return {
            "estimator": self.make_estimator().config,
            "label_column": self.label_column,
            "folds": N_FOLDS,
            "seed": self.seed,
        }

    def data_identity(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the fingerprint of the data set."""
        return {"fingerprint": data.fingerprint}

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.make_estimator()).__module__,)

    def execute(self, data: LabelledDataset, context: Context) -> Outcome:
        """Rank the training documents and measure the effect of removing the flagged ones.

        Raises:
            DataError: a class has fewer documents than there are folds.
            ParameterError: the prepared data set has no such label column.
        """
        train, validation, test = (data.splits[s] for s in ("train", "validation", "test"))
        given_labels = get_labels(train, self.label_column)
        if (rarest := np.bincount(given_labels, minlength=len(data.classes)).min()) < N_FOLDS:
            raise DataError(
                f"a class has {rarest} training documents: {N_FOLDS} folds need {N_FOLDS} of each"
            )
        probabilities = np.empty((len(train), len(data.classes)), np.float32)
        texts = np.array(train.texts, dtype=object)
        val = validation.texts, get_labels(validation, self.label_column)
        folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=self.seed).split(
            texts, given_labels
        )

        def fit(indices: NDArray[np.int64]) -> ClassicalDocumentClassifier:
            return self.make_estimator().fit(
                list(texts[indices]), given_labels[indices], *val, seed=self.seed
            )

        for train_indices, held_out in tqdm(folds, total=N_FOLDS, desc="out-of-fold", unit="fold"):
            probabilities[held_out] = fit(train_indices).predict_proba(list(texts[held_out]))
        ids = [str(index) for index in range(len(train))]
        out_of_fold = DocumentPredictions.from_probabilities(
            ids, data.classes, given_labels, probabilities
        )
        ranking = rank_label_issues(out_of_fold)
        unflagged = np.setdiff1d(np.arange(len(train)), ranking.loc[ranking["flagged"], "row"])

        def test_accuracy(train_indices: NDArray[np.int64]) -> Metric:
            predicted = fit(train_indices).predict_proba(test.texts).argmax(1)
            value = accuracy_score(test.labels, predicted)
            return Metric(float(value), tolerance=0.005)

        metrics = {
            "n_documents": Metric(len(train)),
            "n_flagged": Metric(float(ranking["flagged"].sum()), tolerance=0.1 * len(train)),
            "flagged_share": Metric(float(ranking["flagged"].mean()), tolerance=0.02),
            "accuracy_out_of_fold": Metric(
                float(accuracy_score(given_labels, probabilities.argmax(1))), tolerance=0.01
            ),
            "test_accuracy_all": test_accuracy(np.arange(len(train))),
            "test_accuracy_without_flagged": test_accuracy(unflagged),
        }
        if self.label_column == "label":
            table = _flagged_class_pairs(ranking)
        else:
            quality = ranking_quality(ranking, given_labels != train.labels)
            metrics["average_precision"] = Metric(quality.average_precision, tolerance=0.03)
            metrics["label_error_rate"] = Metric(quality.random_precision)
            metrics["precision_of_flagged"] = Metric(quality.table.loc["flagged", "precision"])
            metrics["recall_of_flagged"] = Metric(quality.table.loc["flagged", "recall"])
            table = quality.table.reset_index()
        write_parquet(ranking, context.folder / RANKING_FILE)
        return Outcome(metrics, history=table)


def label_error_run(study: DocumentStudy, label_column: str = "label") -> Run | None:
    """Return the run on the first data set of a study that has the column; None if none has.

    Returns None, too, if the sentence encoder is not installed, a class is too rare for the folds,
    or no label is flagged; the reason is printed.
    """
    for name, data in study.datasets.items():
        columns = (
            study.recipe.datasets[name].get("keep_columns", ())
            if isinstance(data, StoredDataset)
            else data.splits["train"].extra_columns
        )
        if label_column in ("label", *columns):
            found = study.run(LabelErrors(SentenceLinear, label_column), data)
            if found is None or not found.history.empty:
                return found
            n_documents = found.metrics["n_documents"].value
            print(f"no label of the {n_documents:,.0f} training texts was flagged")
            return None
    return None


def load_ranking(workspace: Workspace, run: Run) -> pd.DataFrame:
    """Return all training documents of a run of `LabelErrors`, the likeliest error first.

    Raises:
        RunError: the ranking is not on this computer.
    """
    return read_parquet(workspace.checkpoints(run.key) / RANKING_FILE)


def _flagged_class_pairs(ranking: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of flagged documents by label and suggested label, highest first."""
    flagged = ranking[ranking["flagged"]]
    pairs = ["label", "suggested_label"]
    counts = flagged.groupby(pairs).size().rename("n_documents").reset_index()
    return counts.sort_values(["n_documents", "label"], ascending=[False, True], ignore_index=True)
