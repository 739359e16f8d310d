"""From published tables to splits that can be trained on: cleaned, divided and written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import resample

from wholescript.data.labelled.classes import encode_labels
from wholescript.data.labelled.cleaning import clean_splits, drop_overlap
from wholescript.data.labelled.guards import (
    check_all_classes,
    check_block_split,
    check_head_not_label_sorted,
    check_limit,
    check_split_share,
)
from wholescript.data.labelled.sources import LabelledSource
from wholescript.data.labelled.write import write_labelled_dataset


def prepare(
    source: LabelledSource,
    output_folder: Path,
    *,
    seed: int = 0,
    validation_share: float = 0.1,
    test_share: float = 0.2,
    limit: int | None = None,
    head: int | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    keep_columns: Sequence[str] = (),
    drop_conflicts: bool = False,
    holdout_block_size: int = 1,
    progress: bool = True,
) -> dict[str, Any]:
    """Write train, validation and test of a source, and its unlabelled texts, to a folder.

    Splits that are published stay as they are, but for texts that `cleaning.clean_splits` drops. A test
    or validation split that is not published is drawn from train, stratified by class; a text
    with several labels then stays on one side only. train is written in random order, the others
    in that of publication; ids say where each text stood. The same source, seed and choices give
    the same bytes.

    Args:
        source: what `sources.find_source` returns.
        output_folder: where the files go (`writing.write_labelled_dataset`).
        seed: of the draws and of the order of train.
        validation_share: of train.
        test_share: of train, where there is no test.
        limit: texts of train to keep, drawn stratified after the other splits, so that these are
            the same at any limit.
        head: use only the first so many rows of train as published, which must be a fair sample.
        text_column, label_column: default those of a known set, or guessed.
        keep: columns to keep beside the label, such as another annotator's.
        drop_conflicts: leave texts out of train that stand there with several labels.
        together: draw runs of so many rows, as published, where neighbours are of one thing, such
            as reviews of one film: a split of their own is then of other things. A share is then
            one in so many, the nearest to what is asked.
        progress: show a bar.

    Returns:
        The metadata.

    Raises:
        DataError: a column or label cannot be used (`labelling.encode_labels`), the head is sorted
            by label, a split is empty, has one class or lacks one, or a class is too rare to draw.
        ParameterError: a share, limit, head or run of rows is out of range.
    """
    labelled = encode_labels(source, text_column, label_column, keep_columns)
    classes, splits = labelled.classes, dict(labelled.splits)
    check_all_classes(_labels(splits), classes)
    if head is not None:
        check_head_not_label_sorted(splits["train"]["label"].to_numpy(), head, classes)
        splits["train"] = splits["train"].head(head)
    cleaned = clean_splits(splits, drop_conflicts=drop_conflicts, progress=progress)
    splits, counts = cleaned.splits, cleaned.counts
    drawn = {"test": test_share, "validation": validation_share}
    for name in drawn.keys() & splits.keys():
        del drawn[name]
    for name, share in drawn.items():
        rest, splits[name] = _split_off(
            splits["train"], share, name, classes, seed, holdout_block_size
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
        "kept": labelled.kept,
        "seed": seed,
        "choices": {
            "head": head,
            "limit": limit,
            "drop_conflicts": drop_conflicts,
            "drawn": drawn,
            # Told where it decides: a set that was prepared without keeps its fingerprint.
            **({"together": holdout_block_size} if holdout_block_size > 1 else {}),
        },
        "cleaning": counts,
    }
    return write_labelled_dataset(output_folder, splits, classes, facts)


def _labels(splits: Mapping[str, pd.DataFrame]) -> dict[str, NDArray[np.int64]]:
    return {name: table["label"].to_numpy() for name, table in splits.items() if "label" in table}


def _split_off(
    train: pd.DataFrame,
    share: float,
    name: str,
    classes: Sequence[str],
    seed: int,
    holdout_block_size: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide train, stratified by class, into the rest and `share` of it, each in its order."""
    labels = train["label"].to_numpy()
    check_split_share(labels, classes, share, name)
    if holdout_block_size == 1:
        rows = _stratified_sample(labels, round(share * len(train)), seed)
    else:
        place = train["id"].str.rpartition("-")[2].astype(int).to_numpy()
        check_block_split(place, holdout_block_size, share, name)
        parts = StratifiedGroupKFold(round(1 / share), shuffle=True, random_state=seed)
        _, rows = next(parts.split(labels, labels, place // holdout_block_size))
    drawn = np.isin(np.arange(len(train)), rows)
    return train[~drawn].reset_index(drop=True), train[drawn].reset_index(drop=True)


def _subsample(
    train: pd.DataFrame, limit: int | None, classes: Sequence[str], seed: int
) -> pd.DataFrame:
    """Return train, or `limit` of its texts, in random order: any head of it is a fair sample."""
    labels = train["label"].to_numpy()
    n = len(train)
    if limit is not None:
        check_limit(limit, labels, classes)
        n = min(limit, n)
    return train.iloc[_stratified_sample(labels, n, seed)].reset_index(drop=True)


def _stratified_sample(labels: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """Return `n` rows in random order, of each class as many as its share asks for."""
    rows = np.arange(len(labels))
    drawn: NDArray[np.int64] = resample(
        rows, replace=False, n_samples=n, stratify=labels, random_state=seed
    )
    return drawn
