"""Training of the published models that need texts: `wholescript train end-to-end`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from wholescript.data.films import Corpus, load_corpus
from wholescript.data.films.scripts import ScreenplayTexts
from wholescript.errors import DataError, ParameterError
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import current_workspace
from wholescript.studies.screenplays.data import load_screenplay_data
from wholescript.studies.screenplays.experiments import cross_validation_run
from wholescript.studies.screenplays.models.configurations import (
    ScriptEstimator,
    end_to_end_models,
)
from wholescript.studies.screenplays.models.finetuning_configurations import finetuning_models
from wholescript.studies.screenplays.models.long_context_configurations import (
    long_context_encoders,
    pretrained_model,
)


class Group(NamedTuple):
    """Models whose runs are `<name>/<model>`: their split, and the cell that shows them."""

    name: str
    models: Callable[[], Mapping[str, ScriptEstimator]]
    split: str
    cell: str


NOTEBOOK = "04_training"
CHUNK_ENCODERS = Group(
    "chunk-encoders", end_to_end_models, "first_repeat", "04_training-fig-chunk-encoders-auc"
)
FINETUNING = Group(
    "chunk-encoders", finetuning_models, "first_repeat", "04_training-tbl-finetuning"
)
LONG_CONTEXT = Group(
    "long-context", long_context_encoders, "first_fold", "04_training-tbl-long-context-texts"
)
GROUPS = (CHUNK_ENCODERS, FINETUNING, LONG_CONTEXT)
"""Links of the numbers of these runs lead to their cell."""


def train_end_to_end(
    parquet: Path, names: Sequence[str] = (), pretrained: Sequence[str] = ()
) -> Iterator[Run]:
    """Train the models that need texts on the bundled films; yield each stored run.

    `parquet` holds the texts, in the columns of source `local`; they are matched by SHA-1 with the
    bundled films. `names` selects models of `GROUPS`, `pretrained` adds models of transformers, by
    their names on the hub or folders; with neither, all of the first are trained. An interrupted
    training resumes from finished folds and from the checkpoint within a fold.

    Raises:
        ParameterError: there is no model of that name.
        DataError: the file lacks texts of bundled films.
    """
    models = {model.name: (group, model) for group in GROUPS for model in group.models().values()}
    if unknown := set(names) - set(models):
        raise ParameterError(f"{sorted(unknown)[0]!r} is none of {', '.join(models)}")
    chosen = [models[name] for name in (names or (() if pretrained else models))]
    chosen += [(LONG_CONTEXT, pretrained_model(name)) for name in pretrained]
    data = load_screenplay_data()
    texts = load_corpus("local", parquet, target=data.corpus.target, core_only=False)
    data = replace(
        data, corpus=replace(data.corpus, texts=match_texts(data.corpus, texts, parquet))
    )
    for group, model in chosen:
        run = cross_validation_run(f"{group.name}/{model.name}", model, data, split=group.split)
        shown = {"notebook": NOTEBOOK, "cell": group.cell}
        facts = {"scale": data.profile_name, "seed": data.seed}
        yield current_workspace().store.annotate(run, shown | facts)


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
