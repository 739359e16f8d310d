"""Training and test splits of films, stratified by label and grouped, the same for all models."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold

from wholescript.data.checks import list_some
from wholescript.data.films.checks import check_two_classes
from wholescript.errors import DataError
from wholescript.settings import N_SEEDS

IntArray = NDArray[np.int64]

PUBLISHED_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Fold:
    """Row numbers of the training and the test films, ascending and disjoint."""

    repeat: int
    fold: int
    train: IntArray
    test: IntArray


def repeated_folds(
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    n_folds: int = 5,
    n_repeats: int = 5,
    seed: int = 0,
) -> list[Fold]:
    """Return `n_repeats` partitions of n films into `n_folds` folds, stratified by label.

    `labels` (n,) is 0/1, `groups` (n,) names a group per film; films of a group are in one fold,
    and each film is in one test fold per repeat. Raises DataError when a class has fewer groups
    than there are folds.
    """
    labels, groups = np.asarray(labels).astype(int), np.asarray(groups, dtype=object)
    check_two_classes(labels, "the corpus")
    codes = np.unique(groups.astype(str), return_inverse=True)[1]
    for value in (0, 1):
        available = len(np.unique(codes[labels == value]))
        if available < n_folds:
            raise DataError(
                f"the class {value} has {available} group(s) of films, too few for {n_folds} "
                "folds: use fewer folds or add films."
            )
    folds = []
    for repeat in range(n_repeats):
        splitter = StratifiedGroupKFold(
            n_folds, shuffle=True, random_state=(seed + repeat) % N_SEEDS
        )
        for number, (train, test) in enumerate(splitter.split(labels, labels, codes)):
            for side, rows in (("training", train), ("test", test)):
                check_two_classes(labels[rows], f"the {side} side of fold {number}")
            folds.append(Fold(repeat, number, train.astype(np.int64), test.astype(np.int64)))
    return folds


def inner_folds(
    labels: ArrayLike, groups: ArrayLike, train: IntArray, n_folds: int = 3, *, seed: int
) -> list[Fold]:
    """Return folds within the rows `train`, as row numbers of the whole corpus.

    `labels` and `groups` are those of all n films. Raises DataError as `repeated_folds` does.
    """
    folds = repeated_folds(
        np.asarray(labels)[train],
        np.asarray(groups, dtype=object)[train],
        n_folds=n_folds,
        n_repeats=1,
        seed=seed,
    )
    return [Fold(0, fold.fold, train[fold.train], train[fold.test]) for fold in folds]


def temporal_split(
    labels: ArrayLike, groups: ArrayLike, years: ArrayLike, *, first_test_year: int = 2010
) -> Fold:
    """Return one fold: films before `first_test_year` are training films, the others test films.

    A later film whose group has an earlier film is in neither. Raises DataError when a side has
    one class.
    """
    labels, years = np.asarray(labels).astype(int), np.asarray(years)
    groups = np.asarray(groups, dtype=object)
    before = years < first_test_year
    in_train = np.isin(groups.astype(str), groups[before].astype(str))
    train, test = np.flatnonzero(before), np.flatnonzero(~before & ~in_train)
    check_two_classes(labels[train], f"the training side (before {first_test_year})")
    check_two_classes(labels[test], f"the test side (from {first_test_year} on)")
    return Fold(0, 0, train, test)


@dataclass(frozen=True)
class PublishedSplit:
    """Row numbers of the films of a published split, ascending and disjoint.

    Models are fitted on `train`, thresholds are chosen on `validation`, metrics are those of
    `test`.
    """

    train: IntArray
    validation: IntArray
    test: IntArray

    @property
    def fold(self) -> Fold:
        """The training and the test films as one fold."""
        return Fold(0, 0, self.train, self.test)


def published_split(labels: ArrayLike, splits: ArrayLike) -> PublishedSplit:
    """Return the films of "train", "validation" and "test" among the names `splits` (n,).

    `labels` (n,) is 0/1. Films of other splits are left out. Raises DataError when one of the three
    has no film or one class.
    """
    labels, names = np.asarray(labels).astype(int), np.asarray(splits, dtype=object)
    for name in PUBLISHED_SPLITS:
        if name not in names:
            raise DataError(
                f"no film is in the split {name!r}; there are: "
                f"{list_some(sorted(set(map(str, names))))}. The published split needs "
                f"{', '.join(PUBLISHED_SPLITS)}; without it evaluate on random folds."
            )
        check_two_classes(labels[names == name], f"the split {name!r}")
    return PublishedSplit(*(np.flatnonzero(names == name) for name in PUBLISHED_SPLITS))
