"""Commands on language models of titles: train a step of the study, ask what it learned."""

from pathlib import Path
from typing import Annotated

import typer

from wholescript.cli.base import app, out
from wholescript.cli.options import Store, open_workspace, say_epoch
from wholescript.cli.training import train

# The modules behind a command are imported when it runs: `--help` answers at once.

Titles = Annotated[
    Path | None, typer.Option("--path", help="A table with a column `title`; default the hub.")
]
Number = Annotated[int, typer.Option("--titles", help="One in ten is held out.")]
Revision = Annotated[str, typer.Option(help="Of the hub: a commit, so that it stays the same.")]


@train.command()
def titles(
    step: Annotated[str, typer.Argument(help="Of the study: baseline, adamw, rotary, ...")],
    path: Titles = None,
    revision: Revision = "main",
    number: Number = 100_000,
    base: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE of the baseline, before the steps; may be repeated."),
    ] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE after the steps; may be repeated.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="May be repeated; default 1337.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the run; default the step.")] = None,
    store: Store = None,
) -> None:
    """Train a language model of titles: a step of the study, on all steps before it."""
    from wholescript.data.headlines import load_headlines
    from wholescript.experiments.experiment import run as execute
    from wholescript.studies.headlines.ablation import parsed, recipe_of
    from wholescript.studies.headlines.experiment import HeadlineExperiment

    before, after = parsed(base or []), parsed(change or [])
    recipe, reading = recipe_of(step, before, after)
    headlines = load_headlines(path, titles=number, revision=revision)
    for one in seed or [1337]:
        facts = {"step": step, "base": before, "set": after}
        experiment = HeadlineExperiment(name or step, recipe, reading, one, facts)
        run = execute(experiment, headlines, open_workspace(store), on_epoch=say_epoch)
        bits = run.metrics["bits_per_byte"]
        out.print(
            f"{run.name}: {bits.value:.4f} bits a byte ({bits.low:.4f} to {bits.high:.4f}), "
            f"{run.metrics['train_seconds'].value:,.0f} s",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@app.command("read-titles")
def read_titles(
    run: Annotated[str, typer.Argument(help="A run of `train titles`.")],
    path: Titles = None,
    revision: Revision = "main",
    number: Number = 100_000,
    store: Store = None,
) -> None:
    """Store what a model of titles expects, errs in and writes, for a notebook."""
    from wholescript.data.headlines import load_headlines
    from wholescript.errors import RunError
    from wholescript.studies.headlines.probe_runs import read_title_run

    workspace = open_workspace(store)
    runs = workspace.store
    found = runs.find(run)
    if found is None:
        raise RunError(f"there is no run {run!r}; there are: {', '.join(runs.names()) or 'none'}")
    headlines = load_headlines(path, titles=number, revision=revision)
    for kept in read_title_run(workspace, found, headlines):
        out.print(f"stored {kept.name}", markup=False, highlight=False)
