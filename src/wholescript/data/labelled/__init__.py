"""Data sets of labelled documents: sources, cleaning, splits, and the format they are stored in."""

from wholescript.data.labelled.dataset import (
    LabelledDataset,
    Split,
    read_labelled_dataset,
    read_metadata,
)
from wholescript.data.labelled.prepare import check_no_other_dataset, prepare
from wholescript.data.labelled.report import tell_preparation
from wholescript.data.labelled.sources import DATASETS, LabelledSource, load_source

__all__ = [
    "DATASETS",
    "LabelledDataset",
    "LabelledSource",
    "Split",
    "check_no_other_dataset",
    "load_source",
    "prepare",
    "read_labelled_dataset",
    "read_metadata",
    "tell_preparation",
]
