"""Preparing a data set: cleaning published tables, splitting them, and writing the splits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import resample

from wholescript.data.checks import list_some
from wholescript.data.labelled.checks import (
    check_all_classes,
    check_block_split,
    check_cleaned,
    check_head_not_label_sorted,
    check_limit,
    check_split_share,
)
from wholescript.data.labelled.classes import encode_labels, select_classes
from wholescript.data.labelled.cleaning import clean_splits, drop_overlap
from wholescript.data.labelled.dataset import read_metadata, write_labelled_dataset
from wholescript.data.labelled.near_duplicates import group_near_duplicates
from wholescript.data.labelled.report import describe_preparation
from wholescript.data.labelled.sources import LabelledSource
from wholescript.errors import DataError, ParameterError
from wholescript.files import check_output_folder
from wholescript.settings import PositiveInt, Seed, SplitShare, checked

NearDuplicates = Literal["together", "report", "ignore"]


@checked
def prepare(
    source: LabelledSource,
    output_folder: Path,
    *,
    seed: Seed = 0,
    validation_share: SplitShare = 0.1,
    test_share: SplitShare = 0.2,
    limit: PositiveInt | None = None,
    head: PositiveInt | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    keep_columns: Sequence[str] = (),
    drop_conflicts: bool = False,
    holdout_block_size: PositiveInt = 1,
    classes: Sequence[str] = (),
    near_duplicates: NearDuplicates | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Write train, validation and test of a source, and its unlabelled texts, to a folder.

    Published splits are used as they are, except for texts that `cleaning.clean_splits` drops. A
    test or validation split that is not published is drawn from train, stratified by class; all
    copies of a text with several labels stay on one side. train is written in random order, the
    other splits in their published order; ids give each text's published row. The same source,
    seed and options give the same bytes.

    Args:
        source: what `sources.load_source` returns.
        output_folder: where the files go (`dataset.write_labelled_dataset`).
        seed: of the draws and of the order of train.
        validation_share: of train.
        test_share: of train, where no test is published.
        limit: number of train texts to keep, drawn stratified after the other splits, which
            therefore do not depend on it.
        head: use only the first rows of train as published, which must be a fair sample.
        text_column, label_column: default those of a registered data set, or guessed.
        keep_columns: further columns to keep, such as another annotator's labels.
        drop_conflicts: drop texts that occur in train with several labels.
        holdout_block_size: draw splits in blocks of this many consecutive published rows. Use it
            where neighbouring rows are related, such as reviews of one film, so that related rows
            are not in two splits. The share is then rounded to one in a whole number.
        classes: use only texts of these classes; default: all.
        near_duplicates: of texts that are near duplicates (`near_duplicates.py`), `together` draws
            all or none into a split, and counts those across splits; `report` only counts them,
            and `ignore` does not look for them. Default: `together`, and `report` for registered
            data sets, whose splits are those of the published results.
        progress: show a progress bar.

    Returns:
        The metadata.

    Raises:
        DataError: a column or label is invalid (`classes.encode_labels`), the head is sorted by
            label, a split is empty, has one class or lacks one, or a class is too rare to draw.
        ParameterError: a share, limit, head or block size is out of range, or the output folder is
            a file or has another data set.
    """
    check_output_folder(output_folder)
    check_no_other_dataset(output_folder, source)
    labelled = encode_labels(source, text_column, label_column, keep_columns)
    if classes:
        labelled = select_classes(labelled, classes)
    chosen, classes, splits = bool(classes), labelled.classes, dict(labelled.splits)
    check_all_classes(_labels(splits), classes)
    if head is not None:
        check_head_not_label_sorted(splits["train"]["label"].to_numpy(), head, classes)
        splits["train"] = splits["train"].head(head)
    # Published texts stay as they were: their fingerprints are part of stored results.
    published = source.registered is not None
    cleaned = clean_splits(
        splits, drop_conflicts=drop_conflicts, keep_invisible=published, progress=progress
    )
    splits, counts = cleaned.splits, cleaned.counts
    check_cleaned(_labels(splits), classes, counts, source.origins)
    if near_duplicates is None:
        near_duplicates = "report" if source.registered else "together"
    groups = None if near_duplicates == "ignore" else _near_duplicate_groups(splits)
    drawn = {"test": test_share, "validation": validation_share}
    for name in drawn.keys() & splits.keys():
        del drawn[name]
    for name, share in drawn.items():
        rest, splits[name] = _split_off(
            splits["train"],
            share,
            name,
            classes,
            seed,
            holdout_block_size,
            groups if near_duplicates == "together" else None,
        )
        splits["train"] = drop_overlap(rest, splits[name], counts["train"], f"in_{name}")
        counts["train"][f"to_{name}"] = len(splits[name])
        if "unsupervised" in splits:
            splits["unsupervised"] = drop_overlap(
                splits["unsupervised"], splits[name], counts["unsupervised"], f"in_{name}"
            )
    counts["train"]["beyond_limit"] = len(splits["train"])
    splits["train"] = _subsample(splits["train"], limit, classes, seed)
    counts["train"]["beyond_limit"] -= len(splits["train"])
    if "unsupervised" in splits and splits["unsupervised"].empty:
        del splits["unsupervised"]
    check_all_classes(_labels(splits), classes)
    facts = {
        "name": source.name,
        "source": {
            "location": source.location,
            "revision": source.revision,
            "files": dict(source.files),
            "text_column": labelled.text_column,
            "label_column": labelled.label_column,
        },
        "kept": labelled.kept_columns,
        "seed": seed,
        "choices": {
            "head": head,
            "limit": limit,
            "drop_conflicts": drop_conflicts,
            "drawn": drawn,
            # Absent when not used, and stored under its first name: the metadata decide the
            # fingerprint of the data set, which stored runs refer to.
            **({"together": holdout_block_size} if holdout_block_size > 1 else {}),
            **({"classes": classes} if chosen else {}),
        },
        "cleaning": counts,
    }
    report = describe_preparation(source, labelled, splits, drawn, groups, near_duplicates)
    return write_labelled_dataset(output_folder, splits, classes, facts, report)


