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

from wholescript.data.labelled import TextSet
from wholescript.errors import DataError
from wholescript.evaluation.label_quality import ranking_quality, suspects
from wholescript.evaluation.multiclass import ClassPredictions
from wholescript.evaluation.parquet import pack, unpack
from wholescript.experiments.documents.data_config import labels_of
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import Workspace
from wholescript.models.documents.base import ShallowTextModel

FOLDS = 5
RANKING = "ranking.parquet"


@dataclass(frozen=True)
class LabelErrors(Experiment[TextSet]):
    """Training texts ranked by how little their label fits them, by confident learning.

    Each text is judged by a model that did not learn it: 5 stratified folds (Northcutt et al.,
    2021). The run `<set>/labels-<model>` (or `<set>/<labels>-<model>`) stores how many are flagged,
    and the accuracy on test of a model that learns from all texts and from those that are not
    flagged. Where `labels` is another column than the true ones, which of them are wrong is known,
    and how well the ranking finds them is stored too; else its table counts flagged pairs of
    classes. The ranking itself is written to the folder of the run's weights: `ranking_of` reads it.
    """

    kind: ClassVar[str] = "label_errors"

    make: Callable[[], ShallowTextModel]
    labels: str = "label"
    seed: int = 0

    def name_on(self, data: TextSet) -> str:
        """Return `<set>/<labels>s-<model>`."""
        return f"{data.name}/{self.labels.replace('_', '-')}s-{self.make().name}"

    def settings_on(self, data: TextSet) -> dict[str, Any]:
        """Return the estimator's configuration, the column of labels, the folds and the seed."""
        return {
            "estimator": self.make().config,
            "labels": self.labels,
            "folds": FOLDS,
            "seed": self.seed,
        }

    def data_identity(self, data: TextSet) -> dict[str, Any]:
        """Return the fingerprint of the set."""
        return {"fingerprint": data.fingerprint}

    def modules(self) -> tuple[str, ...]:
        """Return the module of the estimator."""
        return (type(self.make()).__module__,)

    def execute(self, data: TextSet, context: Context) -> Outcome:
        """Rank the training texts and measure what leaving out the flagged ones is worth.

        Raises:
            DataError: a class has fewer texts than there are folds.
            ParameterError: the column was not kept.
        """
        train, validation, test = (data.splits[s] for s in ("train", "validation", "test"))
        given = labels_of(train, self.labels)
        if (rarest := np.bincount(given, minlength=len(data.classes)).min()) < FOLDS:
            raise DataError(
                f"a class has {rarest} training texts: {FOLDS} folds need {FOLDS} of each"
            )
        probabilities = np.empty((len(train), len(data.classes)), np.float32)
        texts = np.array(train.texts, dtype=object)
        held_out = validation.texts, labels_of(validation, self.labels)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=self.seed).split(texts, given)
        for learned, judged in tqdm(folds, total=FOLDS, desc="wrong labels", unit="fold"):
            model = self.make().fit(list(texts[learned]), given[learned], *held_out, seed=self.seed)
            probabilities[judged] = model.predict_proba(list(texts[judged]))
        ids = [str(row) for row in range(len(train))]
        out_of_fold = ClassPredictions.from_probabilities(ids, data.classes, given, probabilities)
        ranking = suspects(out_of_fold)
        kept = np.setdiff1d(np.arange(len(train)), ranking.loc[ranking["flagged"], "row"])

        def accuracy(rows: NDArray[np.int64]) -> Metric:
            model = self.make().fit(list(texts[rows]), given[rows], *held_out, seed=self.seed)
            value = accuracy_score(test.labels, model.predict_proba(test.texts).argmax(1))
            return Metric(float(value), tolerance=0.005)

        metrics = {
            "texts": Metric(len(train)),
            "flagged": Metric(float(ranking["flagged"].sum()), tolerance=0.1 * len(train)),
            "flagged_share": Metric(float(ranking["flagged"].mean()), tolerance=0.02),
            "accuracy_out_of_fold": Metric(
                float(accuracy_score(given, probabilities.argmax(1))), tolerance=0.01
            ),
            "test_accuracy_of_all": accuracy(np.arange(len(train))),
            "test_accuracy_without_flagged": accuracy(kept),
        }
        if self.labels == "label":
            table = _pairs(ranking)
        else:
            quality = ranking_quality(ranking, given != train.labels)
            metrics["average_precision"] = Metric(quality.average_precision, tolerance=0.03)
            metrics["wrong_share"] = Metric(quality.chance)
            metrics["precision_of_flagged"] = Metric(quality.table.loc["flagged", "precision"])
            metrics["recall_of_flagged"] = Metric(quality.table.loc["flagged", "recall"])
            table = quality.table.reset_index()
        pack(ranking, context.folder / RANKING)
        return Outcome(metrics, history=table)


def ranking_of(workspace: Workspace, run: Run) -> pd.DataFrame:
    """Return all training texts of a run of `LabelErrors`, the likeliest label error first.

    Raises:
        RunError: the ranking is not on this machine.
    """
    return unpack(workspace.checkpoints(run.key) / RANKING)


def _pairs(ranking: pd.DataFrame) -> pd.DataFrame:
    """Return how many flagged texts have which label, and which is suggested, most first."""
    flagged = ranking[ranking["flagged"]]
    counts = flagged.groupby(["given", "suggested"]).size().rename("texts").reset_index()
    return counts.sort_values(["texts", "given"], ascending=[False, True], ignore_index=True)
