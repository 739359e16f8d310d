"""The columns of a file of films of one's own, as the documentation describes them.

Standard library only: the site imports it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class FilmColumn:
    """What a column holds, and when a file needs it."""

    content: str
    needed: str


_YES, _NO = "yes", "no"

LOCAL_COLUMNS = {
    "film_id": FilmColumn("text, another one for each film", _YES),
    "title": FilmColumn("text", _YES),
    "year": FilmColumn("whole number, the year of release", _YES),
    "text": FilmColumn("the whole screenplay", "unless only the summary or title is read"),
    "summary": FilmColumn("a summary of the film", "to read the summary, or all fields"),
    "nominated_for_writing": FilmColumn(
        "the label: 0 or 1, or false or true; some films of each",
        "unless another of the labels is the target",
    ),
    "won_writing": FilmColumn("label, as above: won a writing Oscar", _NO),
    "nominated": FilmColumn("label, as above: nominated for any Oscar", _NO),
    "won": FilmColumn("label, as above: won any Oscar", _NO),
    "group": FilmColumn(
        "text; no split separates films of one group, such as drafts, remakes and sequels",
        "no: near duplicates in English are found and kept together",
    ),
    "split": FilmColumn("train, validation or test", "for a published split only"),
    "source": FilmColumn("text, the collection that the script is from", _NO),
    "core": FilmColumn("0 or 1; films with 0 are left out", "no: 1 for all"),
}
"""The columns by name; `data.films.sources.read_local` reads them."""
