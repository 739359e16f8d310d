"""Check that a built site works below any path: `python .github/links.py _build/html`.

Every link within the site must be relative and lead to a file, in pages and in style sheets.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_ATTRIBUTES = ("href", "src", "data", "poster", "action")
_CSS_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)")


class _Links(HTMLParser):
    """Collects the addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in _ATTRIBUTES and value:
                self.found.append(value)
            elif name == "srcset" and value:
                self.found += [part.split()[0] for part in value.split(",")]


def links(path: Path) -> list[str]:
    """Return the addresses in a page or a style sheet."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":
        return _CSS_URL.findall(text)
    parser = _Links()
    parser.feed(text)
    return parser.found


def problems(site: Path) -> Iterator[str]:
    """Yield each link that starts at the root of the server, or leads to no file of the site."""
    for path in sorted([*site.rglob("*.html"), *site.rglob("*.css")]):
        for link in links(path):
            parts = urlsplit(link)
            if parts.scheme or not (parts.path or parts.netloc):
                continue  # another site, data in the page, or an anchor of the same page
            where = f"{path.relative_to(site).as_posix()}: {link}"
            target = (path.parent / unquote(parts.path)).resolve()
            if parts.netloc or parts.path.startswith("/"):
                yield f"{where} is not relative"
            elif not target.is_relative_to(site.resolve()):
                yield f"{where} leaves the site"
            elif not target.is_file():
                yield f"{where} is not there"


def main() -> None:
    """Print the problems of a site; exit with 1 if there are any."""
    site = Path(sys.argv[1])
    pages = len(list(site.rglob("*.html")))
    found = list(problems(site)) if pages else [f"{site} has no page: run `make site`"]
    sys.exit("\n".join(found)) if found else print(f"{pages} pages: all links are relative")


if __name__ == "__main__":
    main()
