"""The search index of a written site, by pagefind."""

import subprocess
from pathlib import Path

from pagefind.service import get_executable

# Parts of an article that are about its text, not of it, and the code of cells.
EXCLUDED_SELECTORS = (
    ".anchor",
    ".origin",
    ".contents-fold",
    ".figure-links",
    ".passport",
    ".about",
    ".cell .code",
    "annotation",
)
# Pagefind's own interfaces, of which the theme uses none.
UNUSED_FILES = ("pagefind-*ui.*", "pagefind-highlight.js")


class SearchIndexError(RuntimeError):
    """Pagefind is not there, or could not index the site."""


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
        said = (indexed.stdout + indexed.stderr).strip()
        raise SearchIndexError(f"pagefind could not index {site.name}: {said}")
    for pattern in UNUSED_FILES:
        for file in (site / "pagefind").glob(pattern):
            file.unlink()
