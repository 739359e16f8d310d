"""Search index of a rendered site, made by pagefind."""

import base64
import json
import re
import subprocess
from pathlib import Path

from pagefind.service import get_executable

# Parts of an article that are not searched: metadata, links and the code of cells.
EXCLUDED_SELECTORS = (
    ".anchor",
    ".origin",
    ".byline",
    ".contents-fold",
    ".figure-links",
    ".provenance",
    ".about",
    ".diagram",
    ".cell .code",
    "annotation",
)
# User interfaces of pagefind, which the theme does not use.
UNUSED_FILES = ("pagefind-*ui.*", "pagefind-highlight.js")
# The script that searches where pages are opened from a folder, and its template.
SCRIPT = "pagefind-files.js"
TEMPLATE = Path(__file__).resolve().parents[1] / "templates" / "pagefind_files.js"
_EXPORTS = re.compile(r"export\s*\{([\w\s,]+)\};?\s*\Z")


class SearchIndexError(RuntimeError):
    """Pagefind is not installed, or could not index the site."""


def write_search_index(site: Path) -> None:
    """Index the articles (`data-pagefind-body`) of the site's pages, into `site/pagefind`.

    Raises:
        SearchIndexError: pagefind is not installed, or it failed.
    """
    executable = get_executable()
    if executable is None:
        raise SearchIndexError("pagefind is missing: pip install 'pagefind[bin]'")
    options = ["--silent", "--keep-index-url", "--exclude-selectors", ", ".join(EXCLUDED_SELECTORS)]
    indexed = subprocess.run(
        [executable, "--site", site, *options], capture_output=True, text=True, check=False
    )
    if indexed.returncode:
        output = (indexed.stdout + indexed.stderr).strip()
        raise SearchIndexError(f"pagefind could not index {site.name}: {output}")
    for pattern in UNUSED_FILES:
        for file in (site / "pagefind").glob(pattern):
            file.unlink()
    _write_script(site / "pagefind")


def _write_script(bundle: Path) -> None:
    """Write pagefind and its index as one script that needs no server, into `bundle`.

    The module becomes the body of a function: its exports are what the function returns, and its
    address is an argument.

    Raises:
        SearchIndexError: the module of this version of pagefind has another form.
    """
    module = (bundle / "pagefind.js").read_text(encoding="utf-8")
    module, n_exports = _EXPORTS.subn(r"return {\1};", module)
    if n_exports != 1:
        raise SearchIndexError(
            "pagefind.js does not end in its exports, so the search would not work without a "
            "server: install the version of pagefind in requirements.lock"
        )
    files = {
        path.relative_to(bundle).as_posix(): base64.b64encode(path.read_bytes()).decode()
        for path in sorted(bundle.rglob("*"))
        if path.is_file() and path.suffix != ".js" and path.name != "wasm.unknown.pagefind"
    }
    parts = {
        "@FILES@": json.dumps(files),
        "@PAGEFIND@": module.replace("import.meta.url", "address"),
    }
    template = TEMPLATE.read_text(encoding="utf-8")
    script = re.sub("|".join(parts), lambda mark: parts[mark[0]], template)
    (bundle / SCRIPT).write_text(script, encoding="utf-8")
