"""The data that all notebooks on screenplays share: films, features, folds and run profile."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wholescript.data.films import (
    Corpus,
    Fold,
    PublishedSplit,
    load_corpus,
    published_split,
    repeated_folds,
    temporal_split,
)
from wholescript.errors import DataError, ParameterError
from wholescript.experiments.workspace import current_workspace
from wholescript.features.build import load_features, load_word_features
from wholescript.features.bundle import FilmFeatures
from wholescript.features.extract import FeatureConfig
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.types import IntArray


@dataclass(frozen=True)
class RunProfile:
    """The size of all experiments; None stands for all.

    Of the bundled films, whose features are stored, `n_films` are used. Of other films, whose
    features are made of the texts, `n_text_films` are used, and the encoder embeds the first
    `n_text_chunks` chunks of each. `epochs` is the maximum.
    """

    n_films: int | None
    n_text_films: int | None
    n_text_chunks: int | None
    n_folds: int
    n_repeats: int
    epochs: int
    n_inner_folds: int

    @property
    def min_class_films(self) -> int:
        """The films of each class that the folds need: every inner fold gets at least one."""
        return -(-self.n_inner_folds * self.n_folds // (self.n_folds - 1))


RUN_PROFILES = {
    "smoke": RunProfile(
        n_films=120,
        n_text_films=24,
        n_text_chunks=4,
        n_folds=2,
        n_repeats=1,
        epochs=2,
        n_inner_folds=2,
    ),
    "cpu": RunProfile(
        n_films=None,
        n_text_films=None,
        n_text_chunks=None,
        n_folds=5,
        n_repeats=5,
        epochs=12,
        n_inner_folds=5,
    ),
    "full": RunProfile(
        n_films=None,
        n_text_films=None,
        n_text_chunks=None,
        n_folds=5,
        n_repeats=20,
        epochs=12,
        n_inner_folds=5,
    ),
}


@dataclass(frozen=True)
class ScreenplayData:
    """The films of a notebook with their features, and the folds of all models.

    `folds` are repeated random folds. `temporal_folds` has one split by year, once per repeat: the
    seed of a fold derives from its repeat.
    """

    corpus: Corpus
    dataset: FilmDataset
    folds: list[Fold]
    temporal_folds: list[Fold]
    profile: RunProfile
    profile_name: str
    seed: int

    @property
    def published_split(self) -> PublishedSplit:
        """The split that the films came with.

        Raises:
            DataError: they came with none, or one of its parts is empty or of one class.
        """
        if "split" not in self.corpus.films:
            raise DataError(
                f"{self.corpus.provenance.location} has no published split: films of the hub have "
                "one, films of a local file need a column `split` with train, validation and test"
            )
        return published_split(self.dataset.labels, self.corpus.films["split"])

    def folds_of(self, split: str) -> list[Fold]:
        """Return the folds of a split: all `random` ones, the first of them, or the temporal ones.

        `first_repeat` and `first_fold` are of `random`; `published` is the split of the films.
        """
        if split == "published":
            return [self.published_split.fold]
        first_repeat = [fold for fold in self.folds if fold.repeat == 0]
        return {
            "random": self.folds,
            "first_repeat": first_repeat,
            "first_fold": first_repeat[:1],
            "temporal": self.temporal_folds,
        }[split]


def open_screenplay_data(*, encode: bool = True) -> ScreenplayData:
    """Load the data with the parameters of the running notebook; see `load_screenplay_data`.

    Raises:
        RunError: no workspace is active.
    """
    workspace = current_workspace()
    known = inspect.signature(load_screenplay_data).parameters
    parameters = {k: v for k, v in workspace.parameters.items() if k in known}
    data = load_screenplay_data(**parameters, encode=encode)
    workspace.log_dataset(data.corpus.provenance.as_dict())
    return data


def load_screenplay_data(
    *,
    source: str = "bundled",
    path: str = "",
    target: str = "nominated_for_writing",
    fields: str = "script",
    scale: str = "cpu",
    seed: int = 0,
    first_test_year: int | None = None,
    chunk_length: int | None = None,
    encode: bool = True,
) -> ScreenplayData:
    """Load films with features and folds; near duplicates are kept on one side of each split.

    `fields` is the input (see `load_corpus`), `scale` one of `RUN_PROFILES`, `first_test_year` that
    of the temporal split (default: none), `chunk_length` the tokens per chunk: for other lengths
    than the bundled one, chunks are embedded again. Without `encode`, films with texts have no
    chunks, and need no encoder. What the folds need is checked before features are computed.

    Raises:
        DataError, BundleError, ParameterError: the films cannot be used; the message says why.
    """
    corpus = load_films(
        source=source,
        path=path,
        target=target,
        fields=fields,
        scale=scale,
        seed=seed,
        first_test_year=first_test_year,
    )
    features = (
        load_film_features(corpus, scale, chunk_length) if encode else load_word_features(corpus)
    )
    return screenplay_data(corpus, features, scale, seed, first_test_year)


def screenplay_data(
    corpus: Corpus,
    features: FilmFeatures,
    scale: str,
    seed: int,
    first_test_year: int | None = None,
) -> ScreenplayData:
    """Return films with features and the folds of a run profile; without a year no temporal ones.

    Raises:
        DataError: the films cannot be split.
    """
    profile = RUN_PROFILES[scale]
    dataset = FilmDataset(corpus.films, corpus.labels, features.groups, features)
    years = corpus.films["year"]
    check_folds(dataset.labels, dataset.groups, years, scale, first_test_year)
    folds = repeated_folds(
        dataset.labels,
        dataset.groups,
        n_folds=profile.n_folds,
        n_repeats=profile.n_repeats,
        seed=seed,
    )
    temporal_folds = []
    if first_test_year is not None:
        temporal = temporal_split(
            dataset.labels, dataset.groups, years, first_test_year=first_test_year
        )
        temporal_folds = [replace(temporal, repeat=repeat) for repeat in range(profile.n_repeats)]
    return ScreenplayData(corpus, dataset, folds, temporal_folds, profile, scale, seed)


def load_films(
    *,
    source: str,
    path: str,
    target: str,
    scale: str,
    seed: int,
    fields: str = "script",
    first_test_year: int | None = None,
) -> Corpus:
    """Return the films of a study, a sample of them with the run profile smoke.

    Raises:
        DataError, BundleError, ParameterError: the films cannot be used or are too few.
    """
    whole = load_corpus(source, path or None, target=target, fields=fields)
    corpus = sample_films(whole, scale, seed)
    check_folds(corpus.labels, corpus.groups, corpus.films["year"], scale, first_test_year)
    return corpus


def check_films(parameters: Mapping[str, Any]) -> None:
    """Check the films that the parameters of a notebook name, as `load_films` does."""
    known = inspect.signature(load_films).parameters
    load_films(**{name: value for name, value in parameters.items() if name in known})


def sample_films(corpus: Corpus, scale: str, seed: int) -> Corpus:
    """Return as many films of a corpus as a run profile has; see `RunProfile`."""
    profile = RUN_PROFILES[scale]
    if corpus.texts is None:
        n = profile.n_films
        return corpus.sample(n, seed=seed) if n and n < len(corpus) else corpus
    n = profile.n_text_films
    if not n or n >= len(corpus):
        return corpus
    return corpus.sample_by_year(n, n_min=2 * profile.min_class_films, seed=seed)


def check_folds(
    labels: ArrayLike,
    groups: ArrayLike,
    years: ArrayLike,
    scale: str,
    first_test_year: int | None = None,
) -> None:
    """Raise DataError when films are too few for the folds of a run profile.

    `labels` (n,) is 0/1, `groups` (n,) names a group per film, `years` (n,) are those of the
    temporal split, which is checked where there is a first test year.
    """
    labels, years = np.asarray(labels).astype(int), np.asarray(years)
    groups = np.asarray(groups, object).astype(str)
    profile = RUN_PROFILES[scale]
    sides = [("", np.full(len(labels), True), profile.min_class_films)]
    if first_test_year is not None:
        before = years < first_test_year
        after = ~before & ~np.isin(groups, groups[before])
        sides += [
            (f" from before {first_test_year}", before, profile.n_inner_folds),
            (f" from {first_test_year} on", after, 1),
        ]
    for which, side, needed in sides:
        for label in (0, 1):
            if (n := len(np.unique(groups[side & (labels == label)]))) < needed:
                hint = f" or set first_test_year (median year: {np.median(years):.0f})"
                raise DataError(
                    f"{n} film(s){which} have the label {label}, where near duplicates count once; "
                    f"scale {scale!r} needs at least {needed}: add films{hint if which else ''}"
                )


def load_film_features(corpus: Corpus, scale: str, chunk_length: int | None = None) -> FilmFeatures:
    """Return the features of a corpus with as many chunks as a run profile has.

    `chunk_length` is that of the bundled chunks by default.

    Raises:
        ParameterError: the bundled chunks have another length.
    """
    settings = FeatureConfig(max_chunks=RUN_PROFILES[scale].n_text_chunks)
    if chunk_length is not None:
        settings = replace(settings, chunk_length=chunk_length)
    features = load_features(corpus, settings)
    length = features.manifest["settings"]["chunk_length"]
    if chunk_length not in (None, length):
        raise ParameterError(
            f"the bundled chunks have {length} tokens, not {chunk_length}; other lengths need the "
            "texts (source 'local' with a path, or 'hub') and the encoder (`make encoder`)"
        )
    return features


def with_extra_training_films(data: ScreenplayData, first_test_year: int) -> ScreenplayData:
    """Return the data with the bundled films that are not core, in the training films of each fold.

    They are early drafts, transcripts and the like, which are never tested, but are in the inner
    folds, on which hyperparameters and thresholds are chosen. A film of which a near duplicate is
    tested is left out of that fold; the temporal split gets those from before `first_test_year`.
    """
    corpus = load_corpus("bundled", target=data.corpus.target, core_only=False)
    rows = {film_id: row for row, film_id in enumerate(corpus.film_ids)}
    own = np.array([rows[film_id] for film_id in data.corpus.film_ids])
    extra = np.flatnonzero(~corpus.films["core"].to_numpy())
    corpus = corpus.select(np.concatenate([own, extra]))
    features = load_film_features(corpus, data.profile_name)
    groups, years = features.groups, corpus.films["year"].to_numpy()
    added = np.arange(len(own), len(corpus))
    earlier = added[years[added] < first_test_year]
    return replace(
        data,
        corpus=corpus,
        dataset=FilmDataset(corpus.films, corpus.labels, groups, features),
        folds=[_with_training_films(fold, added, groups) for fold in data.folds],
        temporal_folds=[_with_training_films(f, earlier, groups) for f in data.temporal_folds],
    )


def _with_training_films(fold: Fold, added: IntArray, groups: NDArray[np.object_]) -> Fold:
    apart = ~np.isin(groups[added].astype(str), groups[fold.test].astype(str))
    return replace(fold, train=np.concatenate([fold.train, added[apart]]))
