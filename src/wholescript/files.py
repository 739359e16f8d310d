"""The root of the repository; atomic writing and hashing of files."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from wholescript.errors import ParameterError, did_you_mean

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` atomically: neither a reader nor a killed process leaves a partial file.

    The bytes go to a temporary file in the same folder, are flushed to disk and renamed over
    `path`; text is encoded as UTF-8. Missing parent folders are created. An OSError names `path`.
    """
    try:
        _write(path, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
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


def check_output_folder(folder: Path, option: str = "--output") -> None:
    """Raise ParameterError unless `folder` is a folder or can be made, and can be written to."""
    _check_can_be_made(folder, f"{option} {folder}")


def check_output_file(path: Path, source: Path | None = None) -> None:
    """Raise ParameterError unless `path` can be written as a file other than that of `source`."""
    if path.is_dir():
        raise ParameterError(f"--output {path} is a folder; give a file")
    if source is not None and path.resolve() == source.resolve():
        raise ParameterError(f"--output {path} is the input itself; give another file")
    _check_can_be_made(path.parent, f"--output {path}")


def _check_can_be_made(folder: Path, output: str) -> None:
    """Raise ParameterError, which names the output, unless files can be written in `folder`.

    A file is written: permissions, as `os.access` tells them, say nothing of quotas.
    """
    try:
        found = next(path for path in (folder, *folder.parents) if path.exists())
        if not found.is_dir():
            raise ParameterError(f"{output}: {found} is a file; give a folder")
        tempfile.TemporaryFile(dir=found).close()
    except OSError as error:
        raise ParameterError(
            f"{output} cannot be written ({error.strerror}): give a path in another folder"
        ) from None


def describe_missing(path: Path) -> str:
    """Return a sentence: a path does not exist, where it was looked for, similar names there."""
    sentence = f"{path} does not exist{looked_in(path)}"
    return sentence if sentence.endswith("?") else f"{sentence}."


def looked_in(path: Path) -> str:
    """Return the end of an error message: where a path was looked for, and similar names there."""
    where = "" if path.is_absolute() else f" (looked in {Path.cwd()})"
    return f"{where}{similar_name(path)}"


def similar_name(path: Path, others: Iterable[str] = ()) -> str:
    """Return the end of an error message with names like that of `path`, of its folder or others.

    It is empty if there are none.
    """
    try:
        names = [sibling.name for sibling in path.parent.iterdir()]
    except OSError:  # there is no such folder, or it may not be read
        names = []
    visible = [name for name in names if not name.startswith(".")]
    # By the stems: the suffix alone would make all tables similar.
    stems = {name: Path(name).stem for name in (*visible, *others)}
    near = get_close_matches(path.stem, set(stems.values()), n=9)
    found = [name for name, stem in stems.items() if stem in near]
    return did_you_mean(path.name, found, list_all=False)


def shown_path(path: Path) -> str:
    """Return a path as it can be typed in the working directory: relative if it is below it."""
    full, here = path.absolute(), Path.cwd()
    return str(full.relative_to(here) if full.is_relative_to(here) else full)


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
