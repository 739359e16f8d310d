"""Which texts a run learns from, and which it is scored on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from wholescript.data.labelled import Split
from wholescript.errors import ParameterError
from wholescript.training.document_classifier import Labelled


@dataclass(frozen=True)
class Training:
    """What is trained on: `examples` of the training texts, drawn stratified (None for all).

    `labels` names a kept column to learn from in place of the labels; scores are against the
    labels whatever was learned. `tested` test texts, and no more of validation and training, the
    same ones for every seed, are scored where all of them would take too long. `added` texts of
    each class, which a model wrote, are learned from as well.
    """

    seed: int = 0
    examples: int | None = None
    labels: str = "label"
    tested: int | None = None
    added: int = 0

    @property
    def config(self) -> dict[str, Any]:
        """All fields, but for `tested` and `added` where these ask for nothing."""
        return {k: v for k, v in vars(self).items() if k not in ("tested", "added") or v}

    @property
    def suffix(self) -> str:
        """What it adds to the name of a run."""
        parts = [f"n{self.examples}"] if self.examples else []
        parts += [self.labels.replace("_", "-")] if self.labels != "label" else []
        parts += [f"plus{self.added}"] if self.added else []
        return "-".join([*parts, f"s{self.seed}"])


def labels_of(split: Split, column: str) -> NDArray[np.int64]:
    """Return the labels of a split, or those of a column that was kept.

    Raises:
        ParameterError: it was not.
    """
    if column == "label":
        return split.labels
    if column not in split.extra:
        raise ParameterError(
            f"labels={column!r} is no kept column; there are: {', '.join(split.extra) or 'none'}; "
            f"prepare the texts again with --keep {column}"
        )
    return split.extra[column]


def drawn_texts(
    train: Split, labels: NDArray[np.int64], training: Training, classes: int
) -> Labelled:
    """Return the training texts that a run learns from, `labels` (n,) being those of all.

    Raises:
        ParameterError: fewer are asked for than there are classes, or more than there are texts.
    """
    if training.examples is None or training.examples == len(train):
        return Labelled(train.texts, labels, classes)
    if not classes <= training.examples < len(train):
        raise ParameterError(
            f"examples={training.examples}: there are {len(train)} training texts of {classes} "
            "classes; ask for one a class at least and no more than there are"
        )
    rows, _ = train_test_split(
        np.arange(len(train)),
        train_size=training.examples,
        stratify=labels,
        random_state=training.seed,
    )
    rows = np.sort(rows)
    return Labelled([train.texts[row] for row in rows], labels[rows], classes)


def tested_rows(split: Split, count: int | None, classes: int) -> NDArray[np.int64]:
    """Return the rows of a split that are scored: all, or `count` of them, each class its share.

    Raises:
        ParameterError: fewer are asked for than there are classes.
    """
    rows = np.arange(len(split))
    if count is None or count >= len(split):
        return rows
    if count < classes:
        raise ParameterError(f"tested={count}: test a text of each class at least")
    drawn, _ = train_test_split(rows, train_size=count, stratify=split.labels, random_state=0)
    return np.sort(drawn)
