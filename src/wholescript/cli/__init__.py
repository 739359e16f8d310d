"""The command line, `wholescript ...`: thin, everything it does can be done from Python."""

from wholescript.cli import films, notebooks, site, texts
from wholescript.cli.base import app

__all__ = ["app", "films", "notebooks", "site", "texts"]
