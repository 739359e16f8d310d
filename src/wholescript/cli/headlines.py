"""Commands of the headlines study: train an ablation step, and analyse a trained model."""

from pathlib import Path
from typing import Annotated

import typer

from wholescript.cli.base import app, out
from wholescript.cli.options import Store, open_workspace, print_epoch
from wholescript.cli.training import train

# The modules behind a command are imported when it runs: `--help` answers at once.

HeadlinesPath = Annotated[
    Path | None,
    typer.Option("--path", help="Table with a column `title`; default: the hub data set."),
]
NHeadlines = Annotated[
    int, typer.Option(help="Number of headlines; the last tenth is for validation.")
]
Revision = Annotated[
    str, typer.Option(help="Revision of the hub data set; give a commit for a fixed version.")
]


@train.command()
def headlines(
    step: Annotated[str, typer.Argument(help="Ablation step: baseline, adamw, rotary, ...")],
    path: HeadlinesPath = None,
    revision: Revision = "main",
    n_headlines: NHeadlines = 100_000,
    base_override: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE set on the baseline before the ablation steps; repeatable."),
    ] = None,
    override: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE set after the ablation steps; repeatable.")
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="Random seed; repeatable; default: 1337.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run; default: the step.")] = None,
    store: Store = None,
) -> None:
    """Train a headline language model: an ablation step with all kept steps before it."""
    from wholescript.data.headlines import load_headlines
    from wholescript.experiments.experiment import run as execute
    from wholescript.studies.headlines.ablation import config_after_step
    from wholescript.studies.headlines.experiment import HeadlineExperiment
    from wholescript.studies.headlines.train_config import parse_overrides

    base_overrides, overrides = (
        parse_overrides(base_override or []),
        parse_overrides(override or []),
    )
    train_config, eval_context = config_after_step(step, base_overrides, overrides)
    data = load_headlines(path, n_headlines=n_headlines, revision=revision)
    facts = {"ablation_step": step, "base_overrides": base_overrides, "overrides": overrides}
    for one_seed in seed or [1337]:
        experiment = HeadlineExperiment(name or step, train_config, eval_context, one_seed, facts)
        run = execute(experiment, data, open_workspace(store), on_epoch_end=print_epoch)
        bits_per_byte = run.metrics["bits_per_byte"]
        out.print(
            f"{run.name}: {bits_per_byte.value:.4f} bits per byte "
            f"({bits_per_byte.low:.4f} to {bits_per_byte.high:.4f}), "
            f"{run.metrics['train_seconds'].value:,.0f} s",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def analyze_headlines(
    run: Annotated[str, typer.Argument(help="A run of `train headlines`.")],
    path: HeadlinesPath = None,
    revision: Revision = "main",
    n_headlines: NHeadlines = 100_000,
    store: Store = None,
) -> None:
    """Store next-token predictions, losses and samples of a headline model, for a notebook."""
    from wholescript.data.headlines import load_headlines
    from wholescript.errors import RunError
    from wholescript.studies.headlines.analysis_runs import analyze_headline_run

    workspace = open_workspace(store)
    runs = workspace.store
    found = runs.find(run)
    if found is None:
        raise RunError(f"there is no run {run!r}; there are: {', '.join(runs.names()) or 'none'}")
    data = load_headlines(path, n_headlines=n_headlines, revision=revision)
    for analysis in analyze_headline_run(workspace, found, data):
        out.print(f"stored {analysis.name}", markup=False, highlight=False)
