"""Live writing: the site on localhost, built again and shown anew as its sources change.

What is served is a copy of the last good build, so that a fault takes no page away; each page
gets one script as it is sent, never in the built files. It hears of a new build, or of what
is wrong, by server-sent events. On the page of trainings it asks how far they have come.
"""

import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from watchfiles import watch

from wholescript.errors import ParameterError
from wholescript.files import sha256_of
from wholescript.project import Project
from wholescript.publish.site.build import build_site, extract_errors, site_key
from wholescript.publish.site.prose import sync_markdown

EVENTS_PATH, SCRIPT_PATH, TRAININGS_PATH = "/_live", "/_live.js", "/_trainings"
_KEEPALIVE_S = 15.0  # seconds after which a page that has gone away is noticed
# A hidden page lets go of its connection: a browser grants a host no more than six.
_SCRIPT = """\
const shown = document.currentScript.dataset.build;
let news = null;

function tell(messages) {
  document.getElementById("live-messages")?.remove();
  if (!messages) return;
  const banner = document.createElement("pre");
  banner.id = "live-messages";
  banner.setAttribute("role", "alert");
  banner.tabIndex = 0;
  banner.textContent = messages;
  banner.style.cssText = `position: sticky; top: 0; z-index: 1000; margin: 0; padding: 0.75rem;
    max-height: 40vh; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere;
    border: 0; border-radius: 0; background: #7a1220; color: #fff; font: 0.875rem/1.4 monospace`;
  document.body.prepend(banner);
}

function listen() {
  if (document.hidden) {
    news?.close();
    news = null;
  } else if (!news) {
    news = new EventSource("/_live");
    news.onmessage = (event) => {
      const state = JSON.parse(event.data);
      if (state.build === shown) tell(state.messages);
      else location.reload();
    };
  }
}

async function follow(trainings) {
  if (!document.hidden) {
    const answer = await fetch("/_trainings").catch(() => null);
    if (answer?.ok) trainings.innerHTML = await answer.text();
  }
  setTimeout(follow, 2000, trainings);
}

document.addEventListener("visibilitychange", listen);
listen();
const trainings = document.getElementById("live-trainings");
if (trainings) follow(trainings);
"""


@dataclass(frozen=True)
class SiteState:
    """What open pages show: the last good build ("" before the first), and what is wrong."""

    build: str = ""
    messages: str = ""


