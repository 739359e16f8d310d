"""The data that all notebooks on screenplays share: films, features, folds and run profile."""

import inspect
from dataclasses import dataclass, replace

from wholescript.data.films import Corpus, Fold, load_corpus, repeated_folds, temporal_split
from wholescript.errors import ParameterError
from wholescript.experiments.workspace import current_workspace
from wholescript.features.build import load_features
from wholescript.features.bundle import FilmFeatures
from wholescript.features.extract import FeatureConfig
from wholescript.models.films.task import Task


@dataclass(frozen=True)
class RunProfile:
    """The size of all experiments; `n_films` is None for all films, `epochs` the maximum."""

    n_films: int | None
    n_folds: int
    n_repeats: int
    epochs: int
    n_inner_folds: int


RUN_PROFILES = {
    "smoke": RunProfile(n_films=120, n_folds=2, n_repeats=1, epochs=2, n_inner_folds=2),
    "cpu": RunProfile(n_films=None, n_folds=5, n_repeats=5, epochs=12, n_inner_folds=5),
    "full": RunProfile(n_films=None, n_folds=5, n_repeats=20, epochs=12, n_inner_folds=5),
}


@dataclass(frozen=True)
class ScreenplayData:
    """The films of a notebook with their features, and the folds of all models.

    `folds` are repeated random folds. `temporal_folds` has one split by year, once per repeat: the
    seed of a fold derives from its repeat.
    """

    corpus: Corpus
    task: Task
    folds: list[Fold]
    temporal_folds: list[Fold]
    profile: RunProfile
    profile_name: str
    seed: int

    def folds_of(self, split: str) -> list[Fold]:
        """Return the folds of `random`, `first_repeat` (of `random`) or `temporal`."""
        first_repeat = [fold for fold in self.folds if fold.repeat == 0]
        return {
            "random": self.folds,
            "first_repeat": first_repeat,
            "temporal": self.temporal_folds,
        }[split]


def open_screenplay_data() -> ScreenplayData:
    """Load the data with the parameters of the running notebook; see `load_screenplay_data`.

    Raises:
        RunError: no workspace is active.
    """
    workspace = current_workspace()
    known = inspect.signature(load_screenplay_data).parameters
    data = load_screenplay_data(**{k: v for k, v in workspace.parameters.items() if k in known})
    workspace.log_dataset(data.corpus.provenance.as_dict())
    return data


def load_screenplay_data(
    *,
    source: str = "bundled",
    path: str = "",
    target: str = "nominated_for_writing",
    scale: str = "cpu",
    seed: int = 0,
    first_test_year: int = 2010,
    chunk_length: int | None = None,
) -> ScreenplayData:
    """Load films with features and folds; near duplicates are kept on one side of each split.

    `scale` is one of `RUN_PROFILES`, `first_test_year` that of the temporal split, `chunk_length`
    the tokens per chunk: for other lengths than the bundled one, chunks are embedded again.

    Raises:
        DataError, BundleError, ParameterError: the films cannot be used; the message says why.
    """
    corpus = load_films(source=source, path=path, target=target, scale=scale, seed=seed)
    features = _load_chunk_features(corpus, chunk_length)
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
    task = Task(corpus.films, corpus.labels, features.groups, features)
    folds = repeated_folds(
        task.labels, task.groups, n_folds=profile.n_folds, n_repeats=profile.n_repeats, seed=seed
    )
    temporal_folds = []
    if first_test_year is not None:
        temporal = temporal_split(
            task.labels, task.groups, corpus.films["year"], first_test_year=first_test_year
        )
        temporal_folds = [replace(temporal, repeat=repeat) for repeat in range(profile.n_repeats)]
    return ScreenplayData(corpus, task, folds, temporal_folds, profile, scale, seed)


def load_films(*, source: str, path: str, target: str, scale: str, seed: int) -> Corpus:
    """Return the films of a study, a sample of them with the run profile smoke."""
    corpus = load_corpus(source, path or None, target=target)
    n_films = RUN_PROFILES[scale].n_films
    return corpus.sample(n_films, seed=seed) if n_films and n_films < len(corpus) else corpus


def _load_chunk_features(corpus: Corpus, chunk_length: int | None) -> FilmFeatures:
    """Return the features of a corpus with chunks of that length; by default the bundled one."""
    if chunk_length is None:
        return load_features(corpus)
    features = load_features(corpus, FeatureConfig(chunk_length=chunk_length))
    if (length := features.manifest["settings"]["chunk_length"]) != chunk_length:
        raise ParameterError(
            f"the bundled chunks have {length} tokens, not {chunk_length}; other lengths need the "
            "texts (source 'local' with a path, or 'hub') and the encoder (`make encoder`)"
        )
    return features
