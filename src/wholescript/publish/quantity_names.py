"""Names of stored quantities in words, made of the display names of models and metrics."""

import re

from wholescript.experiments.display_names import MODEL_DISPLAY_NAMES
from wholescript.experiments.metrics import METRICS
from wholescript.experiments.registry import dataset_display_name

WORDS = {
    "auc": "AUROC",
    "adamw": "AdamW",
    "full backprop": "full backpropagation",
    "grad cache": "gradient caching",
}
"""Words in the names of metrics and runs, as they are displayed."""

LATER_FILMS = "-temporal"  # the end of the names of runs on the temporal split
_PHRASES = re.compile(rf"\b(?:{'|'.join(WORDS)})\b")
_RATIOS = re.compile(r"-?(?:over-[\w-]+|ratios)$")  # runs that have ratios of pairs of models


def quantity_name(reference: str) -> str:
    """Return a metric, `run:metric`, or a difference, `run - baseline:metric`, in words."""
    if " - " in reference:
        runs, _, metric = reference.rpartition(":")
        minus = " \N{MINUS SIGN} "
        return f"{_metric_name(metric)}: {minus.join(map(_run_name, runs.split(' - ')))}"
    run, *between, metric = reference.split(":")
    if "_over_" in metric:
        setting = _setting_name(run)
        pair = " / ".join(map(_words, metric.split("_over_")))
        return f"Ratio{f' ({setting})' if setting else ''}: {pair}"
    return f"{_metric_name(metric)}: {', '.join([_run_name(run), *map(_words, between)])}"


def _metric_name(metric: str) -> str:
    return METRICS[metric].display_name if metric in METRICS else _words(metric)


def _run_name(run: str) -> str:
    name = run.partition("/")[2]
    later = ", later films" if name.endswith(LATER_FILMS) else ""
    return _words(name.removesuffix(LATER_FILMS)) + later


def _setting_name(run: str) -> str:
    """Return on which data a run compares pairs of models, such as "AG News 50"."""
    data, _, rest = _RATIOS.sub("", run.partition("/")[2]).partition("-")
    return " ".join([dataset_display_name(data), *rest.split("-")]).strip()


def _words(name: str) -> str:
    """Return a name in words; the longest name of a model in it becomes its display name."""
    parts = name.split("-")
    spans = [
        (stop - start, start, stop)
        for start in range(len(parts))
        for stop in range(start + 1, len(parts) + 1)
        if "-".join(parts[start:stop]) in MODEL_DISPLAY_NAMES
    ]
    if spans:
        _, start, stop = max(spans)
        parts[start:stop] = [MODEL_DISPLAY_NAMES["-".join(parts[start:stop])]]
    return _PHRASES.sub(lambda found: WORDS[found[0]], " ".join(parts).replace("_", " "))
