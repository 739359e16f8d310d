"""`wholescript evaluate films` and `movie-o-label`: models of films on a split or on folds."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from wholescript.cli.options import (
    DEFAULT_TARGET,
    EmbeddingDevice,
    FieldsOption,
    FilmsPath,
    FilmsSource,
    OneSeed,
    Store,
    open_workspace,
)
from wholescript.cli.output import echo, print_rows, print_table
from wholescript.settings import NonNegativeInt, PositiveInt

Scale = Annotated[
    Literal["smoke", "cpu", "full"],
    Parameter(help="Random folds: smoke (2 folds of few films), cpu (5 x 5) or full (5 x 20)."),
]
MovieRevision = Annotated[
    str | None, Parameter(help="Revision of the data set on the hub; default: the pinned commit.")
]


def films(
    model: Annotated[
        str | None,
        Parameter(
            help="Model: tfidf-logistic, mean-pooling, gated-attention, ... (`ws.list_models()`); "
            "default: tfidf-logistic, or embeddings where these are given."
        ),
    ] = None,
    *,
    source: FilmsSource = "bundled",
    path: FilmsPath = None,
    fields: FieldsOption = "script",
    target: Annotated[str, Parameter(help="Label column.")] = DEFAULT_TARGET,
    split: Annotated[
        Literal["random", "published"],
        Parameter(
            help="Random folds, or the published split: the splits of the hub's data set, or a "
            "column `split` of a local file with train, validation and test."
        ),
    ] = "random",
    embeddings: Annotated[
        tuple[Path, ...],
        Parameter(
            help="File with precomputed embeddings, one vector a film: .npy or .safetensors with "
            "rows in the order of the films, or Parquet with ids; repeatable, side by side."
        ),
    ] = (),
    embeddings_column: Annotated[
        tuple[str, ...],
        Parameter(help="Column of the data set with a vector for each film; repeatable."),
    ] = (),
    id_column: Annotated[
        str | None,
        Parameter(
            help="Column with the ids in a Parquet file of embeddings; default: film_id, imdb_id "
            "or title."
        ),
    ] = None,
    vector_column: Annotated[
        str | None,
        Parameter(
            help="Column of the vectors there, or tensor of a .safetensors file; default: the only "
            "one."
        ),
    ] = None,
    scale: Scale = "cpu",
    seed: OneSeed = 0,
    name: Annotated[str | None, Parameter(help="Name of the run; default: the model.")] = None,
    store: Store = None,
) -> None:
    """Evaluate a model of films on random folds or on the published split.

    On the published split the model is fitted on train, the threshold chosen on
    validation, and all metrics are those of test.

    Example: `wholescript evaluate films --embeddings vectors.npy`
    """
    from wholescript.api.films import load_films, train_films
    from wholescript.errors import ParameterError

    has_embeddings = bool(embeddings or embeddings_column)
    chosen = model or ("embeddings" if has_embeddings else "tfidf-logistic")
    if has_embeddings and chosen != "embeddings":
        raise ParameterError(f"the model {chosen} reads no embeddings: leave one of them out")
    if source == "local" and path is None:
        raise ParameterError("--source local needs --path, a Parquet file of films")
    own: str | Path = path if source == "local" and path else source
    loaded = load_films(
        own,
        path=None if source == "local" else path,
        target=target,
        scale=scale,
        seed=seed,
        fields=fields,
        split=split,
        embeddings=embeddings,
        embeddings_columns=embeddings_column,
        id_column=id_column,
        vector_column=vector_column,
    )
    fitted = train_films(chosen, loaded, name, store, True, {})
    print_table(fitted.evaluate(), f"{fitted.name}: {_describe(loaded)}")
    if split == "published":
        _tell_leaked(loaded.words)


def _describe(loaded: Any) -> str:
    """Return on what films were evaluated."""
    if loaded.split == "random":
        profile = loaded.profile
        return f"{len(loaded):,} films, {profile.n_folds} folds, repeats: {profile.n_repeats}"
    return _sizes(loaded.words)


def _sizes(data: Any) -> str:
    split, labels = data.published_split, data.dataset.labels
    return (
        f"published split, {len(split.train):,} films for training, {len(split.validation):,} for "
        f"validation, {len(split.test):,} tested, {labels[split.test].mean():.1%} of these positive"
    )


def _tell_leaked(data: Any) -> None:
    """Print how many test films have a near duplicate on the other side of the split, if any."""
    from wholescript.studies.screenplays.published_split import n_seen_in_training

    split = data.published_split
    if n := n_seen_in_training(data.dataset.groups, split):
        echo(
            f"{n} of the {len(split.test)} test films have a near duplicate, such as a draft or "
            "sequel, in train or validation: the split is taken as it was published"
        )


def movie_o_label(
    *,
    path: Annotated[
        Path | None, Parameter(help="Folder with a local copy of the data set; default: the hub.")
    ] = None,
    revision: MovieRevision = None,
    fields: Annotated[
        Literal["script", "summary", "title", "all"],
        Parameter(
            help="Fields that are embedded, each on its own, with their vectors side by side."
        ),
    ] = "all",
    encoder: Annotated[
        str | None,
        Parameter(
            help="Encoder: name on the hub, or folder written by `save_pretrained`; default: "
            "intfloat/e5-base-v2."
        ),
    ] = None,
    encoder_revision: Annotated[
        str | None,
        Parameter(
            help="Revision of the encoder on the hub; default: for intfloat/e5-base-v2 a pinned "
            "commit, else its main branch. The commit is stored with the run."
        ),
    ] = None,
    prefix: Annotated[
        str,
        Parameter(
            help="Text before each chunk. E5 needs `query: ` where embeddings are features of a "
            "classifier, and `passage: ` for documents to be searched; most others need none."
        ),
    ] = "query: ",
    chunk_length: Annotated[
        PositiveInt, Parameter(help="Tokens of a chunk, at most those that the encoder takes.")
    ] = 512,
    chunk_overlap: Annotated[
        NonNegativeInt, Parameter(help="Tokens that consecutive chunks share.")
    ] = 64,
    max_chunks: Annotated[
        PositiveInt | None,
        Parameter(help="Embed only the first n chunks of each field, for a trial; default: all."),
    ] = None,
    device: EmbeddingDevice = None,
    seed: OneSeed = 0,
    name: Annotated[str, Parameter(help="Name of the run.")] = "e5-logistic",
    store: Store = None,
) -> None:
    """Evaluate E5 embeddings with logistic regression on Movie-O-Label.

    NEEDS A NETWORK: it loads the data set and the encoder from the Hugging Face
    Hub, about one gigabyte, unless both are folders (--path and --encoder).

    This is the model of the data set's paper (Gross, 2025). Script, summary and
    title are embedded; the model is fitted on the published train split, its
    threshold chosen on validation, and AUROC, average precision and macro-F1 on
    test are printed beside the published numbers.
    Embeddings are cached by film: the same command resumes. Whole scripts need a
    GPU; two cores need a day or more, or --max-chunks for a trial.

    Example: `wholescript evaluate movie-o-label --device cuda`
    """
    from wholescript.data.films import HUB_REVISION
    from wholescript.features.text_encoders import E5, E5_REVISION, TextEncoderConfig
    from wholescript.studies.screenplays.movie_o_label import (
        PUBLISHED,
        PUBLISHED_SOURCE,
        compare_with_published,
        load_movie_o_label,
        movie_o_label_run,
    )
    from wholescript.training.hardware import hardware, use_hardware

    profile = use_hardware(device) if device else hardware()
    pinned = E5_REVISION if encoder in (None, E5) else None
    config = TextEncoderConfig(
        encoder=encoder or E5,
        revision=encoder_revision or pinned,
        prefix=prefix,
        chunk_length=chunk_length,
        chunk_overlap=chunk_overlap,
        max_chunks=max_chunks,
    )
    data = load_movie_o_label(
        config,
        path=path,
        revision=revision or HUB_REVISION,
        fields=fields,
        seed=seed,
        device=profile.device,
    )
    run = movie_o_label_run(name, data, open_workspace(store))
    used = run.config["vectors"]
    echo(f"encoder {used['encoder']} at {used['revision']}, prefix {used['prefix']!r}")
    rows = compare_with_published(run.metrics)
    print_rows(["metric", "here", "95% interval", PUBLISHED_SOURCE], rows, _sizes(data))
    if fields != "all":
        echo(f"the published numbers are those of {PUBLISHED.fields}, not of the {fields} alone")
    _tell_leaked(data)
