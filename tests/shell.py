"""The command line called in this process, as a shell would call it."""

import io
import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from wholescript.cli import main


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams, stdout first."""
        return self.stdout + self.stderr


def shell(arguments: Sequence[object], env: Mapping[str, str] | None = None) -> Result:
    """Run `wholescript ARGUMENTS` in a terminal of 80 columns, or of `env["COLUMNS"]`."""
    out, err = io.StringIO(), io.StringIO()
    environment = patch.dict(os.environ, {"COLUMNS": "80", **(env or {})})
    with environment, redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
    return Result(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