class DevServer:
    """Builds the site, keeps a copy of the last good one, and tells who waits for news."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.state = SiteState()
        self.project = project
        self._folder = folder
        self._changed = threading.Condition()
        self._last_key = ""
        self._errors = ""
        self._notebook_messages: dict[str, tuple[list[str], str]] = {}  # with the files' digests

    def site(self, build: str) -> Path:
        """Return the folder of a good build."""
        return self._folder / (build or "none")

    def update(self) -> SiteState:
        """Publish the text of notebooks, build the site if anything changed, tell the news."""
        notes = list(filter(None, map(self._publish, self.project.notebook_names())))
        good = self.state.build
        if site_key(self.project) != self._last_key:
            good = self._build()
        state = SiteState(good, "\n".join([*filter(None, [self._errors]), *notes]))
        with self._changed:
            self.state = state
            self._changed.notify_all()
        for old in self._folder.iterdir():
            if old.name != good:
                shutil.rmtree(old)
        return state

    def wait(self, seen: SiteState | None, seconds: float) -> SiteState:
        """Return the state once it is another than `seen`, or as it is after that time."""
        with self._changed:
            self._changed.wait_for(lambda: self.state != seen, seconds)
            return self.state

    def _publish(self, notebook: str) -> str:
        """Publish the text of a notebook; return what the writer must do about the rest."""
        files = [self.project.notebooks / f"{notebook}{ending}" for ending in (".py", ".ipynb")]
        try:
            content = [sha256_of(file) for file in files if file.exists()]
            if self._notebook_messages.get(notebook, ([], ""))[0] != content:
                fine = sync_markdown(self.project, notebook)
                self._notebook_messages[notebook] = content, "" if fine else _not_executed(notebook)
        except (OSError, ValueError) as error:
            return f"notebooks/{notebook} cannot be read: {error}"
        return self._notebook_messages[notebook][1]

    def _build(self) -> str:
        """Build the site; return the last good build, which is another one only on success."""
        try:
            build = build_site(self.project, quiet=True, snapshots=self._folder)
        except OSError as error:
            self._errors = str(error)
            return self.state.build
        self._last_key = build.key
        self._errors = (
            "" if build.ok else f"The last change is not shown:\n{extract_errors(build.output)}"
        )
        return build.key if build.ok else self.state.build


def _not_executed(notebook: str) -> str:
    return (
        f"notebooks/{notebook}.py: its code changed and is not executed here, so the page shows "
        f"what it was; `dvc repro {notebook}` executes it"
    )


def serve(project: Project, port: int, log: Callable[[str], None]) -> None:
    """Serve the site until Ctrl-C; `log` gets the address, and each change of what is wrong.

    Port 0 takes one that is free.

    Raises:
        ParameterError: nothing can listen on that port.
    """
    project.build.mkdir(exist_ok=True)
    changed = threading.Event()
    with TemporaryDirectory(prefix="live-", dir=project.build) as folder:
        dev_server = DevServer(project, Path(folder))
        with _listening(dev_server, port) as address, _watching(project, changed):
            log(f"{address} (stop with Ctrl-C)")
            try:
                while True:
                    changed.clear()
                    before, state = dev_server.state, dev_server.update()
                    if state != before:
                        log(state.messages or "built")
                    changed.wait()
            except KeyboardInterrupt:
                return


@contextmanager
def _watching(project: Project, changed: threading.Event) -> Iterator[None]:
    """Set `changed` whenever a source of the site does."""
    stop = threading.Event()
    folders = [project.root / name for name in ("report", "notebooks", "theme")]
    # An editor replaces a file: its folder is watched, and of the root nothing below it.
    watched = [([f for f in folders if f.is_dir()], True), ([project.root], False)]

    def follow(paths: list[Path], recursive: bool) -> None:
        for _ in watch(*paths, recursive=recursive, stop_event=stop, debounce=400):
            changed.set()

    threads = [threading.Thread(target=follow, args=args, daemon=True) for args in watched]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        # One that still watches while the interpreter ends can keep it from ending.
        for thread in threads:
            thread.join()


@contextmanager
def _listening(dev_server: DevServer, port: int) -> Iterator[str]:
    """Answer requests in threads; yields the address."""
    try:
        server = _Server(("127.0.0.1", port), partial(_Handler, dev_server=dev_server))
    except OSError as error:
        raise ParameterError(
            f"port {port} cannot be used ({error.strerror}): stop what listens there, or give "
            "another, as in `wholescript serve --port 8001` or `make serve PORT=8001`"
        ) from None
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()


def _trainings(project: Project) -> str:
    # Imported when asked for: torch, which reads checkpoints, takes seconds to load.
    from wholescript.experiments.progress import list_trainings
    from wholescript.publish.site.trainings import render_status

    return render_status(list_trainings(project))


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        # A browser that reloads drops its connections: nobody need hear of it.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(SimpleHTTPRequestHandler):
    """Sends the last good site, with the script in its pages, and the news."""

    def __init__(self, *args: Any, dev_server: DevServer) -> None:
        self._dev_server = dev_server
        self._build = dev_server.state.build
        super().__init__(*args, directory=str(dev_server.site(self._build)))

    def do_GET(self) -> None:
        """Send a page, a file, the script or the news."""
        path = urlsplit(self.path).path
        page = Path(self.translate_path(path + "index.html" if path.endswith("/") else path))
        if path == EVENTS_PATH:
            self._send_events()
        elif path == SCRIPT_PATH:
            self._send(_SCRIPT, "text/javascript")
        elif path == TRAININGS_PATH:
            self._send(_trainings(self._dev_server.project), "text/html")
        elif page.suffix == ".html" and page.is_file():
            self._send_page(page.read_text(encoding="utf-8"))
        else:
            super().do_GET()

    def list_directory(self, path: Any) -> None:
        """Show no folders, as most static servers do."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def send_error(self, code: int, message: Any = None, explain: Any = None) -> None:
        """Send a page that shows itself anew when the next build may have what was asked for."""
        title = HTTPStatus(code).phrase if self._build else "There is no good build yet"
        self._send_page(
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"</head><body><p>{title}.</p></body></html>",
            HTTPStatus(code),
        )

    def end_headers(self) -> None:
        """Keep every answer out of the browser's cache."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Leave the terminal to the faults."""

    def _send_page(self, html: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        before, end, after = html.rpartition("</body>")
        script = f'<script src="{SCRIPT_PATH}" data-build="{self._build}"></script>'
        self._send(before + script + end + after, "text/html", status)

    def _send(self, text: str, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_events(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        seen: SiteState | None = None
        while True:
            state = self._dev_server.wait(seen, _KEEPALIVE_S)
            # A comment, where nothing is new, finds out whether anybody still listens.
            news = ": still here" if state == seen else f"data: {json.dumps(vars(state))}"
            self.wfile.write(f"{news}\n\n".encode())
            seen = state
