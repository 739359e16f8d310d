"""Models of films: `load_films`, out-of-fold evaluation, prediction for new screenplays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.api.documents import metrics_table, open_workspace
from wholescript.api.estimators import OF_WORDS, film_estimator, run_label
from wholescript.api.saved import SavedModel, write_saved
from wholescript.data.characters import describe_repairs
from wholescript.data.films import Corpus, load_corpus
from wholescript.errors import BundleError, DataError, ParameterError, did_you_mean
from wholescript.experiments.experiment import run as execute
from wholescript.experiments.results import Metric
from wholescript.features.build import load_word_features
from wholescript.features.film_vectors import FilmVectors, load_film_vectors
from wholescript.features.word_counts import tokenize_words
from wholescript.files import looked_in
from wholescript.models.films.stacking import StackingEnsemble
from wholescript.prediction.fit import fit_described
from wholescript.prediction.parsers import FORMATS, Script, read_script
from wholescript.prediction.predict import predict
from wholescript.prediction.predictor import Predictor, load_predictor, save_predictor
from wholescript.prediction.tables import most_probable, predict_rows
from wholescript.settings import Seed, check
from wholescript.studies.screenplays.data import (
    RUN_PROFILES,
    RunProfile,
    ScreenplayData,
    load_film_features,
    sample_films,
    screenplay_data,
)
from wholescript.studies.screenplays.experiments import CrossValidation

PREDICTOR_FOLDER = "predictor"
FilmSplit = Literal["random", "published"]


@dataclass(frozen=True)
class Films:
    """Screenplays with labels, and the folds of the evaluation; features are made when needed.

    `split` is `random` or `published`; `vectors` are precomputed embeddings, if there are any.
    """

    name: str
    corpus: Corpus
    profile_name: str
    seed: int
    split: FilmSplit = "random"
    vectors: FilmVectors | None = None

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.corpus)

    def __repr__(self) -> str:
        """Return the numbers of films and of positive ones."""
        return f"<{self.name}: {len(self)} films, {self.corpus.labels.sum()} {self.corpus.target}>"

    @property
    def profile(self) -> RunProfile:
        """The size of the cross-validation."""
        return RUN_PROFILES[self.profile_name]

    @cached_property
    def words(self) -> ScreenplayData:
        """The films with the counts of their words, and with the vectors that they were given."""
        return self._data(replace(load_word_features(self.corpus), vectors=self.vectors))

    @cached_property
    def chunks(self) -> ScreenplayData:
        """The films with the embeddings of their chunks too, which the frozen encoder computes."""
        return self._data(load_film_features(self.corpus, self.profile_name))

    def _data(self, features: Any) -> ScreenplayData:
        return screenplay_data(self.corpus, features, self.profile_name, self.seed)


def load_films(
    source: str | Path,
    *,
    path: str | Path | None,
    target: str,
    scale: str,
    seed: int,
    fields: str,
    split: str,
    embeddings: Sequence[str | Path],
    embeddings_columns: Sequence[str],
    id_column: str | None,
    vector_column: str | None,
) -> Films:
    """Load films; see `wholescript.api.load_films`."""
    check("seed", seed, Seed)
    if scale not in RUN_PROFILES:
        raise ParameterError(f"scale={scale!r} is unknown{did_you_mean(scale, RUN_PROFILES)}")
    check("split", split, FilmSplit)
    if not embeddings and (unused := id_column or vector_column):
        raise ParameterError(
            f"the column {unused!r} is of a file of embeddings, and none is given: add the file "
            "(--embeddings), or leave the column out"
        )
    name, kind = str(source), str(source)
    if kind not in ("bundled", "hub"):
        if path is not None:
            raise ParameterError(f"path={str(path)!r} goes with source='hub', not with a file")
        name, kind, path = re.sub(r"[^\w-]+", "-", Path(source).stem), "local", source
        if not Path(source).exists():
            raise DataError(
                f"{source} is neither a file of films nor 'bundled' or 'hub'"
                f"{looked_in(Path(source))}"
            )
    corpus, vectors = load_corpus(kind, path, target=target, fields=fields), None
    if embeddings or embeddings_columns:
        vectors = load_film_vectors(
            corpus,
            [Path(file) for file in embeddings],
            embeddings_columns,
            id_column=id_column,
            vector_column=vector_column,
        )
    if split == "random":
        sampled = sample_films(corpus, scale, seed)
        if vectors is not None:
            vectors = vectors.select(np.flatnonzero(np.isin(corpus.film_ids, sampled.film_ids)))
        corpus = sampled
    parts = [name if kind == "local" else f"{name}-films"]
    parts += [fields] if fields != "script" else []
    parts += ["published-split"] if split == "published" else []
    parts += [scale] if scale != "cpu" else []
    parts += [f"s{seed}"] if seed else []
    return Films("-".join(parts), corpus, scale, seed, split, vectors)  # type: ignore[arg-type]


@dataclass(frozen=True)
class FilmModel:
    """A model of films: its metrics and, for `predict`, the model of all films.

    The metrics are out-of-fold ones, or those of the test films of the published split. `threshold`
    is the probability from which a film is predicted positive: that on which macro-F1 is highest on
    the validation films of the published split, or the mean of those of inner folds. `predictor` is
    None for a model that cannot predict.
    """

    name: str
    classes: list[str]
    metrics: dict[str, Metric]
    threshold: float
    predictor: Predictor | None

    def __repr__(self) -> str:
        """Return the name and the AUROC."""
        return f"<{self.name}: AUROC {self.metrics['auc'].value:.3f}>"

    def evaluate(self) -> pd.DataFrame:
        """Return the metrics: metric, value, and the 95% interval, low to high.

        >>> model.evaluate()  # doctest: +SKIP
        """
        return metrics_table(self.metrics)

    def predict_proba(self, scripts: Sequence[str | Path]) -> NDArray[np.float32]:
        """Return the probabilities (n, 2) of the classes; a script is its text or a file.

        >>> model.predict_proba([Path("film.pdf")])  # doctest: +SKIP

        Raises:
            ParameterError: the model cannot predict new films.
            DataError: a file cannot be read, or a text is empty.
        """
        if self.predictor is None:
            raise ParameterError(
                f"{self.name} has only an out-of-fold evaluation: the model of films that predicts "
                "new ones is tfidf-logistic"
            )
        if isinstance(scripts, str | Path):
            raise DataError("scripts is a single one: give a list with at least one")
        positive = [predict(_script(script), self.predictor).probability for script in scripts]
        return np.array([[1 - p, p] for p in positive], np.float32).reshape(-1, 2)

    def predict(
        self, scripts: Sequence[str | Path] | pd.DataFrame, text_column: str | None = None
    ) -> Any:
        """Return the class of each script; of a data frame its rows with `label`, `probability`.

        A film is positive from `threshold` on; `probability` is that of the label.

        Raises:
            ParameterError: the model cannot predict new films.
            DataError: a file cannot be read, or a text is empty.
        """
        if isinstance(scripts, pd.DataFrame):
            return predict_rows(self, scripts, text_column, threshold=self.threshold)
        chosen = most_probable(self.predict_proba(scripts), self.threshold)
        return [self.classes[number] for number in chosen]

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder.

        Raises:
            ParameterError: the model cannot predict, or the folder has other files.
        """
        import tempfile

        if self.predictor is None:
            raise ParameterError(f"{self.name} has only an out-of-fold evaluation: nothing to save")
        description = {
            "name": self.name,
            "classes": self.classes,
            "threshold": self.threshold,
            "metrics": {name: metric.as_dict() for name, metric in self.metrics.items()},
        }
        with tempfile.TemporaryDirectory() as temporary:
            save_predictor(self.predictor, Path(temporary))
            files = {path.name: path for path in sorted(Path(temporary).iterdir())}
            write_saved(Path(folder), "films", description, files)

    def export(self, folder: str | Path) -> None:
        """Raise ParameterError: no model of films is a model of transformers."""
        raise ParameterError(f"{self.name} cannot be exported to {folder}: `save` stores it")


