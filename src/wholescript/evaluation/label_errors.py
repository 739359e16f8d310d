"""Label errors, found by confident learning (Northcutt, Jiang and Chuang, 2021) with cleanlab.

A document is flagged when a model not trained on it is more confident of another class than it
usually is of that class. All probabilities are out-of-fold: a model trained on a wrong label
reproduces it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from cleanlab.count import compute_confident_joint
from cleanlab.rank import get_label_quality_scores
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score

from wholescript.data.checks import list_some, require_columns
from wholescript.errors import DataError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.settings import PositiveShare, check

MATCHED_ROW = "as many as label errors"


def rank_label_issues(out_of_fold: DocumentPredictions) -> pd.DataFrame:
    """Return all documents, those whose label is most likely wrong first.

    Columns `row` (position in the predictions), `id`, `label`, `suggested_label` (the most probable
    class), `label_quality` (normalized margin between the label and the best other class: from 0,
    certainly wrong, to 1; the table is sorted by it), and `flagged` (off the diagonal of the
    confident joint).

    Raises:
        DataError: there are no probabilities of all classes, or a class has no documents.
    """
    labels, probabilities = _labels_and_probabilities(out_of_fold)
    _, flagged = compute_confident_joint(
        labels, probabilities, return_indices_of_off_diagonals=True, calibrate=False
    )
    names = np.array(out_of_fold.classes, dtype=object)
    positions = np.arange(len(labels))
    table = pd.DataFrame(
        {
            "row": positions,
            "id": out_of_fold.ids,
            "label": names[labels],
            "suggested_label": names[probabilities.argmax(axis=1)],
            "label_quality": get_label_quality_scores(
                labels, probabilities, method="normalized_margin"
            ),
            "flagged": np.isin(positions, flagged),
        }
    )
    return table.sort_values("label_quality", kind="stable", ignore_index=True)


@dataclass(frozen=True)
class RankingQuality:
    """How well a ranking finds label errors.

    `average_precision` is the precision at each label error, averaged; `random_precision`, the
    share of label errors, is its expectation for a random ranking. `table` has the columns
    `n_documents` (inspected), `n_errors_found` (label errors among them), `precision` and `recall`;
    a row per share inspected from the top, then `as many as label errors` and `flagged`.
    """

    average_precision: float
    random_precision: float
    table: pd.DataFrame


def ranking_quality(
    ranking: pd.DataFrame, is_wrong: ArrayLike, *, shares: Sequence[float] = (0.01, 0.05, 0.1, 0.2)
) -> RankingQuality:
    """Evaluate a table of `rank_label_issues` where the label errors are known.

    `is_wrong` (n,) is bool, in the order of the predictions (the column `row`).

    Raises:
        DataError: `is_wrong` has another length, or all its values are equal.
        ParameterError: a share is not above 0 and at most 1.
    """
    require_columns(list(ranking), ("row", "label_quality", "flagged"), "the ranking")
    known = np.asarray(is_wrong, dtype=bool)
    if known.shape != (len(ranking),):
        raise DataError(
            f"is_wrong has the shape {known.shape}; a value for each of the {len(ranking)} ranked "
            "documents is needed"
        )
    if known.all() or not known.any():
        raise DataError(
            f"{known.sum()} of {len(known)} labels are wrong: a ranking can be evaluated only "
            "where some labels are wrong and some are right"
        )
    check("shares", tuple(shares), tuple[PositiveShare, ...])
    found = known[ranking["row"].to_numpy()]
    position, flagged = np.arange(len(found)), ranking["flagged"].to_numpy(bool)
    inspected = {f"{100 * share:g}%": position < round(share * len(found)) for share in shares}
    inspected |= {MATCHED_ROW: position < known.sum(), "flagged": flagged}
    n_documents = np.array([part.sum() for part in inspected.values()])
    n_found = np.array([found[part].sum() for part in inspected.values()])
    precision = np.divide(
        n_found, n_documents, out=np.zeros(len(n_documents)), where=n_documents > 0
    )
    columns = {
        "n_documents": n_documents,
        "n_errors_found": n_found,
        "precision": precision,
        "recall": n_found / known.sum(),
    }
    return RankingQuality(
        float(average_precision_score(found, -ranking["label_quality"])),
        float(known.mean()),
        pd.DataFrame(columns, index=pd.Index(inspected, name="inspected")),
    )


def _labels_and_probabilities(
    out_of_fold: DocumentPredictions,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels (n,) and probabilities (n, classes) as float64."""
    if out_of_fold.probabilities is None:
        raise DataError(
            "finding label errors needs probabilities of all classes, and these predictions have "
            "none: predict out of fold with a classifier that gives them"
        )
    n_documents = np.bincount(out_of_fold.labels, minlength=len(out_of_fold.classes))
    if empty := [name for name, n in zip(out_of_fold.classes, n_documents, strict=True) if not n]:
        raise DataError(
            f"{len(empty)} class(es) have no documents, so no threshold of confidence: "
            f"{list_some(empty)}; remove them from the classes"
        )
    return out_of_fold.labels, out_of_fold.probabilities.astype(np.float64)
