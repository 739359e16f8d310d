"""Predictions of a document classifier, of two classes or many, and their table on disk."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from wholescript.data.checks import list_some, require_columns
from wholescript.errors import DataError, ParameterError

LOG_ODDS_STEPS = 16  # a log-odds of the confidence is stored in steps of 1/16
MAX_ABS_LOG_ODDS = 16.0  # float32 has few values between a probability of 1 - 1e-7 and 1
PROBABILITY_SUM_TOLERANCE = 1e-3  # probabilities may have been computed in half precision


@dataclass(frozen=True)
class DocumentPredictions:
    """Predictions of one fitted classifier for n documents.

    `labels` and `predicted` are int64 (n,), positions in `classes`. `confidence` is float32 (n,),
    the probability of the predicted class, and `probabilities` float32 (n, classes); both are None
    for a classifier without probabilities, such as a linear SVM. `fingerprints` are of their
    texts, as `ids` may be only row numbers: predictions that have none in common are of different
    texts. Use `from_probabilities` or `from_predicted_labels` to make one.

    Raises:
        DataError: lengths differ, ids or classes are not unique, labels are of one class or out of
            range, or a probability is NaN, outside 0 to 1 or in a row that does not sum to one.
    """

    FILE: ClassVar[str] = "predictions.parquet"

    ids: list[str]
    classes: list[str]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32] | None
    probabilities: NDArray[np.float32] | None
    fingerprints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and ranges."""
        for name in ("ids", "classes"):
            values = pd.Series(getattr(self, name), dtype=object)
            if values.duplicated().any():
                duplicates = values[values.duplicated()].unique().tolist()
                raise DataError(f"{name} are not unique: {list_some(duplicates)}")
        for name in ("labels", "predicted", "confidence", "probabilities"):
            values, n = getattr(self, name), len(self.ids)
            if values is None:
                continue
            shape = (n, len(self.classes)) if name == "probabilities" else (n,)
            if values.shape != shape:
                raise DataError(
                    f"{name} has the shape {values.shape}; {shape} is needed for {n} documents and "
                    f"{len(self.classes)} classes"
                )
            highest = len(self.classes) - 1 if name in ("labels", "predicted") else 1 + 1e-6
            # Not `values < 0`: NaN must be invalid too.
            if (invalid := ~((values >= 0) & (values <= highest))).any():
                raise DataError(
                    f"{name} of the document {self.ids[np.nonzero(invalid)[0][0]]!r} is "
                    f"{values[invalid][0]}; it must lie from 0 to {highest:.0f}"
                )
        if (n_classes := len(np.unique(self.labels))) < 2:
            raise DataError(
                f"the {len(self.ids)} documents are of {n_classes} class(es), and metrics need "
                "two: use other documents, or a split that is not sorted by label"
            )
        if self.probabilities is not None:
            sums = self.probabilities.sum(axis=1)
            if (invalid := np.abs(sums - 1) > PROBABILITY_SUM_TOLERANCE).any():
                raise DataError(
                    f"probabilities of the document {self.ids[invalid.argmax()]!r} sum to "
                    f"{sums[invalid][0]:.4f}, not to 1: pass the softmax of the logits"
                )

    @classmethod
    def from_probabilities(
        cls,
        ids: Sequence[str],
        classes: Sequence[str],
        labels: NDArray[np.int64],
        probabilities: NDArray[np.floating],
    ) -> "DocumentPredictions":
        """Predict the most probable class of each row of `probabilities` (n, classes)."""
        rounded = np.asarray(probabilities, dtype=np.float32)
        if rounded.ndim != 2:
            raise DataError(f"probabilities has the shape {rounded.shape}; (n, classes) is needed")
        predicted = rounded.argmax(axis=1)
        confidence = np.take_along_axis(rounded, predicted[:, None], axis=1)[:, 0]
        return cls(
            _to_strings(ids),
            _to_strings(classes),
            _to_int64(labels),
            predicted,
            confidence,
            rounded,
        )

    @classmethod
    def from_predicted_labels(
        cls,
        ids: Sequence[str],
        classes: Sequence[str],
        labels: NDArray[np.int64],
        predicted: NDArray[np.int64],
        confidence: NDArray[np.floating] | None = None,
    ) -> "DocumentPredictions":
        """Take predicted labels, and the probability of each where the classifier has one.

        With two classes and confidences, `probabilities` is filled in.
        """
        names, positions = _to_strings(classes), _to_int64(predicted)
        if confidence is None:
            return cls(_to_strings(ids), names, _to_int64(labels), positions, None, None)
        confidences = np.asarray(confidence, dtype=np.float32)
        probabilities = None
        if len(names) == 2 and confidences.shape == positions.shape:
            positive = np.where(positions == 1, confidences, 1 - confidences)
            probabilities = np.stack([1 - positive, positive], axis=1)
        return cls(
            _to_strings(ids), names, _to_int64(labels), positions, confidences, probabilities
        )

    def select(self, ids: Collection[str]) -> "DocumentPredictions":
        """Return the predictions of some documents, in the order they have here."""
        indices = np.flatnonzero([name in ids for name in self.ids])
        return DocumentPredictions(
            [self.ids[i] for i in indices],
            self.classes,
            self.labels[indices],
            self.predicted[indices],
            None if self.confidence is None else self.confidence[indices],
            None if self.probabilities is None else self.probabilities[indices],
            self.fingerprints,
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row per document: `id`, `label` and `predicted` (categories), and `log_odds`.

        `log_odds` (float32) is the natural log-odds of the confidence, in sixteenths, clipped to
        -16 and 16; the column is missing without confidences. Predicted labels are kept exactly;
        probabilities of other than the predicted class are lost (with two classes, none). The
        confidence is off by at most 0.008 at 0.5, 0.003 at 0.9 and 0.0004 at 0.99. Stored, 25,000
        documents of two classes take about 30 kB with ids that count up; ids that are hashes do not
        compress and take another 8 bytes a document.
        """
        columns: dict[str, object] = {"id": self.ids}
        for name, codes in (("label", self.labels), ("predicted", self.predicted)):
            columns[name] = pd.Categorical.from_codes(codes, self.classes)
        if self.confidence is not None:
            log_odds = logit(self.confidence.astype(np.float64).clip(0, 1))
            clipped = np.clip(log_odds, -MAX_ABS_LOG_ODDS, MAX_ABS_LOG_ODDS)
            rounded = np.rint(LOG_ODDS_STEPS * clipped) / LOG_ODDS_STEPS
            columns["log_odds"] = rounded.astype(np.float32)
        return pd.DataFrame(columns)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "DocumentPredictions":
        """Return the predictions in a table of `to_frame`.

        Raises:
            DataError: a column is missing, or `label` or `predicted` is not categorical.
        """
        require_columns(list(frame), ("id", "label", "predicted"), "the table of predictions")
        for name in ("label", "predicted"):
            if not isinstance(frame[name].dtype, pd.CategoricalDtype):
                raise DataError(f"the column {name!r} is not categorical: store it with `write`")
        classes = frame["label"].cat.categories.tolist()
        log_odds = frame["log_odds"].to_numpy(np.float64) if "log_odds" in frame else None
        return cls.from_predicted_labels(
            frame["id"].tolist(),
            classes,
            frame["label"].cat.codes.to_numpy(),
            frame["predicted"].cat.set_categories(classes).cat.codes.to_numpy(),
            None if log_odds is None else expit(log_odds),
        )


def check_same_documents(predictions_by_seed: Sequence[DocumentPredictions]) -> None:
    """Check that all predict the same documents, in one order, with the same labels and classes.

    Raises:
        DataError: they differ.
        ParameterError: there are none.
    """
    if not predictions_by_seed:
        raise ParameterError("the predictions of at least one training seed are needed")
    first = predictions_by_seed[0]
    for other in predictions_by_seed[1:]:
        prints = first.fingerprints, other.fingerprints
        if all(prints) and set(prints[0]).isdisjoint(prints[1]):
            raise DataError(
                f"predictions of different texts (fingerprints {prints[0][0][:12]} and "
                f"{prints[1][0][:12]}) cannot be paired: train and evaluate the models on one "
                "prepared data set"
            )
        if other.ids != first.ids:
            differing = sorted(set(first.ids) ^ set(other.ids))
            what = f"only in one: {list_some(differing)}" if differing else "in another order"
            raise DataError(
                f"predictions of {len(first.ids)} and of {len(other.ids)} documents cannot be "
                f"paired ({what}): predict the same test split"
            )
        if other.classes != first.classes or not np.array_equal(other.labels, first.labels):
            raise DataError(
                "predictions of the same documents have different classes or labels: evaluate both "
                "on one prepared data set"
            )


def _to_strings(values: Sequence[str]) -> list[str]:
    return [str(value) for value in values]


def _to_int64(values: NDArray[np.int64]) -> NDArray[np.int64]:
    integers = np.asarray(values)
    if integers.dtype.kind not in "iu":
        raise DataError(f"labels are {integers.dtype}: pass positions in `classes`, as int64")
    return integers.astype(np.int64)
