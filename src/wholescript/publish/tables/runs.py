"""Stored runs as rows of a table: the model, its data set, and the trained runs behind it.

A table shows runs of a page: summaries over seeds that a notebook stored, such as
`classifiers/banking77-tfidf-svm`, or cross-validated runs, such as `evaluation/ngrams`. The
settings of a summary are those of the trained runs, such as `banking77/tfidf-svm-s0`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.display_names import model_display_name
from wholescript.experiments.registry import DATASETS, dataset_display_name
from wholescript.experiments.results import Results

TRAINED_GROUPS = {"generative": "sentiment", "encoder": "sentiment", "headlines": "headlines"}
"""The group of the trained runs of a summary without a data set in its name, by its own group."""
MORE_FILMS = "-more-films"  # trained on films that are never tested, too
METADATA = {"year", "length", "n_words", "layout"}
"""Features of a film besides the words of its script."""
_FEATURE_LISTS = ("extra_features", "gaussian_kernels", "columns", "numeric")
_SUMMARY = re.compile(
    rf"(?:(?P<dataset>{'|'.join(map(re.escape, DATASETS))})-)?"
    r"(?:(?P<blocked>blocked)-)?(?:(?P<n>\d+)-)?(?P<model>.+)"
)


@dataclass(frozen=True)
class TableRun:
    """A run that is a row of a table.

    Attributes:
        name: `<group>/<name>`; its metrics are shown.
        model: the display name of the model.
        dataset: the name of the data set, empty if it is that of the study.
        trained: the names of the trained runs, one per seed; none if a notebook computed it all.
        config: identity and metadata of the first trained run, or else of the run itself.
    """

    name: str
    model: str
    dataset: str
    trained: tuple[str, ...]
    config: Mapping[str, Any]

    @property
    def estimator(self) -> Mapping[str, Any]:
        """The settings of the model."""
        settings = self.config["settings"]
        found: Mapping[str, Any] = settings.get("estimator", settings)
        return settings["config"] if isinstance(settings.get("config"), dict) else found

    @property
    def train_config(self) -> Mapping[str, Any]:
        """The settings of its training; empty for a model without epochs."""
        inner = self.estimator.get("estimator", {})
        found: Mapping[str, Any] = self.estimator.get("train_config") or inner.get(
            "train_config", {}
        )
        return found

    @property
    def condition(self) -> str:
        """What results are only compared under: the data set, or for films what the model takes."""
        if self.dataset:
            return dataset_display_name(self.dataset)
        inputs = (
            "script with year, length or layout"
            if _takes_metadata(self.config["settings"])
            else "script alone"
        )
        return f"{inputs}, more training films" if self.name.endswith(MORE_FILMS) else inputs


def _takes_metadata(settings: Any) -> bool:
    """Return whether any list of features in the settings of a model has one of `METADATA`."""
    if isinstance(settings, dict):
        lists = [settings.get(name) or [] for name in _FEATURE_LISTS]
        names = [item[0] if isinstance(item, list) else item for found in lists for item in found]
        return any(name in METADATA for name in names) or any(
            map(_takes_metadata, settings.values())
        )
    return isinstance(settings, list) and any(map(_takes_metadata, settings))


def find_runs(results: Results, names: str, metrics: Sequence[str]) -> list[TableRun]:
    """Return the runs of a list of names, of which `*` stands for any characters.

    Of the runs that a pattern matches, those with none of `metrics` are left out.

    Raises:
        RunError: a name or pattern matches no run.
    """
    stored = results.names()
    chosen: dict[str, TableRun] = {}
    for pattern in names.split():
        found = [pattern]
        if "*" in pattern:
            matching = (name for name in stored if fnmatchcase(name, pattern))
            found = [name for name in matching if set(metrics) & set(results.metrics(name))]
        if not found:
            wanted = " or ".join(map(repr, metrics))
            raise RunError(f"no run in results/ matches {pattern!r} and has the metric {wanted}")
        chosen |= {name: find_run(results, name) for name in found}
    return list(chosen.values())


def find_run(results: Results, name: str) -> TableRun:
    """Return a run by its name; raise RunError if there is none."""
    config = results.config(name)
    group, _, short = name.partition("/")
    if config["experiment"] != "notebook":
        estimator = config["settings"].get("estimator")
        model = _film_model_name(short, estimator if isinstance(estimator, str) else short)
        return TableRun(name, model, config.get("dataset", ""), (name,), config)
    match = _SUMMARY.fullmatch(short)
    assert match is not None
    trained_group = match["dataset"] or TRAINED_GROUPS.get(group, group)
    trained_group += "-blocked" if match["blocked"] else ""
    of_n = f"-n{match['n']}" if match["n"] else ""
    seeds = re.compile(re.escape(f"{trained_group}/{match['model']}{of_n}") + r"-s\d+")
    trained = tuple(filter(seeds.fullmatch, results.names()))
    first = results.config(trained[0]) if trained else config
    dataset = str(first.get("dataset", match["dataset"] or ""))
    return TableRun(name, _display_name(match["model"], match["n"]), dataset, trained, first)


def find_comparison(results: Results, run: str, baseline: str, metric: str) -> tuple[str, bool]:
    """Return the reference of a stored comparison of two runs, and whether it is a ratio.

    That is a paired difference `run - baseline:metric`, or a ratio `<model>_over_<baseline>` in the
    group of the run. Empty if no notebook stored one.
    """
    wanted = f"{run} - {baseline}:{metric}"
    if wanted in stored_differences(results):
        return wanted, False
    group, _, name = run.partition("/")
    other_group, _, other = baseline.partition("/")
    if group == other_group:
        names = set(results.names())
        for prefix, model, base in _common_prefixes(name, other):
            for holder in (f"{prefix}ratios", f"{prefix}over-{base}", f"{prefix}{model}-ratios"):
                ratio = f"{model}_over_{base}"
                if f"{group}/{holder}" in names and ratio in results.metrics(f"{group}/{holder}"):
                    return f"{group}/{holder}:{ratio}", True
    return "", False


def stored_differences(results: Results) -> set[str]:
    """Return the references of all stored paired differences."""
    return {
        reference
        for run in results.names()
        if run.endswith("differences")
        for reference in results.metrics(run)
    }


def _film_model_name(name: str, estimator: str) -> str:
    """Return the display name of the model of a cross-validated run, by its name and settings."""
    model = name.removesuffix("-temporal")
    if model.endswith(MORE_FILMS):
        return f"{model_display_name(model.removesuffix(MORE_FILMS))}, more training films"
    shown = model_display_name(model)
    return shown if shown != model else model_display_name(estimator)


def _display_name(model: str, n_train: str | None) -> str:
    shown = model_display_name(model)
    return f"{shown}, {int(n_train):,} training texts" if n_train else shown


def _common_prefixes(name: str, other: str) -> Iterator[tuple[str, str, str]]:
    """Yield each common start of two names that ends with a hyphen, and what follows in both."""
    yield "", name, other
    for hyphen in re.finditer("-", name):
        prefix = name[: hyphen.end()]
        if other.startswith(prefix):
            yield prefix, name.removeprefix(prefix), other.removeprefix(prefix)
