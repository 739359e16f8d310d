"""Search index of a rendered site, made by pagefind."""

import subprocess
from pathlib import Path

from pagefind.service import get_executable

# Parts of an article that are not searched: metadata, links and the code of cells.
EXCLUDED_SELECTORS = (
    ".anchor",
    ".origin",
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
