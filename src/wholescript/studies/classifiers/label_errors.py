"""Wrong labels among training texts: found out of fold, held against the truth, and left out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold
from tqdm.auto import tqdm

from wholescript.data.labelled import LabelledDataset
from wholescript.errors import DataError
from wholescript.evaluation.label_quality import rank_label_issues, ranking_quality
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.evaluation.parquet import read_parquet, write_parquet
from wholescript.experiments.documents.data_config import get_labels
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import Workspace
from wholescript.models.documents.base import SklearnClassifier

N_FOLDS = 5
RANKING_FILE = "ranking.parquet"


@dataclass(frozen=True)
class LabelErrors(Experiment[LabelledDataset]):
    """Training texts ranked by how little their label fits them, by confident learning.

    Each text is judged by a model that did not learn it: 5 stratified folds (Northcutt et al.,
    2021). The run `<set>/labels-<model>` (or `<set>/<labels>-<model>`) stores how many are flagged,
    and the accuracy on test of a model that learns from all texts and from those that are not
    flagged. Where `labels` is another column than the true ones, which of them are wrong is known,
    and how well the ranking finds them is stored too; else its table counts flagged pairs of
    classes. The ranking itself is written to the folder of the run's weights: `load_ranking` reads it.
    """

    kind: ClassVar[str] = "label_errors"

    make_estimator: Callable[[], SklearnClassifier]
    labels: str = "label"
    seed: int = 0

    def name_on(self, data: LabelledDataset) -> str:
        """Return `<set>/<labels>s-<model>`."""
        return f"{data.name}/{self.labels.replace('_', '-')}s-{self.make_estimator().name}"

    def settings_on(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the estimator's configuration, the column of labels, the folds and the seed."""
        return {
            "estimator": self.make_estimator().config,
            "labels": self.labels,
            "folds": N_FOLDS,
            "seed": self.seed,
        }

    def data_identity(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the fingerprint of the set."""
        return {"fingerprint": data.fingerprint}

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.make_estimator()).__module__,)

    def execute(self, data: LabelledDataset, context: Context) -> Outcome:
        """Rank the training texts and measure what leaving out the flagged ones is worth.

        Raises:
            DataError: a class has fewer texts than there are folds.
            ParameterError: the column was not kept.
        """
        train, validation, test = (data.splits[s] for s in ("train", "validation", "test"))
        given_labels = get_labels(train, self.labels)
        if (rarest := np.bincount(given_labels, minlength=len(data.classes)).min()) < N_FOLDS:
            raise DataError(
                f"a class has {rarest} training texts: {N_FOLDS} folds need {N_FOLDS} of each"
            )
        probabilities = np.empty((len(train), len(data.classes)), np.float32)
        texts = np.array(train.texts, dtype=object)
        val = validation.texts, get_labels(validation, self.labels)
        folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=self.seed).split(
            texts, given_labels
        )
        for train_rows, held_out_rows in tqdm(
            folds, total=N_FOLDS, desc="wrong labels", unit="fold"
        ):
            model = self.make_estimator().fit(
                list(texts[train_rows]), given_labels[train_rows], *val, seed=self.seed
            )
            probabilities[held_out_rows] = model.predict_proba(list(texts[held_out_rows]))
        ids = [str(row) for row in range(len(train))]
        out_of_fold = DocumentPredictions.from_probabilities(
            ids, data.classes, given_labels, probabilities
        )
        ranking = rank_label_issues(out_of_fold)
        kept = np.setdiff1d(np.arange(len(train)), ranking.loc[ranking["flagged"], "row"])

        def accuracy(rows: NDArray[np.int64]) -> Metric:
            model = self.make_estimator().fit(
                list(texts[rows]), given_labels[rows], *val, seed=self.seed
            )
            value = accuracy_score(test.labels, model.predict_proba(test.texts).argmax(1))
            return Metric(float(value), tolerance=0.005)

        metrics = {
            "texts": Metric(len(train)),
            "flagged": Metric(float(ranking["flagged"].sum()), tolerance=0.1 * len(train)),
            "flagged_share": Metric(float(ranking["flagged"].mean()), tolerance=0.02),
            "accuracy_out_of_fold": Metric(
                float(accuracy_score(given_labels, probabilities.argmax(1))), tolerance=0.01
            ),
            "test_accuracy_of_all": accuracy(np.arange(len(train))),
            "test_accuracy_without_flagged": accuracy(kept),
        }
        if self.labels == "label":
            table = _flagged_class_pairs(ranking)
        else:
            quality = ranking_quality(ranking, given_labels != train.labels)
            metrics["average_precision"] = Metric(quality.average_precision, tolerance=0.03)
            metrics["wrong_share"] = Metric(quality.random_precision)
            metrics["precision_of_flagged"] = Metric(quality.table.loc["flagged", "precision"])
            metrics["recall_of_flagged"] = Metric(quality.table.loc["flagged", "recall"])
            table = quality.table.reset_index()
        write_parquet(ranking, context.folder / RANKING_FILE)
        return Outcome(metrics, history=table)


def load_ranking(workspace: Workspace, run: Run) -> pd.DataFrame:
    """Return all training texts of a run of `LabelErrors`, the likeliest label error first.

    Raises:
        RunError: the ranking is not on this machine.
    """
    return read_parquet(workspace.checkpoints(run.key) / RANKING_FILE)


def _flagged_class_pairs(ranking: pd.DataFrame) -> pd.DataFrame:
    """Return how many flagged texts have which label, and which is suggested, most first."""
    flagged = ranking[ranking["flagged"]]
    counts = flagged.groupby(["given", "suggested"]).size().rename("texts").reset_index()
    return counts.sort_values(["texts", "given"], ascending=[False, True], ignore_index=True)
