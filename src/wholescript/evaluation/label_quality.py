"""Wrong labels, found by confident learning (Northcutt, Jiang and Chuang 2021), with cleanlab.

A text is suspect when a model that did not learn from it is surer of another class than it usually
is of that class. All probabilities here are out-of-fold: a model that has seen a wrong label has
learnt to repeat it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.rank import get_label_quality_scores
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score

from wholescript.data.films.guards import list_some, require_columns
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.multiclass import DocumentPredictions


def class_thresholds(out_of_fold: DocumentPredictions) -> "pd.Series[float]":
    """Return, for each class, the mean probability of that class over the texts that have it.

    A model is confident of a class from there on. Raises DataError without probabilities of all
    classes, or for a class without texts.
    """
    labels, probabilities = _labels_and_probabilities(out_of_fold)
    values = get_confident_thresholds(labels, probabilities)
    return pd.Series(values, pd.Index(out_of_fold.classes, name="class"), name="threshold")


def confident_joint(out_of_fold: DocumentPredictions) -> pd.DataFrame:
    """Return how many texts of each given label (rows) are estimated to be of each class (columns).

    Whole numbers; each row sums to the texts with that label. Raises as `class_thresholds` does.
    """
    joint = compute_confident_joint(*_labels_and_probabilities(out_of_fold))
    given = pd.Index(out_of_fold.classes, name="given")
    return pd.DataFrame(joint, given, pd.Index(out_of_fold.classes, name="estimated"))


def rank_label_issues(out_of_fold: DocumentPredictions) -> pd.DataFrame:
    """Return all texts, the one whose label is most likely wrong first.

    Columns `row` (its place), `id`, `given`, `suggested` (the most probable class), `margin` (by
    which the given class is more probable than the best other one, scaled from 0, surely wrong, to
    1; this is the order), and `flagged` (counted off the diagonal of the confident joint: the
    errors that the method would remove). Raises as `class_thresholds` does.
    """
    labels, probabilities = _labels_and_probabilities(out_of_fold)
    _, found = compute_confident_joint(
        labels, probabilities, return_indices_of_off_diagonals=True, calibrate=False
    )
    margin = get_label_quality_scores(labels, probabilities, method="normalized_margin")
    names = np.array(out_of_fold.classes, dtype=object)
    table = pd.DataFrame(
        {
            "row": np.arange(len(labels)),
            "id": out_of_fold.ids,
            "given": names[labels],
            "suggested": names[probabilities.argmax(axis=1)],
            "margin": margin,
            "flagged": np.isin(np.arange(len(labels)), found),
        }
    )
    return table.sort_values("margin", kind="stable", ignore_index=True)


@dataclass(frozen=True)
class RankingQuality:
    """How well a ranking finds wrong labels.

    `average_precision` is the precision at each wrong label, averaged; `random_precision` is the share of
    wrong labels, what reading at random gives. `table` has the columns `texts` (read), `found`
    (wrong ones among them), `precision` and `recall`; its rows are the shares that were read from
    the top, `as many as wrong` and `flagged`.
    """

    average_precision: float
    random_precision: float
    table: pd.DataFrame


def ranking_quality(
    ranking: pd.DataFrame, is_wrong: ArrayLike, *, shares: Sequence[float] = (0.01, 0.05, 0.1, 0.2)
) -> RankingQuality:
    """Hold the table `rank_label_issues` against the labels that are known to be wrong.

    `is_wrong` (n,) is bool, in the order of the texts, that is of the column `row`.

    Raises DataError where `is_wrong` has another length or is all of one kind, ParameterError for a
    share that is not above 0 and at most 1.
    """
    require_columns(list(ranking), ("row", "margin", "flagged"), "the ranking")
    known = np.asarray(is_wrong, dtype=bool)
    if known.shape != (len(ranking),):
        raise DataError(
            f"wrong has the shape {known.shape} for {len(ranking)} ranked texts: give one value a "
            "text, in the order of the texts."
        )
    if known.all() or not known.any():
        raise DataError(
            f"{known.sum()} of {len(known)} labels are wrong: finding them can be measured only "
            "where some are and some are not."
        )
    if bad := [share for share in shares if not 0 < share <= 1]:
        raise ParameterError(f"shares {bad} are not above 0 and at most 1.")
    found = known[ranking["row"].to_numpy()]
    place, flagged = np.arange(len(found)), ranking["flagged"].to_numpy(bool)
    read = {f"{100 * share:g}%": place < round(share * len(found)) for share in shares}
    read |= {"as many as wrong": place < known.sum(), "flagged": flagged}
    texts = np.array([part.sum() for part in read.values()])
    hits = np.array([found[part].sum() for part in read.values()])
    precision = np.divide(hits, texts, out=np.zeros(len(texts)), where=texts > 0)
    columns = {"texts": texts, "found": hits, "precision": precision, "recall": hits / known.sum()}
    return RankingQuality(
        float(average_precision_score(found, -ranking["margin"])),
        float(known.mean()),
        pd.DataFrame(columns, index=pd.Index(read, name="read")),
    )


def _labels_and_probabilities(
    out_of_fold: DocumentPredictions,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels (n,) and probabilities (n, classes) as float64."""
    if out_of_fold.probabilities is None:
        raise DataError(
            "Finding wrong labels needs probabilities of all classes, and these predictions have "
            "none: predict out of fold with a model that gives them, such as logistic regression."
        )
    texts = np.bincount(out_of_fold.labels, minlength=len(out_of_fold.classes))
    if empty := [name for name, n in zip(out_of_fold.classes, texts, strict=True) if not n]:
        raise DataError(
            f"{len(empty)} class(es) have no text: {list_some(empty)}. How sure a model is of them "
            "cannot be known; leave them out of the classes."
        )
    return out_of_fold.labels, out_of_fold.probabilities.astype(np.float64)
