"""Training time of the quick headline configuration relative to the baseline.

    python benchmarks/headline_configs.py headlines.parquet

Full trainings take an hour each, in which the speed of a machine may change. Here one run times
single epochs of both configurations alternately, on fewer headlines, and multiplies each by the
configuration's number of epochs: four for quick, seven for the baseline. Tokenizers are trained
before the clock starts.
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
from wholescript.experiments.environment import device_name
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.files import ROOT, write_atomic
from wholescript.studies.headlines.ablation import config_after_step
from wholescript.studies.headlines.train import train_headline_model

QUICK_OVERRIDES = {"n_layer": 4, "d_model": 384, "n_head": 6, "dropout": 0.1, "epochs": 4}
OUTPUT = ROOT / "benchmarks" / "results" / "headline_configs.json"


def main(
    path: Annotated[Path, typer.Argument(help="Table with a column `title`.")],
    n_headlines: Annotated[int, typer.Option(help="Number of headlines.")] = 20_000,
    rounds: Annotated[int, typer.Option(help="Rounds, alternating.")] = 2,
    output: Annotated[Path, typer.Option(help="JSON file to write.")] = OUTPUT,
) -> None:
    """Time epochs of both configurations; print and write the ratio of total training times."""
    data = load_headlines(path, n_headlines=n_headlines)
    train_configs = {
        "baseline": config_after_step("baseline")[0],
        "quick": config_after_step("more-dropout", overrides=QUICK_OVERRIDES)[0],
    }
    seconds: dict[str, list[float]] = {name: [] for name in train_configs}
    for name in tqdm(list(train_configs) * rounds, desc="epochs"):
        one_epoch = train_configs[name].override(epochs=1)
        fitted = train_headline_model(
            one_epoch, data.train, data.validation, seed=0, bfloat16=cpu_has_bfloat16()
        )
        seconds[name].append(round(float(fitted.history[0]["seconds"]), 3))
    epochs = {name: train_config.epochs for name, train_config in train_configs.items()}
    total = {name: median(times) * epochs[name] for name, times in seconds.items()}
    result = {
        "n_headlines": n_headlines,
        "epochs": epochs,
        "threads": torch.get_num_threads(),
        "device": device_name(),
        "seconds_per_epoch": seconds,
        "quick_over_baseline": round(total["quick"] / total["baseline"], 3),
    }
    write_atomic(output, json.dumps(result, indent=2) + "\n")
    Console().print(result)


if __name__ == "__main__":
    typer.run(main)
