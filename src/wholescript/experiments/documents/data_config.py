"""Which texts a run learns from, and which it is scored on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from wholescript.data.labelled import Split
from wholescript.errors import ParameterError
from wholescript.training.document_classifier import LabelledDocuments


@dataclass(frozen=True)
class DataConfig:
    """What is trained on: `n_train` of the training texts, drawn stratified (None for all).

    `labels` names a kept column to learn from in place of the labels; scores are against the
    labels whatever was learned. `max_eval` test texts, and no more of validation and training, the
    same ones for every seed, are scored where all of them would take too long. `n_synthetic` texts of
    each class, which a model wrote, are learned from as well.
    """

    seed: int = 0
    n_train: int | None = None
    labels: str = "label"
    max_eval: int | None = None
    n_synthetic: int = 0

    @property
    def config(self) -> dict[str, Any]:
        """All fields, but for `max_eval` and `n_synthetic` where these ask for nothing."""
        return {k: v for k, v in vars(self).items() if k not in ("tested", "added") or v}

    @property
    def run_suffix(self) -> str:
        """What it adds to the name of a run."""
        parts = [f"n{self.n_train}"] if self.n_train else []
        parts += [self.labels.replace("_", "-")] if self.labels != "label" else []
        parts += [f"plus{self.n_synthetic}"] if self.n_synthetic else []
        return "-".join([*parts, f"s{self.seed}"])


def get_labels(split: Split, column: str) -> NDArray[np.int64]:
    """Return the labels of a split, or those of a column that was kept.

    Raises:
        ParameterError: it was not.
    """
    if column == "label":
        return split.labels
    if column not in split.extra_columns:
        raise ParameterError(
            f"labels={column!r} is no kept column; there are: {', '.join(split.extra_columns) or 'none'}; "
            f"prepare the texts again with --keep {column}"
        )
    return split.extra_columns[column]


def subsample_train(
    train: Split, labels: NDArray[np.int64], training: DataConfig, classes: int
) -> LabelledDocuments:
    """Return the training texts that a run learns from, `labels` (n,) being those of all.

    Raises:
        ParameterError: fewer are asked for than there are classes, or more than there are texts.
    """
    if training.n_train is None or training.n_train == len(train):
        return LabelledDocuments(train.texts, labels, classes)
    if not classes <= training.n_train < len(train):
        raise ParameterError(
            f"n_train={training.n_train}: there are {len(train)} training texts of {classes} "
            "classes; ask for one a class at least and no more than there are"
        )
    rows, _ = train_test_split(
        np.arange(len(train)),
        train_size=training.n_train,
        stratify=labels,
        random_state=training.seed,
    )
    rows = np.sort(rows)
    return LabelledDocuments([train.texts[row] for row in rows], labels[rows], classes)


def subsample_eval_rows(split: Split, count: int | None, classes: int) -> NDArray[np.int64]:
    """Return the rows of a split that are scored: all, or `count` of them, each class its share.

    Raises:
        ParameterError: fewer are asked for than there are classes.
    """
    rows = np.arange(len(split))
    if count is None or count >= len(split):
        return rows
    if count < classes:
        raise ParameterError(f"max_eval={count}: test a text of each class at least")
    drawn, _ = train_test_split(rows, train_size=count, stratify=split.labels, random_state=0)
    return np.sort(drawn)
