"""Which documents of a data set a run is trained and evaluated on."""

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from wholescript.data.labelled import Split
from wholescript.errors import ParameterError
from wholescript.experiments.documents.settings import DataConfig
from wholescript.training.document_classifier import LabelledDocuments


def get_labels(split: Split, column: str) -> NDArray[np.int64]:
    """Return the true labels of a split, or those in another column.

    Raises:
        ParameterError: the prepared data set has no such column.
    """
    if column == "label":
        return split.labels
    if column not in split.extra_columns:
        raise ParameterError(
            f"label_column={column!r} is not in the prepared data set, which has: "
            f"{', '.join(split.extra_columns) or 'none'}; prepare it again with "
            f"--keep-column {column}"
        )
    return split.extra_columns[column]


def subsample_train(
    train: Split, labels: NDArray[np.int64], config: DataConfig, n_classes: int
) -> LabelledDocuments:
    """Return the training documents of a run; `labels` (n,) are those of the whole split.

    Raises:
        ParameterError: `n_train` is below the number of classes, or above that of documents.
    """
    if config.n_train is None or config.n_train == len(train):
        return LabelledDocuments(train.texts, labels, n_classes)
    if not n_classes <= config.n_train < len(train):
        raise ParameterError(
            f"n_train={config.n_train} must be between {n_classes}, one document per class, and "
            f"{len(train)}, all training documents"
        )
    indices, _ = train_test_split(
        np.arange(len(train)),
        train_size=config.n_train,
        stratify=labels,
        random_state=config.seed,
    )
    indices = np.sort(indices)
    return LabelledDocuments([train.texts[i] for i in indices], labels[indices], n_classes)


def subsample_eval_indices(split: Split, max_eval: int | None, n_classes: int) -> NDArray[np.int64]:
    """Return the documents of a split to evaluate: all, or a stratified sample of `max_eval`.

    Raises:
        ParameterError: `max_eval` is below the number of classes.
    """
    indices = np.arange(len(split))
    if max_eval is None or max_eval >= len(split):
        return indices
    if max_eval < n_classes:
        raise ParameterError(f"{max_eval=} must be at least {n_classes}, one document per class")
    sample, _ = train_test_split(
        indices, train_size=max_eval, stratify=split.labels, random_state=0
    )
    return np.sort(sample)
