"""Who made the report, when, which version and licence: its title block and its footer."""

import datetime
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wholescript import __version__

BRANCH = "main"  # the branch whose site is published


@dataclass(frozen=True)
class Publication:
    """The facts of the title block; what is not set in `myst.yml` is empty."""

    authors: tuple[str, ...]
    date: str
    date_in_words: str
    version: str
    licence: str
    licence_url: str
    repository: str

    def notebook_services(self, location: str) -> dict[str, str]:
        """Return the URLs that open the notebook at `location`, by the name of the service.

        Empty without a repository on GitHub, from which the services read the notebook.
        """
        host, _, name = self.repository.partition("github.com/")
        if host != "https://" or name.count("/") != 1:
            return {}
        path = quote(location)
        colab, binder = "https://colab.research.google.com", "https://mybinder.org"
        return {
            "Colab": f"{colab}/github/{name}/blob/{BRANCH}/{path}",
            "Binder": f"{binder}/v2/gh/{name}/{BRANCH}?labpath={quote(location, safe='')}",
        }


def read_publication(project: dict[str, Any]) -> Publication:
    """Return the publication of a project, as mystmd describes it in `config.json`.

    The version is that of the package, which makes the results.
    """
    licence = (project.get("license") or {}).get("content", {})
    date = str(project.get("date") or "")
    return Publication(
        authors=tuple(author["name"] for author in project.get("authors", [])),
        date=date,
        date_in_words=_in_words(date) if date else "",
        version=__version__,
        licence=licence.get("name") or licence.get("id", ""),
        licence_url=licence.get("url", ""),
        repository=str(project.get("github") or "").rstrip("/").removesuffix(".git"),
    )


def _in_words(date: str) -> str:
    day = datetime.date.fromisoformat(date)
    return f"{day.day} {day:%B} {day.year}"
