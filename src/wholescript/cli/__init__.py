"""The command line `wholescript`: thin, every command calls a function that Python can call too.

The modules of a command are imported when it runs: `--help` imports no PyTorch.
"""

from wholescript.cli.app import app, main

__all__ = ["app", "main"]
