"""Training time of the quick headline configuration relative to the baseline.

    python benchmarks/headline_configs.py headlines.parquet

Full trainings take an hour each, in which the speed of a machine may change. Here one run times
single epochs of both configurations alternately, on fewer headlines, and multiplies each by the
configuration's number of epochs: four for quick, seven for the baseline. The configurations are
those of the stored runs. Tokenizers are trained before the clock starts.
"""

from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated

import timing
from cyclopts import Parameter, run

from wholescript.data.headlines import Headlines, load_headlines
from wholescript.experiments.store import RunStore
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.files import ROOT
from wholescript.studies.headlines.analysis_runs import stored_train_config
from wholescript.studies.headlines.train import train_headline_model
from wholescript.studies.headlines.train_config import HeadlineTrainConfig

RUNS = {name: f"headlines/cpu-{name}-s1337" for name in ("baseline", "quick")}


def main(
    path: Annotated[Path, Parameter(help="Table with a column `title`.")],
    n_headlines: Annotated[int, Parameter(help="Number of headlines.")] = 20_000,
    rounds: timing.Rounds = 2,
    output: timing.Output = timing.RESULTS / "headline_configs.json",
) -> None:
    """Time epochs of both configurations; print and write the ratio of total training times."""
    data = load_headlines(path, n_headlines=n_headlines)
    train_configs = {}
    for name, run_name in RUNS.items():
        stored_run = RunStore(ROOT / "results").find(run_name)
        assert stored_run is not None
        train_configs[name] = stored_train_config(stored_run)

    timers = {name: partial(_seconds_per_epoch, each, data) for name, each in train_configs.items()}
    seconds = timing.time_alternately(timers, rounds, n_warmup_rounds=0)
    epochs = {name: train_config.epochs for name, train_config in train_configs.items()}
    total = {name: median(times) * epochs[name] for name, times in seconds.items()}
    result = {
        "n_headlines": n_headlines,
        "epochs": epochs,
        **timing.machine(),
        "seconds_per_epoch": seconds,
        "quick_over_baseline": round(total["quick"] / total["baseline"], 3),
    }
    timing.write_result(output, result)


def _seconds_per_epoch(train_config: HeadlineTrainConfig, data: Headlines) -> float:
    one_epoch = train_config.override(epochs=1)
    fitted = train_headline_model(
        one_epoch, data.train, data.validation, seed=0, bfloat16=cpu_has_bfloat16()
    )
    return float(fitted.history[0]["seconds"])


if __name__ == "__main__":
    run(main)
