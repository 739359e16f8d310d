"""The report as one zip: the built site, the notebooks, and a SHA-256 checksum of each file.

The checksums have the format of sha256sum, so that `sha256sum --check SHA256SUMS` verifies an
unpacked archive. `archive_errors` verifies the zip itself.
"""

import hashlib
import io
import re
import zipfile
import zlib
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
_UNSAFE_NAME = re.compile(r"^/|\\|^[A-Za-z]:|(^|/)\.\.?(/|$)|//")
_SUM = re.compile(r"([0-9a-f]{64}) [ *](.+)")
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
            return list(_find_errors(archive))
    except (*_READ_ERRORS, ValueError) as error:
        raise RunError(
            f"{path.name} is not a complete archive of the report ({error}): download it again"
        ) from None


def _find_errors(archive: zipfile.ZipFile) -> Iterator[str]:
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename.removeprefix(FOLDER)
        if _UNSAFE_NAME.search(member.filename) or name == member.filename:
            yield f"{member.filename!r} is outside of {FOLDER}"
        elif name in members:
            yield f"{name} occurs twice"
        members[name] = member
    if SUMS not in members:
        raise zipfile.BadZipFile(f"it has no {FOLDER}{SUMS}")
    sums = _read_sums(archive.read(members.pop(SUMS)))
    yield from (f"{name} is missing" for name in sorted(sums.keys() - members.keys()))
    yield from (f"{name} is not in {SUMS}" for name in sorted(members.keys() - sums.keys()))
    for name in sorted(sums.keys() & members.keys()):
        if _digest(archive, members[name]) != sums[name]:
            yield f"{name} does not match its checksum"


def _read_sums(content: bytes) -> dict[str, str]:
    lines = [(line, _SUM.fullmatch(line)) for line in content.decode().splitlines()]
    if broken := [line for line, match in lines if match is None]:
        raise ValueError(f"{SUMS} has a line without a checksum: {broken[0]!r}")
    return {match[2]: match[1] for _, match in lines if match}


def _digest(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str | None:
    """Return the SHA-256 of a member, in hex; None if it cannot be read."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return None
    try:
        with archive.open(member) as content:
            return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
    except _READ_ERRORS:
        return None
