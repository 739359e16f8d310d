"""The report as one zip: the built site, the notebooks, and a SHA-256 checksum of each file.

The checksums have the format of sha256sum, so that `sha256sum --check SHA256SUMS` verifies an
unpacked archive as well; `archive_errors` verifies the zip itself.
"""

import hashlib
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from wholescript.errors import RunError
from wholescript.files import write_atomic
from wholescript.project import Project

ARCHIVE = "whole-script.zip"
FOLDER = "whole-script/"
SUMS = "SHA256SUMS"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date of the zip format
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3
_COMPRESSED_ALREADY = {".png", ".webp", ".woff2", ".gz"}
# The exceptions that zipfile raises on damaged members.
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)


def write_archive(project: Project) -> Path:
    """Write the archive of the built site to the root of the site and return its path.

    Equal content gives equal bytes: names are sorted; dates and permissions are fixed.
    """
    site = project.build / "html"
    files = dict(sorted(_files(project, site)))
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in [*files.items(), (SUMS, "".join(sums).encode())]:
            archive.writestr(_entry(name), content)
    write_atomic(site / ARCHIVE, buffer.getvalue())
    return site / ARCHIVE


def _files(project: Project, site: Path) -> Iterator[tuple[str, bytes]]:
    for path in site.rglob("*"):
        if path.is_file() and path != site / ARCHIVE:
            yield f"site/{path.relative_to(site).as_posix()}", path.read_bytes()
    for pattern in ("*.ipynb", "*.py"):
        for path in project.notebooks.glob(pattern):
            yield f"notebooks/{path.name}", path.read_bytes()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(FOLDER + name, _FIXED_DATE)
    entry.create_system = _UNIX
    entry.external_attr = _REGULAR_FILE
    stored = PurePosixPath(name).suffix in _COMPRESSED_ALREADY
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    return entry


def archive_errors(path: Path) -> list[str]:
    """Return the errors of an archive, one line per file; empty if it is intact.

    Raises:
        RunError: the file is missing, is not a complete zip, or has no checksums.
    """
    if not path.is_file():
        raise RunError(f"there is no file {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            lines = archive.read(FOLDER + SUMS).decode().splitlines()
            sums = {FOLDER + name: digest for digest, name in (x.split("  ", 1) for x in lines)}
            names = [name for name in archive.namelist() if name != FOLDER + SUMS]
            errors = [f"{name} is missing" for name in sorted(sums.keys() - set(names))]
            errors += [f"{name} is not in {SUMS}" for name in sorted(set(names) - sums.keys())]
            errors += [f"{n} occurs twice" for n, count in Counter(names).items() if count > 1]
            for name in sorted(sums.keys() & set(names)):
                if _digest(archive, name) != sums[name]:
                    errors.append(f"{name} does not match its checksum")
            return errors
    except (*_READ_ERRORS, ValueError, KeyError) as error:
        raise RunError(
            f"{path.name} is not a complete archive of the report ({error}): download it again"
        ) from None


def _digest(archive: zipfile.ZipFile, name: str) -> str | None:
    """Return the SHA-256 of a member, in hex; None if it cannot be read."""
    try:
        return hashlib.sha256(archive.read(name)).hexdigest()
    except _READ_ERRORS:
        return None
