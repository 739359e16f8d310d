"""The command line, `wholescript ...`: thin, everything it does can be done from Python."""

from wholescript.cli import classifiers, films, notebooks, site, texts, titles, training
from wholescript.cli.base import app

__all__ = ["app", "classifiers", "films", "notebooks", "site", "texts", "titles", "training"]
