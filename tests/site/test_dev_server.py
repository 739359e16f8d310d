"""`wholescript serve` in a browser: changes are shown, errors are reported."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from wholescript.experiments.progress import training_lock
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.checks import find_problems
from wholescript.publish.site.sync_markdown import sync_markdown
from wholescript.training.progress import ProgressMeter, progress_path

TIMEOUT_MS = 60_000  # builds are slow on a busy machine
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
    command = "from wholescript.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-u", "-c", command, "site", "serve", "--port", str(port)],
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


@pytest.fixture
def served(project: Project) -> Iterator[Served]:
    with serving(project.root) as served:
        yield served


@pytest.fixture
def open_page(served: Served, visit: Callable) -> Callable[[str], Page]:
    """Open a served page and wait until it is built."""

    def open_when_built(path: str) -> Page:
        page: Page = visit(served.url + path).page
        expect(page.locator("main h1")).to_be_visible(timeout=TIMEOUT_MS)
        return page

    return open_when_built


STUDY = "report/study.md"
HEADING = "## Reading\n"


def test_edited_page_is_reloaded(served: Served, open_page: Callable) -> None:
    page = open_page("/report/study.html")
    expect(page.locator(BANNER)).to_have_count(0)
    served.write(STUDY, HEADING, f"{HEADING}\nA sentence more.\n")
    expect(page.locator("main")).to_contain_text("A sentence more.", timeout=TIMEOUT_MS)
    published = served.root / "_build" / "html"
    assert "A sentence more." in (published / "report" / "study.html").read_text("utf-8")
    assert not any("_live" in file.read_text("utf-8") for file in published.rglob("*.html"))


def test_running_training_is_shown(served: Served, project: Project, open_page: Callable) -> None:
    served.write(STUDY, HEADING, ":::{trainings}\n:::\n\n" + HEADING)
    page = open_page("/report/study.html")
    live = page.locator("#live-trainings")
    expect(live).to_contain_text("No trainings", timeout=TIMEOUT_MS)
    folder = project.build / "training" / "a"
    with training_lock(folder, "mine/<i>model</i>-s0"):
        row = live.locator("tr.running")
        expect(row).to_contain_text("mine/<i>model</i>-s0", timeout=TIMEOUT_MS)
        meter = ProgressMeter(
            8, 0, progress_path(folder / "checkpoint-0.safetensors"), show_bar=False
        )
        meter.step(1, 0.75)
        expect(row).to_contain_text("1 of 8", timeout=TIMEOUT_MS)
        expect(row).to_contain_text("0.750")
    expect(live.locator("tr.finished")).to_have_count(1, timeout=TIMEOUT_MS)
    built = (project.build / "html" / "report" / "study.html").read_text("utf-8")
    assert "mine/" not in built


def test_changed_theme_is_shown(served: Served, open_page: Callable) -> None:
    page = open_page("/index.html")
    served.write("theme/templates/page.html", "<main ", '<main data-changed="yes" ')
    expect(page.locator("main[data-changed=yes]")).to_be_visible(timeout=TIMEOUT_MS)


def test_error_is_shown_on_every_open_page_until_it_is_fixed(
    served: Served, open_page: Callable
) -> None:
    pages = [open_page("/report/study.html"), open_page("/")]
    served.write(STUDY, HEADING, HEADING + "\n{result}`<img src=x>`\n")
    for page in pages:
        expect(page.locator(BANNER)).to_contain_text("'<img src=x>' is not of", timeout=TIMEOUT_MS)
        expect(page.locator(f"{BANNER} img")).to_have_count(0)
        expect(page.locator("main h1")).to_be_visible()
    pages[0].reload()
    expect(pages[0].locator(BANNER)).to_contain_text("<img src=x>")
    served.write(STUDY, "{result}`<img src=x>`", "Fixed.")
    for page in pages:
        expect(page.locator(BANNER)).to_have_count(0, timeout=TIMEOUT_MS)
    expect(pages[0].locator("main")).to_contain_text("Fixed.")


def test_reverted_error_is_cleared(served: Served, open_page: Callable) -> None:
    page = open_page("/report/study.html")
    served.write(STUDY, HEADING, f"{HEADING}\n![](bars.svg)\n")
    expect(page.locator(BANNER)).to_contain_text("no alt text", timeout=TIMEOUT_MS)
    served.write(STUDY, "\n![](bars.svg)\n", "")
    expect(page.locator(BANNER)).to_have_count(0, timeout=TIMEOUT_MS)


def test_edited_markdown_of_a_notebook_is_shown(
    served: Served, project: Project, open_page: Callable
) -> None:
    page = open_page("/notebooks/demo.html")
    images = page.locator("main .cell img, main .cell svg").count()
    served.write("notebooks/01_demo.py", "# ## Lengths\n", "# ## Lengths\n#\n# A new remark.\n")
    expect(page.locator("main")).to_contain_text("A new remark.", timeout=TIMEOUT_MS)
    assert page.locator("main .cell img, main .cell svg").count() == images
    assert notebook_problems(project) == []


def test_changed_code_is_reported_and_not_executed(served: Served, open_page: Callable) -> None:
    page = open_page("/notebooks/demo.html")
    executed = served.root / "notebooks" / "01_demo.ipynb"
    before = executed.read_bytes()
    served.write("notebooks/01_demo.py", "bins=30", "bins=31")
    expect(page.locator(BANNER)).to_contain_text("notebooks/01_demo.py", timeout=TIMEOUT_MS)
    expect(page.locator(BANNER)).to_contain_text("run `dvc repro 01_demo`")
    assert executed.read_bytes() == before
    served.write("notebooks/01_demo.py", "bins=31", "bins=30")
    expect(page.locator(BANNER)).to_have_count(0, timeout=TIMEOUT_MS)


def test_script_complies_with_the_content_security_policy(
    served: Served, open_page: Callable, visit: Callable
) -> None:
    open_page("/index.html")
    served.write(STUDY, HEADING, f"{HEADING}\n![](bars.svg)\n")
    visited = visit(f"{served.url}/index.html")
    expect(visited.page.locator(BANNER)).to_contain_text("no alt text", timeout=TIMEOUT_MS)
    assert visited.errors == []


def test_site_without_a_successful_build_shows_the_error(project: Project, visit: Callable) -> None:
    page_file = project.root / STUDY
    valid = page_file.read_text("utf-8")
    page_file.write_text(f"{valid}\n![](bars.svg)\n", encoding="utf-8")
    with serving(project.root) as served:
        page = visit(f"{served.url}/").page
        expect(page.locator(BANNER)).to_contain_text("no alt text", timeout=TIMEOUT_MS)
        page_file.write_text(valid, encoding="utf-8")
        expect(page.locator("main h1")).to_be_visible(timeout=TIMEOUT_MS)


def test_used_port_is_an_error(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    second = serve_command(served.root, port)
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 2
    assert f"port {port} cannot be used (Address already in use)" in output
    assert "make serve PORT=" in output


def test_interrupt_ends_the_server(served: Served, open_page: Callable) -> None:
    open_page("/")
    served.process.send_signal(signal.SIGINT)
    output, _ = served.process.communicate(timeout=60)
    assert served.process.returncode == 0
    assert "Traceback" not in output
    assert not list((served.root / "_build").glob("live-*"))


def notebook_problems(project: Project) -> list[str]:
    """Return the problems that `wholescript check` reports for the notebook."""
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


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# ## Scores\n", "# ## Scores\n#\n# A remark.\n"),
        (TEXT_CELL, ""),
        (TEXT_CELL, f"{TEXT_CELL}# %% [markdown]\n# A cell more.\n\n"),
    ],
    ids=["edited", "removed", "inserted"],
)
def test_markdown_cells_are_synced_and_outputs_kept(project: Project, old: str, new: str) -> None:
    before = outputs(project)
    assert sync_markdown(project, "01_demo")
    assert notebook_problems(project) == []
    edit(project, old, new)
    assert any("does not have the cells of" in line for line in notebook_problems(project))
    assert sync_markdown(project, "01_demo")
    assert notebook_problems(project) == []
    assert outputs(project) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bins=30", "bins=31"),
        ("films = 300  # number", "films = 300  # the number"),
        ('label="tbl-scores"', 'label="tbl-other"'),
        (TEXT_CELL, f"{TEXT_CELL}# %%\nprint(1)\n\n"),
    ],
    ids=["code", "comment", "label", "cell"],
)
def test_notebook_with_changed_code_is_not_synced(project: Project, old: str, new: str) -> None:
    executed = project.notebooks / "01_demo.ipynb"
    before = executed.read_bytes()
    edit(project, old, new)
    edit(project, "# # How long", "# # Just how long")
    assert not sync_markdown(project, "01_demo")
    assert executed.read_bytes() == before


def test_notebook_that_was_never_executed_is_not_synced(project: Project) -> None:
    (project.notebooks / "01_demo.ipynb").unlink()
    assert not sync_markdown(project, "01_demo")
