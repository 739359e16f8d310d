"""The archive of the report: the same bytes for the same content, and no damage goes unnoticed."""

import shutil
import subprocess
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wholescript.cli import app
from wholescript.errors import RunError
from wholescript.project import Project
from wholescript.publish.site.archive import ARCHIVE, FOLDER, SUMS, archive_errors, write_archive

PAGE = "site/report/étude.html"
PICTURE = "site/assets/fig.png"
FILES = {
    "_build/html/index.html": b"<p>Front page</p>" * 40,
    "_build/html/report/étude.html": b"<p>Study</p>" * 40,
    "_build/html/assets/fig.png": bytes(range(256)),
    "notebooks/01_tiny.py": b"rise = 2\n",
    "notebooks/01_tiny.ipynb": b"{}\n",
    "notebooks/.01_tiny.ipynb.swp": b"an editor's",
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
    """Write the archive anew with other members beside or instead of its own; None drops one."""
    with zipfile.ZipFile(archive) as old:
        content = {name: old.read(name) for name in old.namelist()} | members
    with zipfile.ZipFile(archive, "w") as new:
        for name, data in content.items():
            if data is not None:
                new.writestr(name, data)


def test_holds_site_notebooks_and_sums_that_sha256sum_accepts(
    archive: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    folder = tmp_path / FOLDER
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    notebooks = {"notebooks/01_tiny.py", "notebooks/01_tiny.ipynb"}
    assert there == {"site/index.html", PAGE, PICTURE, SUMS, *notebooks}
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=folder, check=True)
    assert archive_errors(archive) == []


def test_same_content_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    again = build(other, dict(reversed(FILES.items())))
    (other / "_build/html/index.html").chmod(0o600)
    assert write_archive(Project(other)) == again  # over an archive that is there already
    assert again.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("name", [PAGE, PICTURE, "notebooks/01_tiny.py"])
def test_one_altered_byte_names_the_file(archive: Path, name: str) -> None:
    with zipfile.ZipFile(archive) as opened:
        member = opened.getinfo(FOLDER + name)
    data = bytearray(archive.read_bytes())
    data[member.header_offset + 30 + len(member.filename.encode()) + 5] ^= 1
    archive.write_bytes(data)
    assert archive_errors(archive) == [f"{name} was altered"]


def test_altered_file_in_a_sound_zip(archive: Path) -> None:
    repack(archive, {FOLDER + PAGE: b"<p>Another study</p>"})
    assert archive_errors(archive) == [f"{PAGE} was altered"]


def test_missing_and_extra_file(archive: Path) -> None:
    repack(archive, {FOLDER + PICTURE: None, FOLDER + "site/new.html": b"<p>New</p>"})
    assert archive_errors(archive) == [f"{PICTURE} is missing", f"site/new.html is not in {SUMS}"]


@pytest.mark.parametrize(
    "name", ["/etc/passwd", f"{FOLDER}../up", "../up", "C:/up", f"{FOLDER}..\\up", "beside"]
)
def test_name_that_would_leave_the_folder(archive: Path, name: str) -> None:
    repack(archive, {name: b"x"})
    assert f"{name!r} lies outside of {FOLDER}" in archive_errors(archive)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_truncated_archive(archive: Path, kept: float) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(RunError, match=rf"{ARCHIVE} is no whole archive.*download it again"):
        archive_errors(archive)


def test_zip_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("readme.txt", "hello")
    with pytest.raises(RunError, match=f"other.zip .*has no {FOLDER}{SUMS}"):
        archive_errors(path)


def test_damage_anywhere_ends_in_an_answer_or_a_plain_error(archive: Path) -> None:
    data = archive.read_bytes()
    for place in range(0, len(data), 7):
        archive.write_bytes(data[:place] + bytes([data[place] ^ 0x81]) + data[place + 1 :])
        with suppress(RunError):
            archive_errors(archive)


def test_verify_prints_what_is_wrong(archive: Path, tmp_path: Path) -> None:
    saved = str(shutil.copy(archive, tmp_path / "downloaded.zip"))
    fine = CliRunner().invoke(app, ["verify", saved])
    assert (fine.exit_code, fine.output) == (0, "downloaded.zip: every file is as it was built\n")
    repack(Path(saved), {FOLDER + PICTURE: None})
    damaged = CliRunner().invoke(app, ["verify", saved])
    assert (damaged.exit_code, damaged.stderr) == (1, f"downloaded.zip: {PICTURE} is missing\n")
    gone = CliRunner().invoke(app, ["verify", str(tmp_path / "gone.zip")])
    assert gone.exit_code == 2
    assert "there is no file" in gone.stderr
