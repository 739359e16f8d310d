"""The command line `wholescript`: thin, every command calls a function that Python can call too.

The modules behind a command are imported when it runs, so that `--help` is fast.
"""

from wholescript.cli import (
    classifiers,
    datasets,
    generative,
    headlines,
    notebooks,
    screenplays,
    site,
    training,
)
from wholescript.cli.base import app

__all__ = [
    "app",
    "classifiers",
    "datasets",
    "generative",
    "headlines",
    "notebooks",
    "screenplays",
    "site",
    "training",
]