def check_no_other_dataset(folder: Path, source: LabelledSource) -> dict[str, Any] | None:
    """Return the metadata of the data set that is in a folder, if it is of the same source.

    Raises:
        ParameterError: it has another name or source, and would be replaced.
    """
    try:
        there = read_metadata(folder)
    except DataError:  # none, or a damaged one
        return None
    location = there["source"]["location"]
    if (there["name"], location) == (source.name, source.location):
        return there
    raise ParameterError(
        f"{folder} has another data set, {there['name']} from {location}: it would be replaced by "
        f"{source.name} from {source.location}; give another --name or --output, or delete it"
    )


def _labels(splits: Mapping[str, pd.DataFrame]) -> dict[str, NDArray[np.int64]]:
    return {name: table["label"].to_numpy() for name, table in splits.items() if "label" in table}


def _split_off(
    train: pd.DataFrame,
    share: float,
    name: str,
    classes: Sequence[str],
    seed: int,
    holdout_block_size: int = 1,
    groups: "pd.Series[int] | None" = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split train, stratified by class, into the rest and `share` of it; both keep their order.

    The texts of one of the `groups`, by their ids, stay together.
    """
    labels = train["label"].to_numpy()
    check_split_share(labels, classes, share, name)
    own_groups = None if groups is None else groups[train["id"]].to_numpy()
    if holdout_block_size == 1:
        rows = _stratified_sample(labels, round(share * len(train)), seed)
        if own_groups is not None:
            rows = _draw_groups(own_groups, rows, labels, name, classes, seed)
    else:
        published_rows = train["id"].str.rpartition("-")[2].astype(int).to_numpy()
        check_block_split(published_rows, holdout_block_size, share, name)
        blocks = published_rows // holdout_block_size
        if own_groups is not None:
            blocks = _joined(blocks, own_groups)
        folds = StratifiedGroupKFold(round(1 / share), shuffle=True, random_state=seed)
        _, rows = next(folds.split(labels, labels, blocks))
    drawn = np.isin(np.arange(len(train)), rows)
    return train[~drawn].reset_index(drop=True), train[drawn].reset_index(drop=True)


def _draw_groups(
    groups: NDArray[np.int64],
    sample: NDArray[np.int64],
    labels: NDArray[np.int64],
    name: str,
    classes: Sequence[str],
    seed: int,
) -> NDArray[np.int64]:
    """Return rows like a random `sample`, with as many of each class, but of whole groups.

    Groups are taken in random order, those of the sample first, unless they have more texts of a
    class than are wanted. Where all texts are alone it is the sample.
    """
    others = np.setdiff1d(np.arange(len(groups)), sample)
    order = np.concatenate([sample, np.random.default_rng(seed).permutation(others)])
    members = pd.Series(groups).groupby(groups).indices
    wanted = np.bincount(labels[sample], minlength=len(classes))
    missing, taken = wanted.copy(), list[NDArray[np.int64]]()
    for group in pd.unique(groups[order]):
        rows = members[group]
        counts = np.bincount(labels[rows], minlength=len(classes))
        if (counts <= missing).all():
            missing -= counts
            taken.append(rows)
    without = [c for c, n, m in zip(classes, wanted, missing, strict=True) if n and m == n]
    if without:
        raise DataError(
            f"{name} would have no text of {len(without)} class(es): {list_some(without)}. Their "
            f"groups of near duplicates have more texts than its share. Draw more, --{name}-share, "
            "or draw the texts one by one, --near-duplicates report."
        )
    return np.concatenate(taken)


def _joined(blocks: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each row: rows of one block or of one group have the same."""
    (block_names, block), (group_names, group) = (
        np.unique(values, return_inverse=True) for values in (blocks, groups)
    )
    n_nodes = len(block_names) + len(group_names)
    edges = (np.ones(len(blocks)), (block, len(block_names) + group))
    _, joined = connected_components(coo_array(edges, shape=(n_nodes, n_nodes)), directed=False)
    return np.asarray(joined[block], np.int64)


def _near_duplicate_groups(splits: Mapping[str, pd.DataFrame]) -> "pd.Series[int]":
    """Return the group of near duplicates of each labelled text, by its id."""
    labelled = pd.concat([table for table in splits.values() if "label" in table])
    groups = group_near_duplicates(labelled["text"].tolist())
    return pd.Series(groups, index=labelled["id"].to_numpy())


def _subsample(
    train: pd.DataFrame, limit: int | None, classes: Sequence[str], seed: int
) -> pd.DataFrame:
    """Return train, or `limit` of its texts, in random order, so that its head is a fair sample."""
    labels = train["label"].to_numpy()
    n = len(train)
    if limit is not None:
        check_limit(limit, labels, classes)
        n = min(limit, n)
    return train.iloc[_stratified_sample(labels, n, seed)].reset_index(drop=True)


def _stratified_sample(labels: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """Return `n` row numbers in random order, stratified by label."""
    rows = np.arange(len(labels))
    drawn: NDArray[np.int64] = resample(
        rows, replace=False, n_samples=n, stratify=labels, random_state=seed
    )
    return drawn
