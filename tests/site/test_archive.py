"""The archive of the report: byte stability and detection of damage."""

import subprocess
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from wholescript.errors import RunError
from wholescript.project import Project
from wholescript.publish.site.archive import ARCHIVE, FOLDER, SUMS, archive_errors, write_archive

PAGE = "site/report/étude.html"
IMAGE = "site/assets/fig.png"
FILES = {
    "_build/html/index.html": b"<p>Front page</p>" * 40,
    "_build/html/report/étude.html": b"<p>Study</p>" * 40,
    "_build/html/assets/fig.png": bytes(range(256)),
    "notebooks/01_tiny.py": b"rise = 2\n",
    "notebooks/01_tiny.ipynb": b"{}\n",
    "notebooks/.01_tiny.ipynb.swp": b"editor file",
}


def build(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return write_archive(Project(root))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return build(tmp_path / "project", FILES)


def repack(archive: Path, members: dict[str, bytes | None]) -> None:
    """Rewrite the archive with added or replaced members; None removes one."""
    with zipfile.ZipFile(archive) as old:
        content = {name: old.read(name) for name in old.namelist()} | members
    with zipfile.ZipFile(archive, "w") as new:
        for name, data in content.items():
            if data is not None:
                new.writestr(name, data)


def test_contains_site_notebooks_and_valid_checksums(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    folder = tmp_path / FOLDER
    members = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    notebooks = {"notebooks/01_tiny.py", "notebooks/01_tiny.ipynb"}
    assert members == {"site/index.html", PAGE, IMAGE, SUMS, *notebooks}
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=folder, check=True)
    assert archive_errors(archive) == []


def test_same_content_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    rebuilt = build(other, dict(reversed(FILES.items())))
    (other / "_build/html/index.html").chmod(0o600)
    assert write_archive(Project(other)) == rebuilt  # over the existing archive
    assert rebuilt.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("name", [PAGE, IMAGE, "notebooks/01_tiny.py"])
def test_changed_byte_is_reported_with_its_file(archive: Path, name: str) -> None:
    with zipfile.ZipFile(archive) as opened:
        member = opened.getinfo(FOLDER + name)
    data = bytearray(archive.read_bytes())
    data[member.header_offset + 30 + len(member.filename.encode()) + 5] ^= 1
    archive.write_bytes(data)
    assert archive_errors(archive) == [f"{FOLDER}{name} does not match its checksum"]


def test_changed_file_in_a_valid_zip_is_reported(archive: Path) -> None:
    repack(archive, {FOLDER + PAGE: b"<p>Another study</p>"})
    assert archive_errors(archive) == [f"{FOLDER}{PAGE} does not match its checksum"]


def test_missing_and_extra_files_are_reported(archive: Path) -> None:
    repack(archive, {FOLDER + IMAGE: None, FOLDER + "site/new.html": b"<p>New</p>"})
    assert archive_errors(archive) == [
        f"{FOLDER}{IMAGE} is missing",
        f"{FOLDER}site/new.html is not in {SUMS}",
    ]


@pytest.mark.parametrize("name", ["/etc/passwd", f"{FOLDER}../up", "outside"])
def test_member_outside_of_the_folder_is_reported(archive: Path, name: str) -> None:
    repack(archive, {name: b"x"})
    assert archive_errors(archive) == [f"{name} is not in {SUMS}"]


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_truncated_archive_is_an_error(archive: Path, kept: float) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(RunError, match=rf"{ARCHIVE} is not a complete archive.*download it again"):
        archive_errors(archive)


def test_other_zip_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("readme.txt", "hello")
    with pytest.raises(RunError, match=f"other.zip is not a complete archive.*{SUMS}"):
        archive_errors(path)


def test_damage_at_any_position_is_handled(archive: Path) -> None:
    data = archive.read_bytes()
    for place in range(0, len(data), 7):
        archive.write_bytes(data[:place] + bytes([data[place] ^ 0x81]) + data[place + 1 :])
        with suppress(RunError):
            archive_errors(archive)
