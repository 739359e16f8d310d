"""How long the quick recipe of titles trains beside the baseline: epochs of both, in turns.

    python benchmarks/title_recipes.py titles.parquet

Whole trainings of an hour are of different hours, and a machine is not always as quick. Here each
trains an epoch of fewer titles in turns, in one run, and the ratio is of all epochs that its recipe
has: quick has four of them, the baseline seven. Tokenizers are trained before the clock starts.
"""

import json
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import typer
from rich.console import Console
from tqdm.auto import tqdm

from wholescript.data.headlines import load_headlines
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.files import ROOT, write_atomic
from wholescript.publish.notebook import device_name
from wholescript.studies.headlines.ablation import config_after_step
from wholescript.studies.headlines.train import train_headline_model

QUICK = {"layers": 4, "width": 384, "heads": 6, "dropout": 0.1, "epochs": 4}


def main(
    titles: Annotated[Path, typer.Argument(help="A table with a column `title`.")],
    number: Annotated[int, typer.Option("--titles", help="Of the table.")] = 20_000,
    rounds: Annotated[int, typer.Option(help="In turns.")] = 2,
    output: Annotated[Path, typer.Option()] = ROOT
    / "benchmarks"
    / "results"
    / "title_recipes.json",
) -> None:
    """Train an epoch by each in turns, print the ratio of their times, and write it as JSON."""
    found = load_headlines(titles, titles=number)
    recipes = {
        "baseline": config_after_step("baseline")[0],
        "quick": config_after_step("more-dropout", changes=QUICK)[0],
    }
    seconds: dict[str, list[float]] = {name: [] for name in recipes}
    for name in tqdm(list(recipes) * rounds, desc="epochs"):
        once = recipes[name].override(epochs=1)
        fitted = train_headline_model(
            once, found.train, found.validation, seed=0, bfloat16=cpu_has_bfloat16()
        )
        seconds[name].append(round(float(fitted.history[0]["seconds"]), 3))
    epochs = {name: recipe.epochs for name, recipe in recipes.items()}
    whole = {name: median(times) * epochs[name] for name, times in seconds.items()}
    result = {
        "titles": number,
        "epochs": epochs,
        "threads": torch.get_num_threads(),
        "device": device_name(),
        "seconds_per_epoch": seconds,
        "quick_over_baseline": round(whole["quick"] / whole["baseline"], 3),
    }
    write_atomic(output, json.dumps(result, indent=2) + "\n")
    Console().print(result)


if __name__ == "__main__":
    typer.run(main)
