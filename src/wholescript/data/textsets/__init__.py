"""Sets of labelled texts: where they come from, how they are cleaned, divided, stored and read."""

from wholescript.data.textsets.preparing import prepare
from wholescript.data.textsets.reading import Split, TextSet, read_metadata, read_textset
from wholescript.data.textsets.sources import KNOWN, Source, find_source

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
