"""Sets of labelled texts: where they come from, how they are cleaned, divided, stored and read."""

from wholescript.data.labelled.prepare import prepare
from wholescript.data.labelled.read import (
    LabelledDataset,
    Split,
    read_labelled_dataset,
    read_metadata,
)
from wholescript.data.labelled.sources import DATASETS, LabelledSource, load_source

__all__ = [
    "DATASETS",
    "LabelledDataset",
    "LabelledSource",
    "Split",
    "load_source",
    "prepare",
    "read_labelled_dataset",
    "read_metadata",
]
