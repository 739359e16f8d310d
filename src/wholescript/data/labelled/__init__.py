"""Sets of labelled texts: where they come from, how they are cleaned, divided, stored and read."""

from wholescript.data.labelled.prepare import prepare
from wholescript.data.labelled.read import Split, TextSet, read_metadata, read_textset
from wholescript.data.labelled.sources import KNOWN, Source, find_source

__all__ = [
    "KNOWN",
    "Source",
    "Split",
    "TextSet",
    "find_source",
    "prepare",
    "read_metadata",
    "read_textset",
]
