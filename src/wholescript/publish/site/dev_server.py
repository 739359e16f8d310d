"""Development server: serves the site on localhost and rebuilds it when its sources change.

It serves a copy of the last successful build, so that an error removes no page. A script is added
to each page as it is sent, never to the built files: it asks for the state of the server, reloads
the page after a build, and shows errors.
"""

import json
import shutil
import threading
import time
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

from wholescript.errors import ParameterError, RunError
from wholescript.project import Project
from wholescript.publish.site.build import build_site, extract_errors, input_times
from wholescript.publish.site.sync_markdown import sync_markdown

STATE_PATH, SCRIPT_PATH = "/_state", "/_live.js"
POLL_S = 0.5
_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_BUILDING = "The site is being built; this page shows it as soon as it is ready."
_SCRIPT = """\
const build = document.currentScript.dataset.build;
const banner = document.createElement("pre");
banner.id = "live-messages";
banner.setAttribute("role", "alert");
banner.tabIndex = 0;
banner.style.cssText = `position: sticky; top: 0; z-index: 1000; margin: 0; padding: 0.75rem;
  max-height: 40vh; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere;
  border: 0; border-radius: 0; background: #7a1220; color: #fff; font: 0.875rem/1.4 monospace`;

async function poll() {
  const response = document.hidden ? null : await fetch("/_state").catch(() => null);
  if (response?.ok) {
    const state = await response.json();
    if (state.build !== build) location.reload();
    if (banner.textContent !== state.messages) banner.textContent = state.messages;
    if (!state.messages) banner.remove();
    else if (!banner.isConnected) document.body.prepend(banner);
  }
  setTimeout(poll, 1000);
}
poll();
"""


@dataclass(frozen=True)
class SiteState:
    """What open pages show: the last successful build ("" before the first) and messages."""

    build: str = ""
    messages: str = ""


class DevServer:
    """Builds the site of a project, and keeps a copy of the last successful build in `folder`."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.state = SiteState()
        self._project = project
        self._folder = folder

    def site(self, build: str) -> Path:
        """Return the folder of a successful build."""
        return self._folder / (build or "none")

    def update(self) -> None:
        """Sync the Markdown of notebooks and build the site if it is not current."""
        messages = [*filter(None, map(self._sync, self._project.notebook_names()))]
        build = build_site(self._project, quiet=True, snapshots=self._folder)
        if not build.ok:
            shown = (
                "the page shows the last successful build" if self.state.build else "no page yet"
            )
            messages.insert(0, f"The build failed; {shown}:\n{extract_errors(build.output)}")
        current = build.key if build.ok else self.state.build
        self.state = SiteState(current, "\n".join(messages))
        for old in self._folder.iterdir():
            if old.name != current:
                shutil.rmtree(old)

    def _sync(self, name: str) -> str:
        """Sync the Markdown of a notebook; return a message if its code must be executed."""
        try:
            if sync_markdown(self._project, name):
                return ""
        except RunError as error:
            return str(error)
        except (OSError, ValueError) as error:
            return f"notebooks/{name} cannot be read: {error}"
        return (
            f"notebooks/{name}.py: its code changed but was not executed, so the page shows "
            f"the old output; run `dvc repro {name}`"
        )


def serve(project: Project, port: int, log: Callable[[str], None]) -> None:
    """Serve the site until Ctrl-C; `log` is called with the address and with new messages.

    Port 0 selects a free port. Until the first build has ended, every page says so.

    Raises:
        ParameterError: the port cannot be used.
    """
    project.build.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="live-", dir=project.build) as folder:
        dev_server = DevServer(project, Path(folder))
        with _listening(dev_server, port) as address:
            log(f"{address} (stop with Ctrl-C)")
            try:
                seen: dict[str, int] = {}
                while True:
                    # Taken before the build: edits made during the build start another one.
                    if (times := input_times(project)) != seen:
                        seen, before = times, dev_server.state
                        dev_server.update()
                        if dev_server.state != before:
                            log(dev_server.state.messages or "built")
                    time.sleep(POLL_S)
            except KeyboardInterrupt:
                return


@contextmanager
def _listening(dev_server: DevServer, port: int) -> Iterator[str]:
    """Answer requests in threads; yield the address."""
    try:
        server = _Server(("127.0.0.1", port), partial(_Handler, dev_server=dev_server))
    except OSError as error:
        raise ParameterError(
            f"port {port} cannot be used ({error.strerror}): stop the process that listens there, "
            "or give another one, as in `wholescript site serve --port 8001` or "
            "`make serve PORT=8001`"
        ) from None
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report nothing: browsers drop their connections on reload."""


class _Handler(SimpleHTTPRequestHandler):
    """Sends the last successful build, with the script in its pages, and the state."""

    def __init__(self, *args: Any, dev_server: DevServer) -> None:
        self._state = dev_server.state
        super().__init__(*args, directory=str(dev_server.site(self._state.build)))

    def do_GET(self) -> None:
        """Send a page, a file, the script or the state; refuse names of other hosts."""
        assert isinstance(self.server, ThreadingHTTPServer)
        # A page of another host whose name points to this machine must not read the report.
        if self.headers.get("Host") not in {f"{h}:{self.server.server_port}" for h in _HOSTS}:
            self._send("This server answers to localhost only.", status=HTTPStatus.FORBIDDEN)
            return
        path = urlsplit(self.path).path
        page = Path(self.translate_path(path + "index.html" if path.endswith("/") else path))
        if path == STATE_PATH:
            self._send(json.dumps(vars(self._state)), "application/json")
        elif path == SCRIPT_PATH:
            self._send(_SCRIPT, "text/javascript")
        elif not self._state.build:
            self._send_page(_message("Building", _BUILDING), HTTPStatus.SERVICE_UNAVAILABLE)
        elif page.suffix == ".html" and page.is_file():
            self._send_page(page.read_text(encoding="utf-8"))
        else:
            super().do_GET()

    do_HEAD = do_GET

    def list_directory(self, path: Any) -> None:
        """Do not list folders."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def send_error(self, code: int, message: Any = None, explain: Any = None) -> None:
        """Send an error page that reloads after the next build."""
        phrase = HTTPStatus(code).phrase
        self._send_page(_message(phrase, f"{phrase}."), HTTPStatus(code))

    def end_headers(self) -> None:
        """Disable caching of all responses."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests, only errors."""

    def _send_page(self, html: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        before, end, after = html.rpartition("</body>")
        script = f'<script src="{SCRIPT_PATH}" data-build="{self._state.build}"></script>'
        self._send(before + script + end + after, "text/html", status)

    def _send(
        self, text: str, kind: str = "text/plain", status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _message(title: str, text: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><p>{text}</p></body></html>"
    )
