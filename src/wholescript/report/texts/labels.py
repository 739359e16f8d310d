"""Wrong labels among training texts: found out of fold, held against the truth, and left out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold
from tqdm.auto import tqdm

from wholescript.data.textsets import TextSet
from wholescript.errors import DataError
from wholescript.evaluation.label_quality import ranking_quality, suspects
from wholescript.evaluation.multiclass import ClassPredictions
from wholescript.models.text_model import ShallowTextModel
from wholescript.report.project import Project
from wholescript.report.provenance.fingerprint import code_fingerprint, hash_json
from wholescript.report.results import Metric
from wholescript.report.runs import Run, RunStore
from wholescript.report.texts.draws import labels_of

FOLDS = 5


@dataclass(frozen=True)
class WrongLabels:
    """The stored run, and all training texts, the one whose label is most likely wrong first."""

    run: Run
    ranking: pd.DataFrame


def find_wrong_labels(
    store: RunStore,
    textset: TextSet,
    make: Callable[[], ShallowTextModel],
    *,
    labels: str = "label",
    seed: int = 0,
    project: Project | None = None,
) -> WrongLabels:
    """Rank the training texts by how little their label fits, by confident learning.

    Each text is judged by a model that did not learn it: 5 stratified folds (Northcutt et al.,
    2021). The run `<set>/labels-<model>` (or `<set>/<labels>-<model>`) stores how many are flagged,
    and the accuracy on test of a model that learns from all texts and from those that are not
    flagged. Where `labels` is another column than the true ones, which of them are wrong is known,
    and how well the ranking finds them is stored too; else its table counts flagged pairs of
    classes.

    Raises:
        DataError: a class has fewer texts than there are folds.
        ParameterError: the column was not kept.
    """
    project = project or Project()
    train, validation, test = (textset.splits[split] for split in ("train", "validation", "test"))
    given = labels_of(train, labels)
    if (rarest := np.bincount(given, minlength=len(textset.classes)).min()) < FOLDS:
        raise DataError(f"a class has {rarest} training texts: {FOLDS} folds need {FOLDS} of each")
    probabilities = np.empty((len(train), len(textset.classes)), np.float32)
    texts = np.array(train.texts, dtype=object)
    held_out = validation.texts, labels_of(validation, labels)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(texts, given)
    for learned, judged in tqdm(folds, total=FOLDS, desc="wrong labels", unit="fold"):
        model = make().fit(list(texts[learned]), given[learned], *held_out, seed=seed)
        probabilities[judged] = model.predict_proba(list(texts[judged]))
    ids = [str(row) for row in range(len(train))]
    out_of_fold = ClassPredictions.from_probabilities(ids, textset.classes, given, probabilities)
    ranking = suspects(out_of_fold)
    kept = np.setdiff1d(np.arange(len(train)), ranking.loc[ranking["flagged"], "row"])

    def accuracy(rows: NDArray[np.int64]) -> Metric:
        model = make().fit(list(texts[rows]), given[rows], *held_out, seed=seed)
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
    if labels == "label":
        table = _pairs(ranking)
    else:
        quality = ranking_quality(ranking, given != train.labels)
        metrics["average_precision"] = Metric(quality.average_precision, tolerance=0.03)
        metrics["wrong_share"] = Metric(quality.chance)
        metrics["precision_of_flagged"] = Metric(quality.table.loc["flagged", "precision"])
        metrics["recall_of_flagged"] = Metric(quality.table.loc["flagged", "recall"])
        table = quality.table.reset_index()
    estimator = make()
    config = {
        "estimator": estimator.config,
        "data": textset.fingerprint,
        "labels": labels,
        "folds": FOLDS,
        "seed": seed,
        "code": code_fingerprint([type(estimator).__module__, __name__], project.source),
    }
    name = f"{textset.name}/{labels.replace('_', '-')}s-{estimator.name}"
    run = store.save(name, {**config, "key": hash_json(config)}, metrics, history=table)
    return WrongLabels(run, ranking)


def _pairs(ranking: pd.DataFrame) -> pd.DataFrame:
    """Return how many flagged texts have which label, and which is suggested, most first."""
    flagged = ranking[ranking["flagged"]]
    counts = flagged.groupby(["given", "suggested"]).size().rename("texts").reset_index()
    return counts.sort_values(["texts", "given"], ascending=[False, True], ignore_index=True)
