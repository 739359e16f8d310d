"""The outputs of a commit, unpacked to a temporary folder."""

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
    """Yield a temporary folder with the outputs at a commit of the git checkout at `root`.

    Raises:
        RunError: `root` is not a git checkout, or it has no such commit.
    """
    commit = f"{revision}^{{commit}}"
    try:
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", commit)
    except (subprocess.CalledProcessError, FileNotFoundError):
        raise RunError(
            f"{revision!r} is not a commit of the git checkout at {root}; "
            "`git log --oneline --all` lists the local commits, `git fetch` gets the remote ones"
        ) from None
    sha = found.decode().strip()
    # `git archive` fails on paths that are not in the commit.
    existing = _git(root, "ls-tree", "--name-only", sha, *OUTPUTS).decode().splitlines()
    with tempfile.TemporaryDirectory(prefix="wholescript-") as folder:
        if existing:
            archive = _git(root, "archive", "--format=tar", sha, *existing)
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(folder, filter="data")
        yield Path(folder)


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True).stdout
