"""Commands on language models of titles: train a step of the study, ask what it learned."""

from pathlib import Path
from typing import Annotated

import typer

from wholescript.cli.base import app, out
from wholescript.cli.options import Store, open_workspace, print_epoch
from wholescript.cli.training import train

# The modules behind a command are imported when it runs: `--help` answers at once.

HeadlinesPath = Annotated[
    Path | None, typer.Option("--path", help="A table with a column `title`; default the hub.")
]
NHeadlines = Annotated[int, typer.Option("--titles", help="One in ten is held out.")]
Revision = Annotated[str, typer.Option(help="Of the hub: a commit, so that it stays the same.")]


@train.command()
def titles(
    step: Annotated[str, typer.Argument(help="Of the study: baseline, adamw, rotary, ...")],
    path: HeadlinesPath = None,
    revision: Revision = "main",
    number: NHeadlines = 100_000,
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
    from wholescript.studies.headlines.ablation import config_after_step, parse_overrides
    from wholescript.studies.headlines.experiment import HeadlineExperiment

    before, after = parse_overrides(base or []), parse_overrides(change or [])
    train_config, reading = config_after_step(step, before, after)
    headlines = load_headlines(path, titles=number, revision=revision)
    for one in seed or [1337]:
        facts = {"step": step, "base": before, "set": after}
        experiment = HeadlineExperiment(name or step, train_config, reading, one, facts)
        run = execute(experiment, headlines, open_workspace(store), on_epoch_end=print_epoch)
        bits = run.metrics["bits_per_byte"]
        out.print(
            f"{run.name}: {bits.value:.4f} bits a byte ({bits.low:.4f} to {bits.high:.4f}), "
            f"{run.metrics['train_seconds'].value:,.0f} s",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@app.command("read-titles")
def probe_headlines(
    run: Annotated[str, typer.Argument(help="A run of `train titles`.")],
    path: HeadlinesPath = None,
    revision: Revision = "main",
    number: NHeadlines = 100_000,
    store: Store = None,
) -> None:
    """Store what a model of titles expects, errs in and writes, for a notebook."""
    from wholescript.data.headlines import load_headlines
    from wholescript.errors import RunError
    from wholescript.studies.headlines.probe_runs import analyze_headline_run

    workspace = open_workspace(store)
    runs = workspace.store
    found = runs.find(run)
    if found is None:
        raise RunError(f"there is no run {run!r}; there are: {', '.join(runs.names()) or 'none'}")
    headlines = load_headlines(path, titles=number, revision=revision)
    for kept in analyze_headline_run(workspace, found, headlines):
        out.print(f"stored {kept.name}", markup=False, highlight=False)
