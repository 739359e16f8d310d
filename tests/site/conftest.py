"""A small real project, executed and built by mystmd with the theme, and a browser to read it."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from wholescript.project import Project
from wholescript.publish.execution import run_notebook
from wholescript.publish.site.build import build_site as build_site_once

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "theme"))

# A busy machine is no failure: what is expected appears within this time.
TIMEOUT_MS = 120_000
expect.set_options(timeout=TIMEOUT_MS)

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Visit:
    """A page open in Chromium, with the errors of its loading."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def overflow(self) -> int:
        """Return the difference of page width and window width in pixels."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def scrolling(self, tag: str) -> list[str]:
        """Return the anchors near code (`pre`) or tables (`table`) that their box cuts."""
        return list(
            self.page.eval_on_selector_all(
                f".code > {tag}, .scroll:has({tag})",
                """boxes => boxes.filter(box => box.scrollWidth > box.clientWidth)
                    .map(box => box.closest('[id]').id)""",
            )
        )

    def unloaded_images(self) -> list[str]:
        """Return the URLs of images that did not load."""
        return list(
            self.page.eval_on_selector_all(
                "img",
                """async images => {
                    for (const image of images) image.loading = 'eager';
                    await Promise.allSettled(images.map(image => image.decode()));
                    return images.filter(image => !image.naturalWidth).map(image => image.src);
                }""",
            )
        )

    def serious_findings(self, *rules: str) -> list[tuple[str, list[object]]]:
        """Return serious and critical findings of axe's rules, by default all.

        The page must be opened without CSP.
        """
        options = {"runOnly": {"type": "rule", "values": rules}} if rules else None
        return [
            (rule["id"], [node["target"] for node in rule["nodes"]])
            for rule in Axe().run(self.page, options=options).response["violations"]
            if rule["impact"] in ("serious", "critical")
        ]

    def cell_in_view(self) -> str | None:
        """Return the anchor of the cell that is the target of the link, if it is visible."""
        return self.page.evaluate(
            """() => {
                const cell = document.querySelector('.cell:target');
                if (!cell) return null;
                const box = cell.getBoundingClientRect();
                return box.top < innerHeight && box.bottom > 0 ? cell.id : null;
            }"""
        )


def build_site(project: Path) -> subprocess.CompletedProcess[str]:
    """Run mystmd with the theme of the project, as `make site` does."""
    tools = str(Path(sys.executable).parent)
    return subprocess.run(
        ["myst", "build", "--html", "--strict"],
        cwd=project,
        env=os.environ
        | {"PATH": tools + os.pathsep + os.environ["PATH"], "NO_UPDATE_NOTIFIER": "1"},
        capture_output=True,
        text=True,
        timeout=1_200,
        check=False,
    )


def edit_results(project: Path, old: str, new: str) -> None:
    """Replace a text in the one file of results that has it."""
    files = [path for path in project.glob("results/**/*.json") if old in path.read_text("utf-8")]
    assert len(files) == 1, f"{len(files)} files have {old!r}"
    files[0].write_text(files[0].read_text("utf-8").replace(old, new), encoding="utf-8")


@pytest.fixture(scope="session")
def executed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of tests/site/project with the theme and its notebook executed; not built."""
    project = tmp_path_factory.mktemp("site") / "project"
    shutil.copytree(ROOT / "tests" / "site" / "project", project)
    shutil.copy(ROOT / "CITATION.cff", project)
    shutil.copytree(ROOT / "theme", project / "theme", ignore=shutil.ignore_patterns("__pycache__"))
    config = yaml.safe_load((ROOT / "myst.yml").read_text(encoding="utf-8"))
    config["project"]["toc"] = [
        {"file": "index.md"},
        {"file": "report/study.md"},
        {"title": "Notebooks", "children": [{"file": "notebooks/01_demo.ipynb"}]},
    ]
    (project / "myst.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    # The plugin imports modules of the package from src.
    (project / "src").symlink_to(ROOT / "src")
    run_notebook("01_demo", project=Project(project))
    return project


@pytest.fixture(scope="session")
def site(executed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages of the small project."""
    project = tmp_path_factory.mktemp("built") / "project"
    shutil.copytree(executed_project, project, symlinks=True)
    built = build_site(project)
    assert built.returncode == 0, built.stdout + built.stderr
    return project / "_build" / "html"


@pytest.fixture(scope="session")
def built_once(executed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of the small project, built by `build_site`; tests must not change it."""
    root = tmp_path_factory.mktemp("built-by-command") / "project"
    shutil.copytree(executed_project, root, symlinks=True)
    build = build_site_once(Project(root), quiet=True)
    assert build.ok, build.output
    return root


@pytest.fixture
def project(built_once: Path, tmp_path: Path) -> Project:
    """A copy of the built small project, which tests may change."""
    root = tmp_path / "project"
    shutil.copytree(built_once, root, symlinks=True)
    return Project(root)


@pytest.fixture(scope="session")
def build() -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """The command that builds a project's site."""
    return build_site


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; fails with the package to install if there is none."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable, "no Chromium on PATH: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a URL; console errors and requests to other hosts are recorded.

    `options` are those of a browser context: color_scheme, java_script_enabled, permissions...
    """
    pages: list[Page] = []

    def open_page(url: str, width: int = 1280, **options: Any) -> Visit:
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        page.set_default_timeout(TIMEOUT_MS)
        pages.append(page)
        visit = Visit(page)
        page.on("console", lambda m: visit.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: visit.errors.append(str(error)))
        page.on("dialog", lambda dialog: visit.errors.append(f"dialog: {dialog.message}"))
        page.on("requestfailed", lambda request: visit.errors.append(f"failed: {request.url}"))
        home = "file://" if url.startswith("file:") else "/".join(url.split("/")[:3])

        def record_foreign(address: str) -> None:
            if not address.startswith(home):
                visit.errors.append(f"foreign request: {address}")

        page.on("request", lambda request: record_foreign(request.url))
        page.goto(url, wait_until="load")
        return visit

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture(scope="session")
def published() -> Path:
    """The report of the repository, built in place."""
    config = yaml.safe_load((ROOT / "myst.yml").read_text(encoding="utf-8"))
    entries = list(config["project"]["toc"])
    files = [e["file"] for entry in entries for e in entry.get("children", [entry])]
    missing = [file for file in files if not (ROOT / file).is_file()]
    assert not missing, f"the report lacks {', '.join(missing)}: write or run them first"
    built = build_site(ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    return ROOT / "_build" / "html"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log no requests."""


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder on localhost by a static server; return its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(directory: Path) -> str:
        handler = partial(_Quiet, directory=str(directory))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
