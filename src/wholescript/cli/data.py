"""`wholescript data`: prepare labelled data sets, extract features, find label errors, generate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from wholescript.cli import data_films
from wholescript.cli.options import (
    Config,
    Data,
    Delimiter,
    Encoding,
    LabelColumn,
    OneSeed,
    Quotes,
    Store,
    Top,
    load_labelled,
    open_workspace,
)
from wholescript.cli.output import EN_DASH, echo, print_rows, print_table
from wholescript.data.datasets import DATASETS
from wholescript.errors import ParameterError
from wholescript.settings import PositiveInt, Seed, SplitShare

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
for _function in (
    data_films.features,
    data_films.proper_names,
    data_films.ngrams,
    data_films.language_model,
):
    group.command(_function)


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
