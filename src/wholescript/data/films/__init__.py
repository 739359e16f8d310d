"""Films with their labels: sources, checks, cross-validation folds and summary tables."""

from wholescript.data.films.checks import check_class_prior
from wholescript.data.films.corpus import SOURCES, Corpus, DataProvenance, load_corpus
from wholescript.data.films.duplicates import group_near_duplicates
from wholescript.data.films.fields import INPUTS
from wholescript.data.films.folds import (
    Fold,
    PublishedSplit,
    inner_folds,
    published_split,
    repeated_folds,
    temporal_split,
)
from wholescript.data.films.labels import TARGETS, award_labels, read_awards
from wholescript.data.films.scripts import ScreenplayTexts
from wholescript.data.films.sources import HUB_NAME, HUB_REVISION
from wholescript.data.films.summary import film_overview, label_rates

__all__ = [
    "HUB_NAME",
    "HUB_REVISION",
    "INPUTS",
    "SOURCES",
    "TARGETS",
    "Corpus",
    "DataProvenance",
    "Fold",
    "PublishedSplit",
    "ScreenplayTexts",
    "award_labels",
    "check_class_prior",
    "film_overview",
    "group_near_duplicates",
    "inner_folds",
    "label_rates",
    "load_corpus",
    "published_split",
    "read_awards",
    "repeated_folds",
    "temporal_split",
]
