"""Training of the models that read texts, by a command, where the texts are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from wholescript.data.films import Corpus, load_corpus
from wholescript.errors import DataError, ParameterError
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import current_workspace
from wholescript.studies.screenplays.experiments import evaluate_run
from wholescript.studies.screenplays.models.end_to_end_variants import end_to_end_models
from wholescript.studies.screenplays.study import load_study

DISPLAY_CELL = {"notebook": "04_training", "cell": "04_training-fig-texts-auc"}
"""The cell that shows these runs: where their numbers lead, since none trains them."""


def train_end_to_end(parquet: Path, names: Sequence[str] = ()) -> Iterator[Run]:
    """Train the published text models on the bundled films, and yield each stored run.

    `parquet` holds the texts of those films, in the columns of source `local`; a text counts only
    where its SHA-1 is that of the bundle. Finished folds, and epochs within a fold, survive a kill.

    Raises:
        ParameterError: a name is none of the models'.
        DataError: the file lacks texts of bundled films.
    """
    models = {model.name: model for model in end_to_end_models().values()}
    if unknown := set(names) - set(models):
        raise ParameterError(f"{sorted(unknown)[0]!r} is none of {', '.join(models)}")
    study = load_study()
    found = load_corpus("local", parquet, target=study.corpus.target, core_only=False)
    _check_texts(study.corpus, found, parquet)
    for name in names or models:
        models[name].cache_texts(_texts(study.corpus, found), total=len(study.corpus))
        run = evaluate_run(f"texts/{name}", models[name], study, split="once")
        yield current_workspace().store.annotate(run, DISPLAY_CELL)


def _check_texts(bundled: Corpus, found: Corpus, parquet: Path) -> None:
    wanted, there = bundled.films["text_sha1"], found.films["text_sha1"]
    if missing := len(set(wanted) - set(there)):
        raise DataError(
            f"{parquet} lacks the text of {missing} of {len(wanted)} bundled films, or has "
            "another draft of it: the file that the features were made of has all"
        )


def _texts(bundled: Corpus, found: Corpus) -> Iterator[tuple[str, str]]:
    """Yield the hash and the text of each bundled film."""
    assert found.texts is not None
    film_of = dict(zip(found.films["text_sha1"], found.films["film_id"], strict=True))
    for sha1 in bundled.films["text_sha1"]:
        yield sha1, found.texts[film_of[sha1]]
