"""The outputs of a commit, unpacked beside the working tree."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wholescript.errors import RunError

OUTPUTS = ("figures", "results", "params.yaml", "report/claims.py")


@contextmanager
def checkout_outputs(root: Path, revision: str) -> Iterator[Path]:
    """Give a temporary folder with the outputs that the checkout at `root` had at a commit.

    Raises:
        RunError: `root` is no git checkout, or has no such commit.
    """
    commit = f"{revision}^{{commit}}"
    try:
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", commit)
    except (subprocess.CalledProcessError, FileNotFoundError):
        raise RunError(
            f"{revision!r} is no commit of a git checkout at {root}; `git log --oneline --all` "
            "lists those there are, `git fetch` brings those of others"
        ) from None
    sha = found.decode().strip()
    # An archive of a path that the commit does not have is an error.
    there = _git(root, "ls-tree", "--name-only", sha, *OUTPUTS).decode().splitlines()
    with tempfile.TemporaryDirectory(prefix="wholescript-") as folder:
        if there:
            archive = _git(root, "archive", "--format=tar", sha, *there)
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(folder, filter="data")
        yield Path(folder)


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True).stdout
