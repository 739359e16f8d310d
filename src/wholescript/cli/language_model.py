"""The command `wholescript data language-model`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wholescript.cli.options import FilmsPath, ScriptsSource
from wholescript.cli.output import echo
from wholescript.settings import PositiveInt


def language_model(
    *,
    path: FilmsPath = None,
    source: ScriptsSource = "local",
    model: Annotated[
        str, Parameter(help="Language model: smollm2, a folder, or a name on the hub.")
    ] = "smollm2",
    window: Annotated[PositiveInt, Parameter(help="Tokens of a window.")] = 512,
    rounds: Annotated[
        PositiveInt, Parameter(help="Rounds of four windows that are read of each script.")
    ] = 1,
    title_films: Annotated[
        PositiveInt, Parameter(help="Films of which the title is asked.")
    ] = 500,
    output: Annotated[
        Path | None, Parameter(help="Folder to write; default: that of the bundle.")
    ] = None,
) -> None:
    """Score the bundled core films by a language model; resumable, film by film.

    A round takes about two seconds for each film on two cores. More rounds add windows between
    those that are read; finished rounds are not repeated.

    Example: `wholescript data language-model --path films.parquet --rounds 2`
    """
    from wholescript.data.films import load_corpus
    from wholescript.features.build import BUNDLE_FOLDER
    from wholescript.features.lm_scores import LMScoringConfig, write_lm_scores
    from wholescript.files import check_output_folder, shown_path
    from wholescript.studies.screenplays.language_models.scoring import score_corpus

    if output:
        check_output_folder(output)
    folder = output or BUNDLE_FOLDER
    corpus = load_corpus(source, path, core_only=False)
    core = corpus.films["core"].to_numpy()
    scores = score_corpus(
        corpus.select(core.nonzero()[0]),
        LMScoringConfig(model, window),
        rounds,
        examples=corpus.select((~core).nonzero()[0]),
        n_title_films=title_films,
    )
    write_lm_scores(folder, scores.windows, scores.titles, scores.facts)
    echo(f"wrote the scores of {core.sum():,} films to {shown_path(folder)}")
