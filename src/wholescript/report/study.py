"""What the notebooks of the main study have in common: films, features, folds and scale."""

from dataclasses import dataclass, replace

from wholescript.data import Corpus, Fold, load_corpus, repeated_folds, temporal_split
from wholescript.errors import ParameterError
from wholescript.features.build import load_features
from wholescript.features.bundle import FilmFeatures
from wholescript.features.extract import FeatureSettings
from wholescript.models.task import Task
from wholescript.report.context import current_notebook


@dataclass(frozen=True)
class Scale:
    """How much of everything: films (None for all), folds, repeats, and epochs at most."""

    films: int | None
    folds: int
    repeats: int
    epochs: int
    inner_folds: int


SCALES = {
    "smoke": Scale(films=120, folds=2, repeats=1, epochs=2, inner_folds=2),
    "cpu": Scale(films=None, folds=5, repeats=5, epochs=12, inner_folds=5),
    "full": Scale(films=None, folds=5, repeats=20, epochs=12, inner_folds=5),
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
    scale: Scale
    scale_name: str
    seed: int

    def split(self, name: str) -> list[Fold]:
        """Return the folds of the split `random`, `once` (its first repeat) or `temporal`."""
        once = [fold for fold in self.folds if fold.repeat == 0]
        return {"random": self.folds, "once": once, "temporal": self.temporal}[name]


def open_study() -> Study:
    """Load what the parameters of the running notebook ask for.

    Reads the parameters `source`, `path`, `target`, `scale` and `seed`, and where there are such
    `boundary` (the first test year) and `chunk_length` (tokens a chunk; other lengths than that of
    the bundle are embedded anew). Films are grouped with their near duplicates.

    Raises:
        DataError, BundleError, ParameterError: the films cannot be used; the message says why.
        RunError: no notebook has begun.
    """
    notebook = current_notebook()
    parameters = notebook.parameters
    scale = SCALES[parameters["scale"]]
    seed = parameters["seed"]
    corpus = load_corpus(
        parameters["source"], parameters["path"] or None, target=parameters["target"]
    )
    if scale.films and scale.films < len(corpus):
        corpus = corpus.sample(scale.films, seed=seed)
    notebook.use(corpus)
    features = _features(corpus, parameters.get("chunk_length"))
    task = Task(corpus.films, corpus.labels, features.groups, features)
    folds = repeated_folds(
        task.labels, task.groups, n_folds=scale.folds, n_repeats=scale.repeats, seed=seed
    )
    temporal = temporal_split(
        task.labels,
        task.groups,
        corpus.films["year"],
        boundary=parameters.get("boundary", 2010),
    )
    return Study(
        corpus,
        task,
        folds,
        [replace(temporal, repeat=repeat) for repeat in range(scale.repeats)],
        scale,
        parameters["scale"],
        seed,
    )


def _features(corpus: Corpus, chunk_length: int | None) -> FilmFeatures:
    """Return the features of a corpus with chunks of that length, by default as bundled."""
    if chunk_length is None:
        return load_features(corpus)
    features = load_features(corpus, FeatureSettings(chunk_length=chunk_length))
    if (length := features.manifest["settings"]["chunk_length"]) != chunk_length:
        raise ParameterError(
            f"the bundled chunks have {length} tokens, not {chunk_length}: other lengths need the "
            "texts (source 'local' with a path, or 'hub') and the encoder (`make encoder`)"
        )
    return features
