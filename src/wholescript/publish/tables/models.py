"""The table of models: checkpoint, parameters, optimisation, seeds, hardware and time."""

import re
from collections.abc import Mapping
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.registry import CHECKPOINTS, MODELS, dataset_display_name
from wholescript.experiments.results import Results
from wholescript.number_format import duration
from wholescript.publish.tables import nodes
from wholescript.publish.tables.nodes import Cell, Node
from wholescript.publish.tables.runs import TableRun, find_runs

DEFAULT_OPTIMIZER = "adamw"
"""The optimiser of `training.loop`, where the settings of a network name none."""
OPTIMIZERS = {"adamw": "AdamW", "sgd": "SGD", "muon": "Muon and AdamW"}
ENCODERS = {"partially_finetuned": "minilm"}
"""The checkpoint of a chunk encoder, by its name in settings."""
MODEL_METRICS = ("parameters", "auc")
"""Of the runs that a pattern matches, those with one of these are of models."""
THEN = ", then "  # between pretraining and training
HEADER = (
    "Model",
    "Checkpoint",
    "Parameters (trained)",
    "Optimiser, learning rate",
    "Batch",
    "Epochs",
    "Seeds",
    "Time",
    "Hardware",
)
RIGHT = ("Batch", "Epochs", "Seeds", "Time")
BLANK = {
    "Checkpoint": "none",
    "Parameters (trained)": "not counted",
    "Optimiser, learning rate": "fitted without epochs",
    "Batch": nodes.MERGED,
    "Epochs": nodes.MERGED,
    "Seeds": "not recorded",
    "Time": "not measured",
    "Hardware": "not recorded",
}
"""What a cell without a value says."""
STORED_LOGITS = "uses stored logits"
_CORES = re.compile(r"(.+), (\d+) cores")


def models_table(results: Results, runs: str) -> Node:
    """Return the table of the models of some runs, in their order.

    Columns that no run has a value for are left out. The time is that of training, the mean over
    seeds; for cross-validated runs that of all folds.

    Args:
        results: the stored results.
        runs: names or patterns of runs (`runs.find_runs`).

    Raises:
        RunError: a run does not exist, or no trained run belongs to a summary.
    """
    found = find_runs(results, runs, MODEL_METRICS)
    rows = [_row(results, run) for run in found]
    groups = [dataset_display_name(run.dataset) for run in found]
    return nodes.table(HEADER, rows, right=RIGHT, groups=groups, blank=BLANK)


def _row(results: Results, run: TableRun) -> list[Cell]:
    stored = results.metrics(run.name)
    if not run.trained:
        raise RunError(f"{run.name!r} is the summary of no trained run: it has no settings")

    def metric(name: str, formats: str) -> Cell:
        return nodes.result(results, f"{run.name}:{name}", formats) if name in stored else []

    time = metric("train_seconds", "time")
    if "members" in run.estimator:
        # Those of an ensemble of films were cached: its own time is not that of all of them.
        time = time or nodes.text(STORED_LOGITS)
    elif "wall_time_s" in run.config:
        time = nodes.of_run(run.name, duration(run.config["wall_time_s"]))
    return [
        nodes.text(run.model),
        _checkpoint(run),
        _parameters(results, run),
        nodes.joined(nodes.text(_optimizer(run)), nodes.fixed(_learning_rate(run)), by=", "),
        nodes.fixed(_batch_size(run)),
        nodes.fixed(_epochs(run)),
        metric("seeds", ".0f"),
        time,
        nodes.text(_hardware(run.config)),
    ]


def _parameters(results: Results, run: TableRun) -> Cell:
    """Return the number of parameters, and that of trained ones where it is another or known."""
    stored = results.metrics(run.name)
    if "parameters" not in stored:
        return []
    shown = nodes.result(results, f"{run.name}:parameters", "compact")
    if "trained_parameters" not in stored:
        return shown
    if stored["trained_parameters"] == stored["parameters"]:
        return nodes.joined(shown, nodes.text("(all)"))
    trained = nodes.result(results, f"{run.name}:trained_parameters", "compact")
    return nodes.joined(shown, nodes.text(" ("), trained, nodes.text(")"), by="")


def _checkpoint(run: TableRun) -> Cell:
    """Return what the weights start from, or of which checkpoint a model takes embeddings."""
    if "members" in run.estimator:
        return nodes.text("those of its members")
    settings = run.estimator
    layers = settings.get("n_layer") if "pretrained" in settings else None
    name = settings.get("pretrained") or ENCODERS.get(str(settings.get("encoder")))
    if isinstance(decoder := settings.get("decoder"), dict):
        name, layers = decoder["model"], decoder["n_layer"]
    info = MODELS.get(str(settings.get("model", "")))
    name = name or (info.checkpoint if info else "")
    if name in CHECKPOINTS:
        checkpoint = CHECKPOINTS[name]
        first = nodes.text(f", first {layers} layers") if layers else []
        return nodes.joined(nodes.link(checkpoint.display_name, checkpoint.url), first, by="")
    return nodes.text("none" if run.train_config else "")


def _optimizer(run: TableRun) -> str:
    if not run.train_config:
        return ""
    return OPTIMIZERS[run.train_config.get("optimizer", DEFAULT_OPTIMIZER)]


def _learning_rate(run: TableRun) -> str:
    """Return the peak learning rates: of both phases, or of Muon and AdamW."""
    rates = dict.fromkeys(f"{part['learning_rate']:g}" for part in _phases(run))
    shown = THEN.join(rates)
    if run.train_config.get("optimizer") == "muon":
        return f"{run.train_config['muon_lr']:g} and {shown}"
    return shown


def _batch_size(run: TableRun) -> str:
    size = run.estimator.get("batch_size") or run.train_config.get("batch_size")
    size = size or run.estimator.get("estimator", {}).get("batch_size")
    if not size or not run.train_config:
        return ""
    if run.estimator.get("finetune") is False:
        return "not stored"  # that of frozen vectors is not among the settings
    return f"{size * run.train_config.get('gradient_accumulation_steps', 1):,}"


def _epochs(run: TableRun) -> str:
    return THEN.join(str(part["epochs"]) for part in _phases(run))


def _phases(run: TableRun) -> list[Mapping[str, Any]]:
    """Return the settings of pretraining or of a warm start, if there is any, and of training."""
    first = run.estimator.get("pretrain") or run.estimator.get("warm_start_config")
    if nested := run.estimator.get("pretrain_config"):
        first = nested["train_config"]
    then = run.train_config if run.estimator.get("finetune", True) else None
    return [part for part in (first, then) if part]


def _hardware(config: Mapping[str, Any]) -> str:
    """Return the device; of a processor of which a run used fewer cores, how many of how many."""
    device, threads = str(config.get("device", "")), config.get("threads")
    if (match := _CORES.fullmatch(device)) and threads and threads < int(match[2]):
        return f"{match[1]}, {threads} of {match[2]} cores"
    return device
