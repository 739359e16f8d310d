"""The labelled data sets that are known by name: where they are, their columns and classes.

Importing it loads no library, so that commands can list the names in their help.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class RegisteredDataset:
    """A published data set: its display name, its name on the hub, a revision, columns and classes.

    `licence` is what its source states of the use of the texts. `classes` are given where the hub's
    class names are missing, or differ from a local copy's.
    """

    display_name: str
    hub_name: str
    revision: str
    licence: str = ""
    classes: tuple[str, ...] = ()
    text_column: str = "text"
    label_column: str = "label"


SENTIMENT_CLASSES = ("negative", "positive")
DATASETS = {
    # Its main branch has a loading script, which `datasets` no longer runs; this revision has
    # Parquet files.
    "banking77": RegisteredDataset(
        "Banking77",
        "PolyAI/banking77",
        "1fb62b1bb4635df59a8e1b2f2bc5e0643b2856c8",
        licence="CC BY 4.0",
    ),
    "ag_news": RegisteredDataset(
        "AG News",
        "fancyzhx/ag_news",
        "eb185aade064a813bc0b7f42de02595523103ca4",
        licence="none stated; offered for research and other non-commercial use",
        classes=("World", "Sports", "Business", "Sci/Tech"),
    ),
    "imdb": RegisteredDataset(
        "IMDB",
        "stanfordnlp/imdb",
        "e6281661ce1c48d982bc483cf8a173c1bbeb5d31",
        licence="none stated; written by users of IMDb",
        classes=SENTIMENT_CLASSES,
    ),
    # Not pinned: the metadata record the commit that `main` pointed to.
    "yelp_polarity": RegisteredDataset(
        "Yelp reviews, polarity", "fancyzhx/yelp_polarity", "main", classes=SENTIMENT_CLASSES
    ),
}
"""The labelled data sets that are known by name; `experiments.registry` lists them too."""

BUNDLED = ("banking77",)
"""Data sets whose licence allows their texts in the repository: the folders of those in data/."""
