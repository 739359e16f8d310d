"""Training of the published models that need texts: `wholescript train end-to-end`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from wholescript.data.films import Corpus, load_corpus
from wholescript.data.films.scripts import ScreenplayTexts
from wholescript.errors import DataError, ParameterError
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import current_workspace
from wholescript.studies.screenplays.data import load_screenplay_data
from wholescript.studies.screenplays.experiments import cross_validation_run
from wholescript.studies.screenplays.models.configurations import end_to_end_models

DISPLAY_CELL = {"notebook": "04_training", "cell": "04_training-fig-chunk-encoders-auc"}
"""The cell that shows these runs, recorded with them: links of their numbers lead there."""


def train_end_to_end(parquet: Path, names: Sequence[str] = ()) -> Iterator[Run]:
    """Train the models of `end_to_end_models` on the bundled films; yield each stored run.

    `parquet` holds the texts, in the columns of source `local`; they are matched by SHA-1 with the
    bundled films. `names` selects models. An interrupted training resumes from finished folds and
    from the checkpoint within a fold.

    Raises:
        ParameterError: there is no model of that name.
        DataError: the file lacks texts of bundled films.
    """
    models = {model.name: model for model in end_to_end_models().values()}
    if unknown := set(names) - set(models):
        raise ParameterError(f"{sorted(unknown)[0]!r} is none of {', '.join(models)}")
    data = load_screenplay_data()
    found = load_corpus("local", parquet, target=data.corpus.target, core_only=False)
    data = replace(
        data, corpus=replace(data.corpus, texts=match_texts(data.corpus, found, parquet))
    )
    for name in names or models:
        run = cross_validation_run(
            f"chunk-encoders/{name}", models[name], data, split="first_repeat"
        )
        facts = {"scale": data.profile_name, "seed": data.seed}
        yield current_workspace().store.annotate(run, DISPLAY_CELL | facts)


def match_texts(bundled: Corpus, found: Corpus, parquet: Path) -> ScreenplayTexts:
    """Return the texts of the bundled films, matched by SHA-1 with those in the file `parquet`.

    Raises:
        DataError: the file lacks texts of bundled films.
    """
    assert found.texts is not None
    film_of = dict(zip(found.films["text_sha1"], found.film_ids, strict=True))
    if missing := set(bundled.films["text_sha1"]) - film_of.keys():
        raise DataError(
            f"{parquet} lacks the text of {len(missing)} of {len(bundled)} bundled films, or has "
            "another draft of it"
        )
    film_ids = [film_of[sha1] for sha1 in bundled.films["text_sha1"]]
    raw = found.texts.raw
    rows = {film_id: row for row, film_id in enumerate(bundled.film_ids)}
    return ScreenplayTexts(rows, lambda row: raw(film_ids[row]))
