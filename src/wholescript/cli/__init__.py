"""The command line, `wholescript ...`: thin, everything it does can be done from Python."""

from wholescript.cli import (
    classifiers,
    notebooks,
    site,
    training,
)
from wholescript.cli import (
    datasets as texts,
)
from wholescript.cli import (
    headlines,
)
from wholescript.cli import (
    screenplays as films,
)
from wholescript.cli.base import app

__all__ = [
    "app",
    "classifiers",
    "films",
    "notebooks",
    "site",
    "texts",
    "headlines",
    "training",
]
