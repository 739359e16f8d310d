import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wholescript.data.films.folds import (
    inner_folds,
    published_split,
    repeated_folds,
    temporal_split,
)
from wholescript.errors import DataError


@st.composite
def corpora(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels and groups of 30 to 90 films: groups of 1 to 3 films, 12 or more films per class."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=30, max_size=30))
    groups = np.repeat([f"g{number}" for number in range(30)], sizes).astype(object)
    labels = np.array(draw(st.lists(st.integers(0, 1), min_size=len(groups), max_size=len(groups))))
    firsts = np.cumsum([0, *sizes[:-1]])
    labels[firsts[:12]], labels[firsts[12:24]] = 1, 0
    order = draw(st.permutations(range(len(groups))))
    return labels[order], groups[order]


@settings(max_examples=25, deadline=None)
@given(corpora(), st.integers(2, 5), st.integers(0, 1000))
def test_groups_are_not_split_and_each_film_is_tested_once(
    corpus: tuple[np.ndarray, np.ndarray], n_folds: int, seed: int
) -> None:
    labels, groups = corpus
    folds = repeated_folds(labels, groups, n_folds=n_folds, n_repeats=2, seed=seed)
    assert [(fold.repeat, fold.fold) for fold in folds] == [
        (repeat, fold) for repeat in (0, 1) for fold in range(n_folds)
    ]
    for fold in folds:
        assert sorted([*fold.train, *fold.test]) == list(range(len(labels)))
        assert not set(groups[fold.train]) & set(groups[fold.test])
    for repeat in (0, 1):
        tested = np.concatenate([fold.test for fold in folds if fold.repeat == repeat])
        assert sorted(tested) == list(range(len(labels)))


@settings(max_examples=15, deadline=None)
@given(corpora(), st.integers(0, 1000))
def test_inner_folds_stay_inside_the_training_films(
    corpus: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    labels, groups = corpus
    train = repeated_folds(labels, groups, n_folds=5, n_repeats=1, seed=seed)[0].train
    folds = inner_folds(labels, groups, train, 2, seed=seed)
    assert sorted(np.concatenate([fold.test for fold in folds])) == train.tolist()
    for fold in folds:
        assert set(fold.train) | set(fold.test) == set(train)
        assert not set(groups[fold.train]) & set(groups[fold.test])


def test_folds_are_stratified_seeded_and_differ_between_repeats() -> None:
    labels = np.arange(100) % 5 == 0
    groups = [f"g{number}" for number in range(100)]
    folds = repeated_folds(labels, groups, n_repeats=2, seed=3)
    assert all(labels[fold.test].sum() == 4 for fold in folds)
    assert folds[0].test.dtype == np.int64
    again = repeated_folds(labels, groups, n_repeats=2, seed=3)
    assert all((a.test == b.test).all() for a, b in zip(folds, again, strict=True))
    tests = {tuple(fold.test) for fold in folds}
    assert len(tests) == 10
    other = repeated_folds(labels, groups, n_repeats=2, seed=30)
    assert tests != {tuple(fold.test) for fold in other}


def test_too_few_groups_of_a_class_is_an_error() -> None:
    labels = [1, 1, 1, 1, *[0] * 20]
    groups = ["a", "a", "b", "c", *map(str, range(20))]
    with pytest.raises(DataError, match=r"class 1 has 3 group.*4 folds"):
        repeated_folds(labels, groups, n_folds=4)
    with pytest.raises(DataError, match=r"only the class"):
        repeated_folds([1, 1], ["a", "b"], n_folds=2)


def test_temporal_split_trains_on_earlier_films() -> None:
    years = np.array([2012, 2001, 2010, 2009, 2015, 1990])
    labels = np.array([1, 0, 0, 1, 1, 0])
    fold = temporal_split(labels, list("abcdef"), years)
    assert (fold.train.tolist(), fold.test.tolist()) == ([1, 3, 5], [0, 2, 4])
    # Film 4 is a remake of film 3.
    assert temporal_split(labels, list("abcddf"), years).test.tolist() == [0, 2]
    with pytest.raises(DataError, match=r"training side \(before 1995\)"):
        temporal_split(labels, list("abcdef"), years, first_test_year=1995)
    with pytest.raises(DataError, match=r"test side \(from 2014 on\)"):
        temporal_split(labels, list("abcdef"), years, first_test_year=2014)


def test_published_split_has_three_parts_with_both_classes() -> None:
    splits = ["train", "test", "validation", "test", "train", "validation", "extra"]
    split = published_split([0, 1, 1, 0, 1, 0, 1], splits)
    assert split.train.tolist() == [0, 4]
    assert split.validation.tolist() == [2, 5]
    assert split.test.tolist() == [1, 3]
    assert (split.fold.train.tolist(), split.fold.test.tolist()) == ([0, 4], [1, 3])
    with pytest.raises(DataError, match=r"no film is in the split 'validation'.* dev, test, train"):
        published_split([0, 1, 1, 0], ["train", "train", "dev", "test"])
    with pytest.raises(DataError, match=r"split 'test' has 1 film.* only the class 0"):
        published_split([0, 1, 1, 0, 0], ["train", "train", "validation", "validation", "test"])
