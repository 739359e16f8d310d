"""Names of stored quantities in words, made of the display names of models and metrics.

A quantity without a name of its own is named by its metric and its run, or by the two models of a
ratio. What a template has in braces is a group of its pattern: `model` becomes a display name.
"""

import re
from collections.abc import Mapping

from wholescript.experiments.display_names import MODEL_DISPLAY_NAMES
from wholescript.experiments.metrics import METRICS
from wholescript.experiments.registry import DATASETS, dataset_display_name

WORDS = {
    "auc": "AUROC",
    "adamw": "AdamW",
    "full backprop": "full backpropagation",
    "grad cache": "gradient caching",
}
"""Words in the names of metrics and runs, as they are displayed."""

MINUS = "\N{MINUS SIGN}"
_TFIDF = MODEL_DISPLAY_NAMES["tfidf-logistic"]
_MEAN = MODEL_DISPLAY_NAMES["mean-pooling"]

QUANTITIES = {
    "evaluation/later-films:auc_temporal_minus_random": (
        f"AUROC on the films of the temporal split, {_TFIDF}: trained on earlier films only "
        f"{MINUS} on random folds"
    ),
    r"interpretation/strata:(?P<model>.+)-by-(?P<stratum>topic|decade):auc_change": (
        "change of AUROC if only films of one {stratum} are compared: {model}"
    ),
    r"interpretation/strata:(?P<model>.+)-by-(?P<stratum>topic|decade):within_stratum_auc": (
        "AUROC among films of one {stratum}: {model}"
    ),
    "interpretation/keyness:(?P<model>.+):effect_spread_ratio": (
        "standard deviation of the effects of words, predicted / true classes: {model}"
    ),
    "interpretation/occlusion-by-part:last-fifth-of-(?P<model>.+):class_difference": (
        "class difference of the last fifth in SD of the logit, 0 if no more predictive than the "
        "rest: {model}"
    ),
    "interpretation/occlusion-by-part:attention-of-(?P<model>.+):rank_correlation": (
        "rank correlation of attention and occlusion: {model}"
    ),
    r"interpretation/quarters:without-quarter-(?P<n>\d):auc_change": (
        f"change of AUROC if quarter {{n}} of the script is left out: {_TFIDF}"
    ),
    "memory/gradient-error:(?P<model>.+)": "relative error of the gradient: {model}",
    "memory/strategy-comparison:grad_cache_memory_per_chunk_over_full_backprop": (
        "memory of a further chunk: gradient caching / full backpropagation"
    ),
    "memory/strategy-comparison:full_backprop_memory_over_grad_cache": (
        "memory at 418 chunks: full backpropagation / gradient caching"
    ),
    r"generative/synthetic-(?P<model>.+):error_ratio_(?P<n>\d+)": (
        "error-rate ratio on IMDB, {n} synthetic reviews added / none: {model}"
    ),
    "headlines/batch-sizes:nats_per_character_relative_range": (
        "relative range of the task's metric over the sizes of batches: one checkpoint"
    ),
    "headlines/batch-sizes:bits_per_byte_relative_range": (
        "relative range of bits per byte over the sizes of batches: one checkpoint"
    ),
    "headlines/ablation-(?P<model>.+):bits_per_byte_change": (
        "change in bits per byte, small configuration: {model}"
    ),
    "headlines/after-adamw:bits_per_byte_change": (
        "change in bits per byte, small configuration: all kept steps after AdamW"
    ),
    "headlines/tuning-(?P<model>.+):bits_per_byte_change": (
        "change in bits per byte, baseline's size: {model}"
    ),
    "headlines/best-ratios:best_over_baseline": "bits per byte: best model / baseline",
    "headlines/cpu-ratios:quick_over_baseline": (
        "bits per byte, two cores: quick configuration / baseline"
    ),
    "headlines/cpu-train-time:quick_over_baseline": (
        "training time, two cores: quick configuration / baseline"
    ),
    "headlines/cpu-seconds-per-epoch:quick_over_baseline": (
        "training time by epochs timed in turns: quick configuration / baseline"
    ),
}
"""Names of quantities by a pattern of their reference, `run:metric`."""

RUNS = {
    r"evaluation/quarter-(?P<n>\d)": f"{_TFIDF} on one quarter of the script ({{n}} of 4)",
    "evaluation/window-0": f"{_MEAN} of the first four chunks",
    "evaluation/window-100": f"{_MEAN} of the last four chunks",
    r"evaluation/window-(?P<n>\d+)": f"{_MEAN} of four chunks at {{n}}% of the script",
    "evaluation/control-shuffled-labels": f"{_TFIDF}, training labels shuffled",
    "evaluation/control-(?P<model>.+)": "{model}",
    "encoder/label-sorted": "encoder trained on rows of one class",
    "generative/published": "one GPT-2 per class, as published",
    r".+/(?P<model>.+)-more-films": "{model}, more training films",
    "wins/(?P<model>tfidf-logistic|gated-attention)": "{model}, trained on wins",
    "chunk-encoders/(?P<model>scratch-.+)": "chunk encoder {model}",
    "imbalance/(?P<model>.+)": "TF-IDF, {model}",
    "imbalance-network/(?P<model>.+)": "network, {model}",
}
"""Names of runs by a pattern of their name; others are named by the display name of the model."""

LATER_FILMS = "-temporal"  # the end of the names of runs on the temporal split
_PHRASES = re.compile(rf"\b(?:{'|'.join(WORDS)})\b")


def quantity_name(reference: str) -> str:
    """Return a metric, `run:metric`, or a difference, `run - baseline:metric`, in words."""
    if name := _matched(QUANTITIES, reference):
        return name
    if " - " in reference:
        runs, _, metric = reference.rpartition(":")
        return f"{_metric_name(metric)}: {f' {MINUS} '.join(map(_run_name, runs.split(' - ')))}"
    run, *between, metric = reference.split(":")
    if "_over_" in metric:
        pair = " / ".join(map(_words, metric.split("_over_")))
        return f"error-rate ratio on {_data_name(run)}: {pair}"
    return f"{_metric_name(metric)}: {', '.join([_run_name(run), *map(_words, between)])}"


def _matched(names: Mapping[str, str], reference: str) -> str:
    """Return the name by the first pattern that matches a reference; empty if none does."""
    for pattern, template in names.items():
        if found := re.fullmatch(pattern, reference):
            groups = found.groupdict()
            if "model" in groups:
                groups["model"] = _words(groups["model"])
            if "n" in groups:
                groups["n"] = f"{int(groups['n']):,}"
            return template.format(**groups)
    return ""


def _metric_name(metric: str) -> str:
    return METRICS[metric].display_name if metric in METRICS else _words(metric)


def _run_name(run: str) -> str:
    later = ", later films" if run.endswith(LATER_FILMS) else ""
    run = run.removesuffix(LATER_FILMS)
    return (_matched(RUNS, run) or _words(run.partition("/")[2])) + later


def _data_name(run: str) -> str:
    """Return on which data a run compares pairs of models: "AG News, 50 training texts"."""
    name = run.partition("/")[2]
    data = next((known for known in DATASETS if name.startswith(f"{known}-")), "sentiment")
    rest = name.removeprefix(data)
    n_train = re.search(r"(?<![^-])\d+(?![^-])", rest)
    return ", ".join(
        [
            dataset_display_name(data),
            *([f"{int(n_train[0]):,} training texts"] if n_train else []),
            *(["blocked hold-out"] if rest.startswith("blocked-") else []),
        ]
    )


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
