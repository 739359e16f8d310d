"""The command that prepares labelled data sets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from wholescript.cli.base import app, echo, out
from wholescript.data.datasets import DATASETS

CLEANING_STEPS = {
    "encoding": "encoding repaired",
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


@app.command()
def prepare(
    dataset: Annotated[
        str,
        typer.Argument(help=f"{', '.join(DATASETS)}; a file or folder; or a hub name OWNER/NAME."),
    ],
    path: Annotated[
        Path | None,
        typer.Option(help="Local copy: a file, or a folder with train, test, ... files."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Output folder; default: _build/labelled/NAME."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the data set; default: from the source.")
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(help="Column of the texts; default: inferred.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column of the labels; default: inferred.")
    ] = None,
    keep_column: Annotated[
        list[str] | None, typer.Option(help="Additional label column to keep; repeatable.")
    ] = None,
    validation_share: Annotated[
        float,
        typer.Option(help="Share of train for validation, if no validation split is published."),
    ] = 0.1,
    test_share: Annotated[
        float, typer.Option(help="Share of train for test, if no test split is published.")
    ] = 0.2,
    limit: Annotated[
        int | None,
        typer.Option(help="Number of training texts, a stratified sample; default: all."),
    ] = None,
    head: Annotated[
        int | None,
        typer.Option(help="Use the first n rows of train; refused if they are sorted by label."),
    ] = None,
    drop_conflicts: Annotated[
        bool,
        typer.Option(
            "--drop-conflicts", help="Drop training texts that occur with several labels."
        ),
    ] = False,
    holdout_block_size: Annotated[
        int,
        typer.Option(
            help="Hold out blocks of n consecutive rows, for data whose neighbouring rows are "
            "related, such as reviews of one film."
        ),
    ] = 1,
    seed: Annotated[
        int, typer.Option(help="Random seed of the splits, the sample and the order of train.")
    ] = 0,
    subset: Annotated[str | None, typer.Option(help="Subset of a hub data set.")] = None,
    revision: Annotated[
        str | None,
        typer.Option(help="Revision of a hub data set; default: the pinned one or main."),
    ] = None,
    encoding: Annotated[
        str, typer.Option(help="Character encoding of local text files.")
    ] = "utf-8",
) -> None:
    """Clean a labelled data set, split it into train, validation and test, and summarise it."""
    from wholescript.data import labelled
    from wholescript.project import Project

    source = labelled.load_source(
        dataset, path, name=name, subset=subset, revision=revision, encoding=encoding
    )
    folder = output or Project().build / "labelled" / source.name
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
        keep_columns=keep_column or (),
        drop_conflicts=drop_conflicts,
        holdout_block_size=holdout_block_size,
    )
    _print_summary(metadata)
    echo(
        f"wrote {metadata['name']} ({len(metadata['classes'])} classes) to {folder}, "
        f"fingerprint {metadata['fingerprint'][:12]}"
    )


def _print_summary(metadata: Mapping[str, Any]) -> None:
    splits = metadata["splits"]
    table = Table("", *splits)
    sizes = {name: list(facts.get("classes", {}).values()) for name, facts in splits.items()}
    words = [facts["words"] for facts in splits.values()]
    table.add_row("texts", *(f"{facts['count']:,}" for facts in splits.values()))
    table.add_row(
        "texts per class", *(f"{min(n):,} to {max(n):,}" if n else "" for n in sizes.values())
    )
    table.add_row("words per text, median", *(f"{w['median']:g}" for w in words))
    table.add_row("words per text, 95th percentile", *(f"{w['p95']:g}" for w in words))
    table.add_row("words per text, maximum", *(f"{w['max']:,}" for w in words))
    counts = [metadata["cleaning"].get(split, {}) for split in splits]
    table.add_section()
    table.add_row("read", *(f"{c['read']:,}" if c else "" for c in counts))
    for step, label in CLEANING_STEPS.items():
        if any(c.get(step) for c in counts):
            table.add_row(label, *(f"{c[step]:,}" if step in c else "" for c in counts))
    out.print(table)