def train_films(
    model: str,
    films: Films,
    name: str | None,
    store: str | Path | None,
    progress: bool,
    settings: Mapping[str, Any],
) -> FilmModel:
    """Cross-validate a model, and fit it on all films where it can predict; see `train`."""
    estimator = film_estimator(model, settings, films.profile)
    if films.vectors is None and model == "embeddings":
        raise ParameterError(
            "the model 'embeddings' needs films with precomputed ones: load_films(..., "
            "embeddings=FILE)"
        )
    predicts = model == "tfidf-logistic"
    data = films.words if model in OF_WORDS else films.chunks
    workspace = open_workspace(store)
    label = f"{films.name}/{name or run_label(model, settings)}"
    experiment = CrossValidation(label, estimator, films.split)
    made = execute(experiment, data, workspace, progress=progress)
    chosen = [row["threshold"] for row in made.config["chosen"]]
    predictor = None
    if predicts:
        assert isinstance(estimator, StackingEnsemble)
        folder = workspace.checkpoints(made.key) / PREDICTOR_FOLDER
        try:
            predictor = load_predictor(folder)
        except BundleError:  # it was not fitted yet, or is damaged
            member: Any = estimator.members[0]
            predictor = fit_described(films.corpus, data.dataset, seed=films.seed, model=member)
            save_predictor(predictor, folder)
            predictor = load_predictor(folder)
    target = films.corpus.target
    classes = [f"not_{target}", target]
    return FilmModel(label, classes, made.metrics, float(np.mean(chosen)), predictor)


def read_film_model(saved: SavedModel) -> FilmModel:
    """Return a model that `FilmModel.save` wrote.

    Raises:
        DataError: its description is damaged.
    """
    try:
        of = saved.description
        metrics = {name: Metric(**item) for name, item in of["metrics"].items()}
        predictor = load_predictor(saved.weights)
        return FilmModel(of["name"], list(of["classes"]), metrics, of["threshold"], predictor)
    except (KeyError, TypeError, BundleError) as problem:
        folder = saved.weights.parent
        raise DataError(f"{folder} is damaged ({problem}): save the model again") from None


def _script(script: str | Path) -> Script:
    """Return the script of a file, or of its text; a short line with a file's suffix is a file."""
    if isinstance(script, str) and ("\n" in script or Path(script).suffix.lower() not in FORMATS):
        cleaned = describe_repairs(script)
        if not tokenize_words(cleaned.text):
            raise DataError(f"a script is empty or without letters ({script[:40]!r}): leave it out")
        return Script(cleaned.text, tuple(map(str, cleaned.repairs)))
    return read_script(Path(script))
