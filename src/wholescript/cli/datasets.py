"""Commands on sets of labelled texts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from wholescript.cli.base import app, out

CLEANING_STEPS = {
    "encoding": "encoding repaired",
    "line_breaks": "HTML line breaks replaced",
    "lost_characters": "characters lost for good (U+FFFD)",
    "empty": "empty, dropped",
    "repeated": "repeated",
    "conflicting": "with more than one label",
    "in_test": "also in test, dropped",
    "in_validation": "also in validation, dropped",
    "beyond_limit": "beyond the limit",
}


@app.command()
def prepare(
    dataset: Annotated[
        str, typer.Argument(help="banking77, ag_news, imdb, yelp_polarity; a file; owner/name.")
    ],
    path: Annotated[
        Path | None, typer.Option(help="A local copy: a file, or a folder of train, test, ...")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default _build/labelled/NAME.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the set; default as the data.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Default: guessed.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Default: guessed.")] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="A further column to keep; may be repeated.")
    ] = None,
    validation_share: Annotated[float, typer.Option(help="Of train, if not published.")] = 0.1,
    test_share: Annotated[float, typer.Option(help="Of train, if not published.")] = 0.2,
    limit: Annotated[
        int | None, typer.Option(help="Texts of train to keep, drawn stratified.")
    ] = None,
    head: Annotated[
        int | None, typer.Option(help="First rows of train to use; refused if it is sorted.")
    ] = None,
    drop_conflicts: Annotated[
        bool, typer.Option("--drop-conflicts", help="Drop train texts that have several labels.")
    ] = False,
    holdout_block_size: Annotated[
        int,
        typer.Option(help="Rows that are drawn together, where neighbours are of one thing."),
    ] = 1,
    seed: Annotated[int, typer.Option(help="Of the draws and the order of train.")] = 0,
    subset: Annotated[str | None, typer.Option(help="Of a set of the hub that has some.")] = None,
    revision: Annotated[str | None, typer.Option(help="Of a set of the hub.")] = None,
    encoding: Annotated[str, typer.Option(help="Of local text files.")] = "utf-8",
) -> None:
    """Clean labelled texts, divide them into train, validation and test, and describe them."""
    from wholescript.data import labelled as labelled
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
        keep_columns=keep or (),
        drop_conflicts=drop_conflicts,
        holdout_block_size=holdout_block_size,
    )
    _print_summary(metadata)
    out.print(
        f"wrote {metadata['name']} ({len(metadata['classes'])} classes) to {folder}, "
        f"fingerprint {metadata['fingerprint'][:12]}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _print_summary(metadata: Mapping[str, Any]) -> None:
    splits = metadata["splits"]
    table = Table("", *splits)
    sizes = {name: list(facts.get("classes", {}).values()) for name, facts in splits.items()}
    words = [facts["words"] for facts in splits.values()]
    table.add_row("texts", *(f"{facts['count']:,}" for facts in splits.values()))
    table.add_row("a class", *(f"{min(n):,} to {max(n):,}" if n else "" for n in sizes.values()))
    table.add_row("words, median", *(f"{w['median']:g}" for w in words))
    table.add_row("words, 95%", *(f"{w['p95']:g}" for w in words))
    table.add_row("words, most", *(f"{w['max']:,}" for w in words))
    counts = [metadata["cleaning"].get(split, {}) for split in splits]
    table.add_section()
    table.add_row("read", *(f"{c['read']:,}" if c else "" for c in counts))
    for step, words_for in CLEANING_STEPS.items():
        if any(c.get(step) for c in counts):
            table.add_row(words_for, *(f"{c[step]:,}" if step in c else "" for c in counts))
    out.print(table)
