"""`wholescript data`: prepare labelled data sets, extract features, find label errors, generate."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from wholescript.cli.options import (
    DEFAULT_TARGET,
    Config,
    Data,
    Delimiter,
    Encoding,
    FieldsOption,
    FilmsPath,
    LabelColumn,
    OneSeed,
    Quotes,
    RayAddress,
    ScriptsSource,
    Store,
    Top,
    Workers,
    load_labelled,
    open_workspace,
)
from wholescript.cli.output import EN_DASH, echo, print_rows, print_table
from wholescript.data.datasets import DATASETS
from wholescript.errors import DataError, ParameterError
from wholescript.settings import PositiveInt, Seed, SplitShare

if TYPE_CHECKING:
    from wholescript.data.films.scripts import ScreenplayTexts

CLEANING_STEPS = {
    "encoding": "characters repaired",
    "line_breaks": "HTML line breaks replaced",
    "lost_characters": "with replacement characters (U+FFFD)",
    "empty": "empty, dropped",
    "repeated": "duplicates",
    "conflicting": "with more than one label",
    "in_test": "also in test, dropped",
    "in_validation": "also in validation, dropped",
    "beyond_limit": "not sampled (--limit)",
}
"""Row labels by the counts of the metadata, in the order of the cleaning."""

group = App(name="data", help="Prepare labelled data sets, extract features, find label errors.")


@group.command
def prepare(
    dataset: Annotated[
        str,
        Parameter(help=f"{', '.join(DATASETS)}; a file or folder; or a hub name OWNER/NAME."),
    ],
    *,
    path: Annotated[
        Path | None,
        Parameter(help="Local copy: a file, or a folder with train, test, ... files."),
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(name=["--output", "-o"], help="Output folder; default: _build/labelled/NAME."),
    ] = None,
    name: Annotated[
        str | None, Parameter(help="Name of the data set; default: from the source.")
    ] = None,
    text_column: Annotated[
        str | None, Parameter(help="Column of the texts; default: inferred.")
    ] = None,
    label_column: Annotated[
        str | None, Parameter(help="Column of the labels; default: inferred.")
    ] = None,
    keep_column: Annotated[
        tuple[str, ...], Parameter(help="Additional label column to keep; repeatable.")
    ] = (),
    validation_share: Annotated[
        SplitShare,
        Parameter(help="Share of train for validation, if no validation split is published."),
    ] = 0.1,
    test_share: Annotated[
        SplitShare, Parameter(help="Share of train for test, if no test split is published.")
    ] = 0.2,
    limit: Annotated[
        PositiveInt | None,
        Parameter(help="Number of training texts, a stratified sample; default: all."),
    ] = None,
    head: Annotated[
        PositiveInt | None,
        Parameter(help="Use the first n rows of train; refused if they are sorted by label."),
    ] = None,
    drop_conflicts: Annotated[
        bool,
        Parameter(negative=(), help="Drop training texts that occur with several labels."),
    ] = False,
    holdout_block_size: Annotated[
        PositiveInt,
        Parameter(
            help="Hold out blocks of n consecutive rows, for data whose neighbouring rows are "
            "related, such as reviews of one film."
        ),
    ] = 1,
    near_duplicates: Annotated[
        Literal["together", "report", "ignore"] | None,
        Parameter(
            help="Near duplicates: keep them together when a split is drawn, only report those "
            "across splits, or ignore them; default: together, and report for registered data sets."
        ),
    ] = None,
    seed: Annotated[
        Seed, Parameter(help="Random seed of the splits, the sample and the order of train.")
    ] = 0,
    subset: Annotated[str | None, Parameter(help="Subset of a hub data set.")] = None,
    revision: Annotated[
        str | None,
        Parameter(help="Revision of a hub data set; default: the pinned one or main."),
    ] = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    quoting: Quotes = None,
    config: Config = None,
) -> None:
    """Clean a labelled data set, split it into train, validation and test, and summarise it.

    Example: `wholescript data prepare tickets.csv --text-column body`
    """
    from wholescript.data import labelled
    from wholescript.files import check_output_folder
    from wholescript.project import Project

    if output:
        check_output_folder(output)
        for one in (path, Path(dataset)):
            if one and one.is_dir() and one.resolve() == output.resolve():
                raise ParameterError(f"--output {output} is the folder of the source")
    source = labelled.load_source(
        dataset,
        path,
        name=name,
        subset=subset,
        revision=revision,
        encoding=encoding,
        delimiter=delimiter,
        quoting=quoting,
    )
    folder = output or Project().build / "labelled" / source.name
    check_output_folder(folder)
    before = labelled.check_no_other_dataset(folder, source)
    metadata = labelled.prepare(
        source,
        folder,
        seed=seed,
        validation_share=validation_share,
        test_share=test_share,
        limit=limit,
        head=head,
        text_column=text_column,
        label_column=label_column,
        keep_columns=keep_column,
        drop_conflicts=drop_conflicts,
        holdout_block_size=holdout_block_size,
        near_duplicates=near_duplicates,
    )
    _print_summary(metadata)
    for line in labelled.tell_preparation(metadata):
        echo(line)
    if before and before["fingerprint"] != metadata["fingerprint"]:
        n_texts = sum(facts["count"] for facts in before["splits"].values())
        echo(
            f"replaced the data set {before['name']} that was there "
            f"(fingerprint {before['fingerprint'][:12]}, {n_texts:,} texts)"
        )
    echo(
        f"wrote {metadata['name']} ({len(metadata['classes'])} classes) to {folder}, "
        f"fingerprint {metadata['fingerprint'][:12]}"
    )


def _print_summary(metadata: Mapping[str, Any]) -> None:
    splits = metadata["splits"]
    sizes = [list(facts.get("classes", {}).values()) for facts in splits.values()]
    words = [facts["words"] for facts in splits.values()]
    counts = [metadata["cleaning"].get(split, {}) for split in splits]
    rows = [
        ["texts", *(f"{facts['count']:,}" for facts in splits.values())],
        ["texts per class", *(f"{min(n):,} to {max(n):,}" if n else EN_DASH for n in sizes)],
        ["words per text, median", *(f"{w['median']:g}" for w in words)],
        ["words per text, 95th percentile", *(f"{w['p95']:g}" for w in words)],
        ["words per text, maximum", *(f"{w['max']:,}" for w in words)],
        ["read", *(f"{c['read']:,}" if c else EN_DASH for c in counts)],
    ]
    for step, label in CLEANING_STEPS.items():
        if any(c.get(step) for c in counts):
            rows.append([label, *(f"{c[step]:,}" if step in c else EN_DASH for c in counts)])
    print_rows(["", *splits], rows)


@group.command
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


@group.command
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


@group.command
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


def _texts(source: str, path: Path | None, *, core_only: bool) -> "ScreenplayTexts":
    """Return the texts of the films of a source; raise DataError where it has none."""
    from wholescript.data.films import load_corpus

    texts = load_corpus(source, path, core_only=core_only).texts
    if texts is None:
        raise DataError(
            "the bundled films have no texts: use --source local --path FILE, or --source hub"
        )
    return texts


@group.command
def label_errors(
    data: Data,
    *,
    label_column: LabelColumn = "label",
    seed: OneSeed = 0,
    top: Top = 20,
    output: Annotated[
        Path | None,
        Parameter(help="CSV file to write with all training texts, likeliest errors first."),
    ] = None,
    store: Store = None,
) -> None:
    """Rank training texts by label quality (confident learning) to find label errors.

    Example: `wholescript data label-errors questions --output label_errors.csv`
    """
    import pandas as pd

    from wholescript.experiments.experiment import run as execute
    from wholescript.files import check_output_file, write_atomic
    from wholescript.models.documents.sentence_embeddings import SentenceLinear
    from wholescript.studies.classifiers.label_errors import LabelErrors, load_ranking

    if output:
        check_output_file(output)
    dataset, workspace = load_labelled(data), open_workspace(store)
    # A stored run does not imply that its ranking is on this computer: always execute.
    found = execute(LabelErrors(SentenceLinear, label_column, seed), dataset, workspace, again=True)
    ranking = load_ranking(workspace, found)
    texts = [dataset.splits["train"].texts[row] for row in ranking["row"]]
    ranking = ranking.assign(text=texts)
    if output:
        write_atomic(output, ranking.to_csv(index=False, lineterminator="\n"))
    shown = ranking.head(top).drop(columns=["row", "flagged"])
    print_table(shown.assign(text=shown["text"].str.slice(0, 60)), "most likely label errors")
    metrics = {name: metric.value for name, metric in found.metrics.items()}
    table = pd.Series(metrics, name="value").rename_axis(found.name).reset_index()
    print_table(table, "metrics")


@group.command
def generate(
    run: Annotated[str, Parameter(help="Run of a class-conditional language model.")],
    *,
    data: Annotated[
        str | None,
        Parameter(help="Data set that the run was trained on; default: by its stored name."),
    ] = None,
    n_per_class: Annotated[PositiveInt, Parameter(help="Number of texts per class.")] = 500,
    temperature: Annotated[float, Parameter(help="Sampling temperature.")] = 1.0,
    top_p: Annotated[
        float, Parameter(help="Nucleus sampling: share of the probability to sample from.")
    ] = 0.95,
    max_tokens: Annotated[PositiveInt, Parameter(help="Maximum length of a text in tokens.")] = 400,
    min_words: Annotated[
        PositiveInt, Parameter(help="Minimum length in words; shorter texts are rejected.")
    ] = 20,
    seed: OneSeed = 0,
    store: Store = None,
) -> None:
    """Generate synthetic texts of each class; texts copied from real ones are rejected.

    Example: `wholescript data generate imdb/lm-tiny-s0 --n-per-class 100`
    """
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.studies.generative.settings import SamplingConfig
    from wholescript.studies.generative.synthetic_data import generate_synthetic

    sampling = SamplingConfig(temperature, top_p, max_tokens, min_words)
    workspace = open_workspace(store)
    ((found, *_),) = find_document_runs(workspace.store, [run]).values()
    dataset = load_labelled(data or found.config["dataset"])
    folder = generate_synthetic(
        workspace, found, dataset, n_per_class, sampling, seed=seed, progress=True
    )
    echo(f"wrote {folder}")
