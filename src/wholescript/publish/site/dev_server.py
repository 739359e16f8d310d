"""Development server: serves the site on localhost and rebuilds it when its sources change.

It serves a copy of the last successful build, so that an error removes no page. A script is added
to each page as it is sent, never to the built files. Server-sent events tell the script of new
builds and errors. On the page of trainings the script polls their status.
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
from wholescript.publish.site.sync_markdown import sync_markdown

EVENTS_PATH, SCRIPT_PATH, TRAININGS_PATH = "/_live", "/_live.js", "/_trainings"
_KEEPALIVE_S = 15.0  # seconds after which a closed page is noticed
# A hidden page closes its connection: browsers allow six per host.
_SCRIPT = """\
const build = document.currentScript.dataset.build;
let events = null;

function showMessages(messages) {
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
    events?.close();
    events = null;
  } else if (!events) {
    events = new EventSource("/_live");
    events.onmessage = (event) => {
      const state = JSON.parse(event.data);
      if (state.build === build) showMessages(state.messages);
      else location.reload();
    };
  }
}

async function pollTrainings(trainings) {
  if (!document.hidden) {
    const response = await fetch("/_trainings").catch(() => null);
    if (response?.ok) trainings.innerHTML = await response.text();
  }
  setTimeout(pollTrainings, 2000, trainings);
}

document.addEventListener("visibilitychange", listen);
listen();
const trainings = document.getElementById("live-trainings");
if (trainings) pollTrainings(trainings);
"""


@dataclass(frozen=True)
class SiteState:
    """What open pages show: the last successful build ("" before the first) and messages."""

    build: str = ""
    messages: str = ""


class DevServer:
    """Builds the site, keeps a copy of the last successful build, and notifies waiting requests."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.state = SiteState()
        self.project = project
        self._folder = folder
        self._changed = threading.Condition()
        self._last_key = ""
        self._errors = ""
        self._notebook_messages: dict[
            str, tuple[list[str], str]
        ] = {}  # with the digests of the files

    def site(self, build: str) -> Path:
        """Return the folder of a successful build."""
        return self._folder / (build or "none")

    def update(self) -> SiteState:
        """Sync the Markdown of notebooks, build the site if an input changed, notify the pages."""
        messages = list(filter(None, map(self._sync, self.project.notebook_names())))
        build = self.state.build
        if site_key(self.project) != self._last_key:
            build = self._build()
        state = SiteState(build, "\n".join([*filter(None, [self._errors]), *messages]))
        with self._changed:
            self.state = state
            self._changed.notify_all()
        for old in self._folder.iterdir():
            if old.name != build:
                shutil.rmtree(old)
        return state

    def wait(self, seen: SiteState | None, seconds: float) -> SiteState:
        """Return the state as soon as it differs from `seen`, or after the timeout in seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.state != seen, seconds)
            return self.state

    def _sync(self, notebook: str) -> str:
        """Sync the Markdown of a notebook; return a message if its code must be executed."""
        files = [self.project.notebooks / f"{notebook}{ending}" for ending in (".py", ".ipynb")]
        try:
            digests = [sha256_of(file) for file in files if file.exists()]
            if self._notebook_messages.get(notebook, ([], ""))[0] != digests:
                current = sync_markdown(self.project, notebook)
                message = "" if current else _not_executed(notebook)
                self._notebook_messages[notebook] = digests, message
        except (OSError, ValueError) as error:
            return f"notebooks/{notebook} cannot be read: {error}"
        return self._notebook_messages[notebook][1]

    def _build(self) -> str:
        """Build the site; return the key of the last successful build."""
        try:
            build = build_site(self.project, quiet=True, snapshots=self._folder)
        except OSError as error:
            self._errors = str(error)
            return self.state.build
        self._last_key = build.key
        if build.ok:
            self._errors = ""
            return build.key
        self._errors = (
            "The build failed; the page shows the last successful build:\n"
            f"{extract_errors(build.output)}"
        )
        return self.state.build


def _not_executed(notebook: str) -> str:
    return (
        f"notebooks/{notebook}.py: its code changed but was not executed, so the page shows "
        f"the old output; run `dvc repro {notebook}`"
    )


def serve(project: Project, port: int, log: Callable[[str], None]) -> None:
    """Serve the site until Ctrl-C; `log` is called with the address and with new messages.

    Port 0 selects a free port.

    Raises:
        ParameterError: the port cannot be used.
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
    """Set `changed` whenever a source of the site changes."""
    stop = threading.Event()
    folders = [project.root / name for name in ("report", "notebooks", "theme")]
    # Editors replace files, so folders are watched; the root without its subfolders.
    watched = [([f for f in folders if f.is_dir()], True), ([project.root], False)]

    def watch_paths(paths: list[Path], recursive: bool) -> None:
        for _ in watch(*paths, recursive=recursive, stop_event=stop, debounce=400):
            changed.set()

    threads = [threading.Thread(target=watch_paths, args=args, daemon=True) for args in watched]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        # A thread that still watches can keep the interpreter from exiting.
        for thread in threads:
            thread.join()


@contextmanager
def _listening(dev_server: DevServer, port: int) -> Iterator[str]:
    """Answer requests in threads; yield the address."""
    try:
        server = _Server(("127.0.0.1", port), partial(_Handler, dev_server=dev_server))
    except OSError as error:
        raise ParameterError(
            f"port {port} cannot be used ({error.strerror}): stop the process that listens there, "
            "or give another one, as in `wholescript serve --port 8001` or `make serve PORT=8001`"
        ) from None
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()


def _trainings(project: Project) -> str:
    # Imported on demand: torch takes seconds to import.
    from wholescript.experiments.progress import list_trainings
    from wholescript.publish.site.training_status import render_status

    return render_status(list_trainings(project))


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        # Browsers drop their connections on reload: do not report it.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(SimpleHTTPRequestHandler):
    """Sends the last successful build, with the script in its pages, and the events."""

    def __init__(self, *args: Any, dev_server: DevServer) -> None:
        self._dev_server = dev_server
        self._build = dev_server.state.build
        super().__init__(*args, directory=str(dev_server.site(self._build)))

    def do_GET(self) -> None:
        """Send a page, a file, the script, the training status or the events."""
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
        """Do not list folders."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def send_error(self, code: int, message: Any = None, explain: Any = None) -> None:
        """Send an error page that reloads after the next build."""
        title = HTTPStatus(code).phrase if self._build else "No successful build yet"
        self._send_page(
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"</head><body><p>{title}.</p></body></html>",
            HTTPStatus(code),
        )

    def end_headers(self) -> None:
        """Disable caching of all responses."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests, only errors."""

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
            # A comment detects closed connections if there is no new state.
            event = ": keepalive" if state == seen else f"data: {json.dumps(vars(state))}"
            self.wfile.write(f"{event}\n\n".encode())
            seen = state
