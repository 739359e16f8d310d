"""What a classifier says of texts, of two classes or many, and its small table on disk."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from wholescript.data.films.guards import list_some, require_columns
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.parquet import read_parquet, write_parquet

LOG_ODDS_STEPS = 16  # of a stored log-odds, to one
MAX_ABS_LOG_ODDS = (
    16.0  # of a stored log-odds: float32 has little between a probability of 1 - 1e-7 and 1
)
PROBABILITY_SUM_TOLERANCE = (
    1e-3  # of a row of probabilities, which may have come through half precision
)


@dataclass(frozen=True)
class DocumentPredictions:
    """What one fitted classifier says of n texts.

    `labels` and `predicted` are int64 (n,), places in `classes`. `confidence` is float32 (n,), the
    probability of the predicted class, and `probabilities` float32 (n, classes); each is None where
    there is none, as for a linear SVM. Make it with `from_probabilities` or `from_predicted_labels`.

    Raises DataError when lengths differ, ids or classes stand twice, labels are of one class or out
    of range, or a probability is NaN, outside 0 to 1 or in a row that does not sum to one.
    """

    FILE: ClassVar[str] = "predictions.parquet"

    ids: list[str]
    classes: list[str]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32] | None
    probabilities: NDArray[np.float32] | None

    def __post_init__(self) -> None:
        """Refuse what could not be scored."""
        for name in ("ids", "classes"):
            values = pd.Series(getattr(self, name), dtype=object)
            if values.duplicated().any():
                twice = values[values.duplicated()].unique().tolist()
                raise DataError(
                    f"{name} stand more than once: {list_some(twice)}. Give each its own."
                )
        for name in ("labels", "predicted", "confidence", "probabilities"):
            values, n = getattr(self, name), len(self.ids)
            if values is None:
                continue
            shape = (n, len(self.classes)) if name == "probabilities" else (n,)
            if values.shape != shape:
                raise DataError(
                    f"{name} has the shape {values.shape} for {n} texts and {len(self.classes)} "
                    f"classes: it must be {shape}. Predict the texts that the ids stand for."
                )
            highest = len(self.classes) - 1 if name in ("labels", "predicted") else 1 + 1e-6
            # Written so that NaN is bad.
            if (bad := ~((values >= 0) & (values <= highest))).any():
                raise DataError(
                    f"{name} of the text {self.ids[np.nonzero(bad)[0][0]]!r} is {values[bad][0]}: "
                    f"it must lie from 0 to {highest:.0f}. Check the model's output."
                )
        if len(np.unique(self.labels)) < 2:
            raise DataError(
                f"The {len(self.ids)} texts hold {len(np.unique(self.labels))} class(es): scores "
                "need two at least. Test on other texts, or on a split that is not sorted by label."
            )
        if self.probabilities is not None:
            sums = self.probabilities.sum(axis=1)
            if (bad := np.abs(sums - 1) > PROBABILITY_SUM_TOLERANCE).any():
                raise DataError(
                    f"probabilities of the text {self.ids[bad.argmax()]!r} sum to "
                    f"{sums[bad][0]:.4f}, not to 1. Pass the softmax of the logits."
                )

    @classmethod
    def from_probabilities(
        cls,
        ids: Sequence[str],
        classes: Sequence[str],
        labels: NDArray[np.int64],
        probabilities: NDArray[np.floating],
    ) -> "ClassPredictions":
        """Predict the most probable class of each row of `probabilities` (n, classes)."""
        rows = np.asarray(probabilities, dtype=np.float32)
        if rows.ndim != 2:
            raise DataError(f"probabilities has the shape {rows.shape}: one row a text is needed.")
        said = rows.argmax(axis=1)
        confidence = np.take_along_axis(rows, said[:, None], axis=1)[:, 0]
        return cls(_to_strings(ids), _to_strings(classes), _whole(labels), said, confidence, rows)

    @classmethod
    def from_predicted_labels(
        cls,
        ids: Sequence[str],
        classes: Sequence[str],
        labels: NDArray[np.int64],
        predicted: NDArray[np.int64],
        confidence: NDArray[np.floating] | None = None,
    ) -> "ClassPredictions":
        """Take decisions, and the probability of each decision where there is one.

        With two classes that is all there is to know: `probabilities` follows.
        """
        said = _whole(predicted)
        if confidence is None:
            return cls(_to_strings(ids), _to_strings(classes), _whole(labels), said, None, None)
        sure = np.asarray(confidence, dtype=np.float32)
        rows = None
        if len(classes) == 2 and sure.shape == said.shape:
            positive = np.where(said == 1, sure, 1 - sure)
            rows = np.stack([1 - positive, positive], axis=1)
        return cls(_to_strings(ids), _to_strings(classes), _whole(labels), said, sure, rows)

    def select(self, ids: Collection[str]) -> "ClassPredictions":
        """Return what is said of some of the texts, in the order that they stand in here."""
        rows = np.flatnonzero([name in ids for name in self.ids])
        return DocumentPredictions(
            [self.ids[row] for row in rows],
            self.classes,
            self.labels[rows],
            self.predicted[rows],
            None if self.confidence is None else self.confidence[rows],
            None if self.probabilities is None else self.probabilities[rows],
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a text: `id`, `label` and `predicted` (categories), and `log_odds`.

        `log_odds` (float32) is the natural log-odds of the confidence, in sixteenths, within
        -16 to 16; it is missing where the confidence is. Decisions are kept exactly. Lost are the
        probabilities of all but the predicted class (with two classes that is nothing), and in
        the confidence at most 0.008 at one half, 0.003 at 0.9 and 0.0004 at 0.99.
        """
        columns: dict[str, object] = {"id": self.ids}
        for name, codes in (("label", self.labels), ("predicted", self.predicted)):
            columns[name] = pd.Categorical.from_codes(codes, self.classes)
        if self.confidence is not None:
            odds = np.clip(
                logit(self.confidence.astype(np.float64).clip(0, 1)),
                -MAX_ABS_LOG_ODDS,
                MAX_ABS_LOG_ODDS,
            )
            columns["log_odds"] = (np.rint(LOG_ODDS_STEPS * odds) / LOG_ODDS_STEPS).astype(
                np.float32
            )
        return pd.DataFrame(columns)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "ClassPredictions":
        """Read what `to_frame` gave; raise DataError when columns or classes are missing."""
        require_columns(list(frame), ("id", "label", "predicted"), "the table of predictions")
        for name in ("label", "predicted"):
            if not isinstance(frame[name].dtype, pd.CategoricalDtype):
                raise DataError(f"the column {name!r} is no categorical: store it with `write`.")
        classes = frame["label"].cat.categories.tolist()
        odds = frame["log_odds"].to_numpy(np.float64) if "log_odds" in frame else None
        return cls.from_predicted_labels(
            frame["id"].tolist(),
            classes,
            frame["label"].cat.codes.to_numpy(),
            frame["predicted"].cat.set_categories(classes).cat.codes.to_numpy(),
            None if odds is None else expit(odds),
        )

    def write(self, path: Path) -> None:
        """Write `to_frame` as Parquet (zstd), atomically.

        25,000 texts of two classes take about 30 kB where ids count up; ids that are hashes take
        another 8 bytes a text, for nothing compresses them.
        """
        write_parquet(self.to_frame(), path, ids="id")

    @classmethod
    def read(cls, path: Path) -> "ClassPredictions":
        """Read what `write` wrote; raise RunError when the file is missing or damaged."""
        return cls.from_frame(read_parquet(path))


def check_same_documents(run: Sequence[DocumentPredictions]) -> None:
    """Raise unless all predict the same texts, in order, with the same labels and classes.

    DataError where they differ, ParameterError when there are none.
    """
    if not run:
        raise ParameterError("a run needs the predictions of one seed at least; none were given.")
    first = run[0]
    for other in run[1:]:
        if other.ids != first.ids:
            strange = sorted(set(first.ids) ^ set(other.ids))
            what = f"{list_some(strange)} only in one" if strange else "the same in another order"
            raise DataError(
                f"Predictions of {len(first.ids)} and of {len(other.ids)} texts cannot be paired "
                f"({what}): predict the same test split."
            )
        if other.classes != first.classes or not np.array_equal(other.labels, first.labels):
            raise DataError(
                "Predictions of the same texts have other classes or labels: evaluate both runs "
                "on one prepared data set."
            )


def _to_strings(values: Sequence[str]) -> list[str]:
    return [str(value) for value in values]


def _whole(values: NDArray[np.int64]) -> NDArray[np.int64]:
    whole = np.asarray(values)
    if whole.dtype.kind not in "iu":
        raise DataError(f"classes of texts are {whole.dtype}: pass places in `classes`, as int64.")
    return whole.astype(np.int64)
