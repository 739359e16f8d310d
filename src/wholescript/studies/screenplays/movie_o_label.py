"""The published row of Movie-O-Label: E5 embeddings of script, summary and title."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wholescript.data.films import HUB_REVISION, load_corpus
from wholescript.data.films.fields import fields_of
from wholescript.experiments.experiment import run
from wholescript.experiments.metrics import METRICS
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import Workspace
from wholescript.features.build import load_word_features
from wholescript.features.text_encoders import (
    TextEncoderConfig,
    check_encoder,
    embed_fields,
    encoder_identity,
)
from wholescript.files import CACHE
from wholescript.models.films.embedding import EmbeddingLR
from wholescript.studies.screenplays.data import ScreenplayData, screenplay_data
from wholescript.studies.screenplays.experiments import CrossValidation

GROUP = "movie-o-label"


@dataclass(frozen=True)
class PublishedRow:
    """A row of a published table: its input, and its metrics by the names of stored runs."""

    fields: str
    metrics: Mapping[str, float]


PUBLISHED_SOURCE = "Gross (2025), arXiv:2511.05500"
PUBLISHED = PublishedRow(
    "script + summary + title", {"auc": 0.79, "average_precision": 0.445, "macro_f1": 0.66}
)
"""E5 embeddings of chunks and logistic regression. The paper's abstract names neither the size of
E5 nor how chunks are pooled, so ours need not be the same."""


def load_movie_o_label(
    config: TextEncoderConfig,
    *,
    path: Path | None = None,
    revision: str = HUB_REVISION,
    fields: str = "all",
    seed: int = 0,
    device: str = "cpu",
    cache: Path = CACHE,
) -> ScreenplayData:
    """Load the films of the hub, or of a local copy at `path`, and embed each of their fields.

    Raises:
        DataError: the data set cannot be loaded or used.
        ParameterError: the encoder cannot be loaded or used, or `fields` is unknown.
    """
    encoder_identity(config)  # an encoder that cannot be used is told before films are loaded
    check_encoder(config)
    corpus = load_corpus("hub", path, fields=fields, revision=revision)
    texts = {name: corpus.text_of(name) for name in fields_of(fields)}
    vectors = embed_fields(
        {name: found for name, found in texts.items() if found is not None},
        config,
        device=device,
        cache=cache,
    )
    features = replace(load_word_features(corpus, cache=cache), vectors=vectors)
    return screenplay_data(corpus, features, "cpu", seed)


def movie_o_label_run(name: str, data: ScreenplayData, workspace: Workspace) -> Run:
    """Return the run of logistic regression on the vectors, on the published split."""
    experiment = CrossValidation(f"{GROUP}/{name}", EmbeddingLR(), "published")
    return run(experiment, data, workspace)


def compare_with_published(metrics: Mapping[str, Metric]) -> list[list[str]]:
    """Return a row for each published metric: its name, the value here, the interval, published."""
    rows = []
    for name, published in PUBLISHED.metrics.items():
        here = metrics[name]
        rows.append(
            [
                METRICS[name].display_name,
                f"{here.value:.3f}",
                f"{here.low:.3f} to {here.high:.3f}",
                f"{published:g}",
            ]
        )
    return rows
