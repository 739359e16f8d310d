"""The commands of `wholescript data` on screenplays: features, names, n-grams, scores."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from wholescript.cli.options import (
    DEFAULT_TARGET,
    FieldsOption,
    FilmsPath,
    RayAddress,
    ScriptsSource,
    Workers,
)
from wholescript.cli.output import echo
from wholescript.errors import DataError, ParameterError
from wholescript.settings import PositiveInt

if TYPE_CHECKING:
    from wholescript.data.films.scripts import ScreenplayTexts


def features(
    *,
    path: FilmsPath = None,
    source: ScriptsSource = "local",
    fields: FieldsOption = "script",
    target: Annotated[
        str, Parameter(help="Label column; films without a value are left out.")
    ] = DEFAULT_TARGET,
    output: Annotated[
        Path | None,
        Parameter(help="Folder to write the feature bundle to; default: only fill the cache."),
    ] = None,
    core_only: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Use only films whose script is a whole, properly typed draft (column `core`).",
        ),
    ] = False,
    n_layer: Annotated[
        PositiveInt, Parameter(help="Number of encoder layers, the first n of 6.")
    ] = 3,
    chunk_length: Annotated[PositiveInt, Parameter(help="Tokens per chunk.")] = 254,
    chunk_overlap: Annotated[int, Parameter(help="Tokens that consecutive chunks share.")] = 0,
    engine: Annotated[
        Literal["auto", "torch", "openvino"],
        Parameter(help="Inference engine; auto: OpenVINO if it is installed."),
    ] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Parameter(help="Data type; auto: bfloat16 if the hardware is fast at it."),
    ] = "auto",
    executor: Annotated[
        Literal["local", "ray"], Parameter(help="Local processes or a Ray cluster.")
    ] = "local",
    address: RayAddress = None,
    workers: Workers = None,
) -> None:
    """Extract word counts, token counts and chunk embeddings of all screenplays; resumable.

    Example: `wholescript data features --path films.parquet --output features`
    """
    from wholescript.data.films import load_corpus
    from wholescript.features.build import build_features, load_features
    from wholescript.features.extract import FeatureConfig
    from wholescript.files import check_output_folder

    if output:
        check_output_folder(output)
    config = FeatureConfig(
        n_layer=n_layer,
        chunk_length=chunk_length,
        chunk_overlap=chunk_overlap,
        engine=engine,
        precision=precision,
    )
    extract = _extraction(executor, address, workers)
    corpus = load_corpus(source, path, target=target, core_only=core_only, fields=fields)
    if output is None:
        load_features(corpus, config, extract=extract)
        echo(f"cached the features of {len(corpus)} films")
    else:
        error = build_features(corpus, output, config, extract=extract)
        echo(f"wrote the features of {len(corpus)} films to {output}; {error}")


def _extraction(executor: str, address: str | None, workers: int | None) -> Any:
    if executor == "ray":
        from wholescript.features.extract_ray import extract_records_on_ray

        return partial(extract_records_on_ray, address=address, workers=workers)
    from wholescript.features.extract import extract_records

    if address:
        raise ParameterError(f"--address {address} needs --executor ray")
    return partial(extract_records, workers=workers)


def proper_names(*, path: FilmsPath = None, source: ScriptsSource = "local") -> None:
    """Detect proper names in the bundled vocabulary; write data/screenplays/names.txt.

    Example: `wholescript data proper-names --path films.parquet`
    """
    from wholescript.features.build import BUNDLE_FOLDER
    from wholescript.features.bundle import read_bundle
    from wholescript.features.proper_names import NAMES_FILE, write_proper_names
    from wholescript.files import shown_path

    texts = _texts(source, path, core_only=True)
    found = write_proper_names(texts.values(), read_bundle(BUNDLE_FOLDER).word_counts.vocabulary)
    echo(f"wrote {found:,} names to {shown_path(NAMES_FILE)}")


def ngrams(*, path: FilmsPath = None, source: ScriptsSource = "local") -> None:
    """Compute the kernels of n-grams of the bundled films; write data/screenplays/ngrams.bin.

    Example: `wholescript data ngrams --path films.parquet`
    """
    from tqdm import tqdm

    from wholescript.features.build import BUNDLE_FOLDER
    from wholescript.features.bundle import NGRAMS, read_bundle, replace_ngrams
    from wholescript.features.ngram_kernels import ngram_kernels
    from wholescript.files import shown_path

    texts, film_ids = _texts(source, path, core_only=False), read_bundle(BUNDLE_FOLDER).film_ids
    if missing := [film_id for film_id in film_ids if film_id not in texts]:
        raise DataError(f"{len(missing)} bundled films have no text there, {missing[0]!r} first")
    texts = texts.select(film_ids)
    replace_ngrams(BUNDLE_FOLDER, ngram_kernels(tqdm(texts.values(), "n-grams", unit="film")))
    echo(f"wrote the kernels of {len(texts):,} films to {shown_path(BUNDLE_FOLDER / NGRAMS)}")


def language_model(
    *,
    path: FilmsPath = None,
    source: ScriptsSource = "local",
    model: Annotated[
        str, Parameter(help="Language model: smollm2, a folder, or a name on the hub.")
    ] = "smollm2",
    window: Annotated[PositiveInt, Parameter(help="Tokens of a window.")] = 512,
    rounds: Annotated[
        PositiveInt, Parameter(help="Rounds of two windows that are read of each script, in all.")
    ] = 1,
    films: Annotated[
        PositiveInt | None, Parameter(help="Number of films, drawn at random; default: all.")
    ] = None,
    title_films: Annotated[PositiveInt, Parameter(help="Films of which the title is asked.")] = 200,
    output: Annotated[
        Path | None, Parameter(help="Folder to write; default: that of the bundle.")
    ] = None,
) -> None:
    """Score scripts by a language model: films with core=True; resumable, film by film.

    Four films with core=False are shown as examples. Without --output, the bundled scores are
    replaced; they were made with `--films 500 --title-films 100`. A round takes about five seconds
    a film on one core. More rounds add windows between those that are read.

    Example: `wholescript data language-model --path films.parquet --output scores`
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
    tested = corpus.select(core)
    if films and films < len(tested):
        tested = tested.sample(films, seed=0)
    scores = score_corpus(
        tested,
        LMScoringConfig(model, window),
        rounds,
        examples=corpus.select(~core),
        n_title_films=title_films,
    )
    write_lm_scores(folder, scores.windows, scores.titles, scores.facts)
    echo(f"wrote the scores of {len(tested):,} films to {shown_path(folder)}")


def _texts(source: str, path: Path | None, *, core_only: bool) -> "ScreenplayTexts":
    """Return the texts of the films of a source; raise DataError where it has none."""
    from wholescript.data.films import load_corpus

    texts = load_corpus(source, path, core_only=core_only).texts
    if texts is None:
        raise DataError(
            "the bundled films have no texts: use --source local --path FILE, or --source hub"
        )
    return texts
