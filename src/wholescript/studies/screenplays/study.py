"""What the notebooks of the main study have in common: films, features, folds and scale."""

import inspect
from dataclasses import dataclass, replace

from wholescript.data.films import Corpus, Fold, load_corpus, repeated_folds, temporal_split
from wholescript.errors import ParameterError
from wholescript.experiments.workspace import current_workspace
from wholescript.features.build import load_features
from wholescript.features.bundle import FilmFeatures
from wholescript.features.extract import FeatureConfig
from wholescript.models.task import Task


@dataclass(frozen=True)
class RunProfile:
    """How much of everything: films (None for all), folds, repeats, and epochs at most."""

    films: int | None
    folds: int
    repeats: int
    epochs: int
    inner_folds: int


RUN_PROFILES = {
    "smoke": RunProfile(films=120, folds=2, repeats=1, epochs=2, inner_folds=2),
    "cpu": RunProfile(films=None, folds=5, repeats=5, epochs=12, inner_folds=5),
    "full": RunProfile(films=None, folds=5, repeats=20, epochs=12, inner_folds=5),
}


@dataclass(frozen=True)
class Study:
    """The films of a notebook with their features, and the folds that all its models share.

    `folds` are the repeated random folds; `temporal` trains before the boundary year and tests
    from it on, once a repeat, so that models that draw random numbers show their spread.
    """

    corpus: Corpus
    task: Task
    folds: list[Fold]
    temporal: list[Fold]
    scale: RunProfile
    profile: str
    seed: int

    def split(self, name: str) -> list[Fold]:
        """Return the folds of the split `random`, `once` (its first repeat) or `temporal`."""
        once = [fold for fold in self.folds if fold.repeat == 0]
        return {"random": self.folds, "once": once, "temporal": self.temporal}[name]


def open_study() -> Study:
    """Load the films that the parameters of the running notebook ask for; see `load_study`.

    Raises:
        RunError: no notebook has begun.
    """
    workspace = current_workspace()
    known = inspect.signature(load_study).parameters
    study = load_study(**{k: v for k, v in workspace.parameters.items() if k in known})
    workspace.log_dataset(study.corpus.provenance.as_dict())
    return study


def load_study(
    *,
    source: str = "bundled",
    path: str = "",
    target: str = "nominated_for_writing",
    scale: str = "cpu",
    seed: int = 0,
    first_test_year: int = 2010,
    chunk_length: int | None = None,
) -> Study:
    """Load films with their features and folds. Films are grouped with their near duplicates.

    `first_test_year` is the first test year of the temporal split, `chunk_length` the tokens a chunk:
    other lengths than that of the bundle are embedded again.

    Raises:
        DataError, BundleError, ParameterError: the films cannot be used; the message says why.
    """
    size = RUN_PROFILES[scale]
    corpus = load_corpus(source, path or None, target=target)
    if size.films and size.films < len(corpus):
        corpus = corpus.sample(size.films, seed=seed)
    features = _load_chunk_features(corpus, chunk_length)
    task = Task(corpus.films, corpus.labels, features.groups, features)
    folds = repeated_folds(
        task.labels, task.groups, n_folds=size.folds, n_repeats=size.repeats, seed=seed
    )
    temporal = temporal_split(
        task.labels, task.groups, corpus.films["year"], first_test_year=first_test_year
    )
    later = [replace(temporal, repeat=repeat) for repeat in range(size.repeats)]
    return Study(corpus, task, folds, later, size, scale, seed)


def _load_chunk_features(corpus: Corpus, chunk_length: int | None) -> FilmFeatures:
    """Return the features of a corpus with chunks of that length, by default as bundled."""
    if chunk_length is None:
        return load_features(corpus)
    features = load_features(corpus, FeatureConfig(chunk_length=chunk_length))
    if (length := features.manifest["settings"]["chunk_length"]) != chunk_length:
        raise ParameterError(
            f"the bundled chunks have {length} tokens, not {chunk_length}: other lengths need the "
            "texts (source 'local' with a path, or 'hub') and the encoder (`make encoder`)"
        )
    return features
