"""`wholescript site serve` in a browser: changes are shown, errors are reported."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from wholescript.errors import ParameterError
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.checks import find_problems
from wholescript.publish.site.dev_server import DevServer, _listening
from wholescript.publish.site.sync_markdown import sync_markdown

BANNER = "[role=alert]"


@dataclass
class Served:
    """A served project."""

    root: Path
    url: str
    process: subprocess.Popen[str]

    def write(self, file: str, old: str, new: str) -> None:
        """Replace a text in a file by a new file, as editors do."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert old in text, f"{file} has no {old!r}"
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(text.replace(old, new), encoding="utf-8")
        draft.replace(path)


def serve_command(root: Path, port: int) -> subprocess.Popen[str]:
    command = (
        "from wholescript.project import Project\n"
        "from wholescript.publish.site.dev_server import serve\n"
        f"serve(Project(), {port}, print)"
    )
    return subprocess.Popen(
        [sys.executable, "-u", "-c", command],
        env=os.environ | {ROOT_VARIABLE: str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Background processes inherit an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    """Serve a project on a free port until the end of the block."""
    process = serve_command(root, 0)
    assert process.stdout
    line = process.stdout.readline()
    address = re.search(r"http://localhost:\d+", line)
    assert address, line
    try:
        yield Served(root, address[0], process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def served(built_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A copy of the small project, served; the tests leave it without errors."""
    root = tmp_path_factory.mktemp("served") / "project"
    shutil.copytree(built_once, root, symlinks=True)
    with serving(root) as served:
        yield served


@pytest.fixture
def open_page(served: Served, visit: Callable) -> Callable[[str], Page]:
    """Open a served page and wait until it is built."""

    def open_when_built(path: str) -> Page:
        page: Page = visit(served.url + path).page
        expect(page.locator("main h1")).to_be_visible()
        return page

    return open_when_built


STUDY = "report/study.md"
HEADING = "## Reading\n"


def test_edited_pages_are_reloaded(served: Served, open_page: Callable) -> None:
    page, notebook = open_page("/report/study.html"), open_page("/notebooks/demo.html")
    images = notebook.locator("main .cell img, main .cell svg").count()
    expect(page.locator(BANNER)).to_have_count(0)
    served.write("notebooks/01_demo.py", "# ## Lengths\n", "# ## Lengths\n#\n# A new remark.\n")
    served.write(STUDY, HEADING, f"{HEADING}\nA sentence more.\n")
    expect(page.locator("main")).to_contain_text("A sentence more.")
    expect(notebook.locator("main")).to_contain_text("A new remark.")
    assert notebook.locator("main .cell img, main .cell svg").count() == images
    assert notebook_problems(Project(served.root)) == []
    published = served.root / "_build" / "html"
    assert "A sentence more." in (published / "report" / "study.html").read_text("utf-8")
    assert not any("_live" in file.read_text("utf-8") for file in published.rglob("*.html"))


def test_errors_and_changed_code_are_shown_on_every_open_page_until_they_are_fixed(
    served: Served, open_page: Callable
) -> None:
    pages = [open_page("/report/study.html"), open_page("/")]
    executed = served.root / "notebooks" / "01_demo.ipynb"
    before = executed.read_bytes()
    served.write("notebooks/01_demo.py", "bins=30", "bins=31")
    served.write(STUDY, HEADING, HEADING + "\n{result}`<img src=x>`\n")
    for page in pages:
        expect(page.locator(BANNER)).to_contain_text("'<img src=x>' is not of")
        expect(page.locator(BANNER)).to_contain_text("notebooks/01_demo.py")
        expect(page.locator(BANNER)).to_contain_text("run `dvc repro 01_demo`")
        expect(page.locator(f"{BANNER} img")).to_have_count(0)
        expect(page.locator("main h1")).to_be_visible()
    pages[0].reload()
    expect(pages[0].locator(BANNER)).to_contain_text("<img src=x>")
    assert executed.read_bytes() == before
    served.write("notebooks/01_demo.py", "bins=31", "bins=30")
    served.write(STUDY, "{result}`<img src=x>`", "Fixed.")
    for page in pages:
        expect(page.locator(BANNER)).to_have_count(0)
    expect(pages[0].locator("main")).to_contain_text("Fixed.")


def test_building_is_shown_then_the_error_then_the_page(project: Project, visit: Callable) -> None:
    page_file = project.root / STUDY
    valid = page_file.read_text("utf-8")
    page_file.write_text(f"{valid}\n![](bars.svg)\n", encoding="utf-8")
    with serving(project.root) as served:
        for path in ("/", "/report/study.html", "/assets/none.css"):
            status, text = get(served, path)
            assert status == 503 and "The site is being built" in text
        page = visit(f"{served.url}/").page
        expect(page.locator(BANNER)).to_contain_text("no alt text")
        page_file.write_text(valid, encoding="utf-8")
        expect(page.locator("main h1")).to_be_visible()
        assert get(served, "/none.html")[0] == get(served, "/assets/")[0] == 404


def test_only_names_of_this_machine_are_answered(tmp_path: Path) -> None:
    hosts = {
        "localhost:{port}": 503,
        "127.0.0.1:{port}": 503,
        "[::1]:{port}": 503,
        "localhost": 403,
        "localhost:1": 403,
        "example.org:{port}": 403,
        "localhost.example.org:{port}": 403,
        "": 403,
    }
    with _listening(DevServer(Project(tmp_path), tmp_path), 0) as address:
        port = int(address.strip("/").rpartition(":")[2])
        for host, status in hosts.items():
            for method in ("GET", "HEAD"):
                connection = http.client.HTTPConnection("127.0.0.1", port)
                connection.request(method, "/", headers={"Host": host.format(port=port)})
                assert connection.getresponse().status == status, (host, method)


def test_used_port_is_an_error(tmp_path: Path) -> None:
    server = DevServer(Project(tmp_path), tmp_path)
    with _listening(server, 0) as address:
        port = int(address.strip("/").rpartition(":")[2])
        with (
            pytest.raises(ParameterError, match=f"port {port} cannot be used"),
            _listening(server, port),
        ):
            pass


def test_interrupt_ends_the_server(served: Served, open_page: Callable) -> None:
    open_page("/")
    served.process.send_signal(signal.SIGINT)
    output, _ = served.process.communicate(timeout=600)
    assert served.process.returncode == 0
    assert "Traceback" not in output
    assert not list((served.root / "_build").glob("live-*"))


def get(served: Served, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"))
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read().decode()


def notebook_problems(project: Project) -> list[str]:
    """Return the problems that `wholescript site check` reports for the notebook."""
    return [line for line in find_problems(project) if line.startswith("01_demo")]


def edit(project: Project, old: str, new: str) -> None:
    source = project.notebooks / "01_demo.py"
    text = source.read_text("utf-8")
    assert old in text
    source.write_text(text.replace(old, new), encoding="utf-8")


def outputs(project: Project) -> list[object]:
    notebook = json.loads((project.notebooks / "01_demo.ipynb").read_text("utf-8"))
    return [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


TEXT_CELL = "# %% [markdown]\n# ## Scores\n\n"


def test_changed_text_cells_are_synced_and_outputs_kept(project: Project) -> None:
    before = outputs(project)
    edit(project, "# # How long", "# # Just how long")
    edit(project, TEXT_CELL, f"{TEXT_CELL}# %% [markdown]\n# A cell more.\n\n")
    assert any("does not have the cells of" in line for line in notebook_problems(project))
    assert sync_markdown(project, "01_demo")
    assert notebook_problems(project) == []
    assert outputs(project) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [("bins=30", "bins=31"), (TEXT_CELL, f"{TEXT_CELL}# %%\nprint(1)\n\n")],
    ids=["code", "cell"],
)
def test_notebook_with_changed_code_is_not_synced(project: Project, old: str, new: str) -> None:
    executed = project.notebooks / "01_demo.ipynb"
    before = executed.read_bytes()
    edit(project, old, new)
    assert not sync_markdown(project, "01_demo")
    assert executed.read_bytes() == before
    executed.unlink()
    assert not sync_markdown(project, "01_demo")
