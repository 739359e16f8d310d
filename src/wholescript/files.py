"""The root of the repository; atomic writing and hashing of files."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from wholescript.errors import ParameterError

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` atomically: neither a reader nor a killed process leaves a partial file.

    The bytes go to a temporary file in the same folder, are flushed to disk and renamed over
    `path`; text is encoded as UTF-8. Missing parent folders are created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_output_folder(folder: Path) -> None:
    """Raise ParameterError unless `folder` is a folder or can be made."""
    for path in (folder, *folder.parents):
        if path.is_dir():
            return
        if path.exists():
            raise ParameterError(f"--output {folder}: {path} is a file; give a folder")


def check_output_file(path: Path, source: Path | None = None) -> None:
    """Raise ParameterError unless `path` can be written as a file other than that of `source`."""
    if path.is_dir():
        raise ParameterError(f"--output {path} is a folder; give a file")
    if source is not None and path.resolve() == source.resolve():
        raise ParameterError(f"--output {path} is the input itself; give another file")
    check_output_folder(path.parent)


def find_matches(pattern: Path) -> list[Path]:
    """Return the paths that a pattern such as `scripts/*.txt` stands for; none for a path."""
    try:
        if pattern.exists() or not re.search(r"[*?\[]", str(pattern)):
            return []
        return list(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
    except (OSError, ValueError):  # a folder that may not be read, or a pattern such as `a**b`
        return []


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
