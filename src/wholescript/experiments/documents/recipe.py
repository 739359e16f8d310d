"""Recipes: which runs a study has on which data set, at which size, in one YAML file a study.

```yaml
datasets:                     # as published; a data set of one's own has the runs of the first
  banking77: {}
  ag_news: {keep_columns: [crowd_label]}
bundled_classes:              # by profile, unless others are asked for; default: all
  smoke: [a, b]
profiles:                     # upper bounds; other keys are options of the models
  smoke: {limit: 1000, n_train: 300, max_eval: 200, seeds: 1, epochs: 1}
  cpu: {seeds: 1}
  full: {}
sections:
  models:
    banking77:
    - {model: [tfidf-svm, sentence-linear], seeds: 3}         # several models, one run a seed
    - {model: finetune, epochs: 3, cpu: {n_train: 2000}}      # other values at a profile
    - {model: finetune, tuning: full, cpu: skip}              # or none
    - {ensemble: [tfidf-svm, sentence-linear], name: both}    # of runs above it
    - {model: tfidf-svm, synthetic: [lm], n_synthetic: [9]}   # and texts that a run above generates
```

A section has the runs of the data sets that are named; on bundled texts and those of one's own it
has those of the data set that is named first in the section. Options that are not given have the
defaults of `wholescript train MODEL`. `full` is the published recipe.

- `limit`: texts that train is cut down to, stratified by class, before anything else.
- `n_train`, `max_eval`: training texts of one run; test, validation and training texts that it is
  evaluated on. Both are stratified samples, and have at least a few texts of each class. In a list
  of `n_train`, sizes above the bound of a profile become the bound.
- `seeds`, `first_seed`: how many trainings, with which seed first.
- `keep_columns`: further columns of labels. `holdout_block_size` and others: options of `prepare`.
- `smoke`, `cpu`, `full`: what an entry has instead at a profile; it wins over the bounds.

A run is called after its model and options, such as `ngram-bayes`, unless it has a `name`. An
ensemble is left out where one of its members is. Prompts are by class; other classes than those of
the recipe get their names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from wholescript.errors import ParameterError, did_you_mean
from wholescript.experiments.documents.estimators import DOCUMENT_MODELS, setting_names
from wholescript.experiments.documents.settings import DataConfig
from wholescript.experiments.registry import find_model
from wholescript.settings import OPTION

PROFILES = ("smoke", "cpu", "full")
SKIP = "skip"
LISTS = ("model", "n_train", "n_synthetic")
"""Keys of an entry that can have several values: one run for each."""
LIMIT = "limit"
"""Key of a profile: texts of train that a data set is prepared with, and of unlabelled ones."""
CAPS = (LIMIT, "seeds", "n_train", "max_eval", "epochs", "pretrain_epochs")
"""Keys of a profile that are upper bounds."""


@dataclass(frozen=True)
class RunSpec:
    """One model with its options and documents, trained with `seeds` seeds.

    The first seed is `first_seed`. `n_train` is None for all documents. `synthetic` names models of
    the same section: the first that is trained on the same documents generates `n_synthetic` texts
    of each class, which are trained on as well.
    """

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    seeds: int = 1
    first_seed: int = 0
    n_train: int | None = None
    max_eval: int | None = None
    label_column: str = "label"
    synthetic: Sequence[str] = ()
    n_synthetic: int = 0

    def data_config(self, seed: int) -> DataConfig:
        """Return which documents are used with a seed."""
        return DataConfig(seed, self.n_train, self.label_column, self.max_eval, self.n_synthetic)


@dataclass(frozen=True)
class EnsembleSpec:
    """A weighted ensemble of the runs of the same section with these names."""

    members: tuple[str, ...]
    name: str


Spec = RunSpec | EnsembleSpec


@dataclass(frozen=True)
class Recipe:
    """The file of a study, parsed.

    `datasets` has the options of `prepare` of each published data set, with `dataset`, its
    registered name where that differs. `bundled_classes` are, by profile, those of the bundled data
    set that are used, unless others are asked for; a profile without any uses all.
    """

    path: Path
    datasets: Mapping[str, Mapping[str, Any]]
    profiles: Mapping[str, Mapping[str, Any]]
    sections: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
    bundled_classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def first(self) -> str:
        """The data set whose runs a data set of one's own has."""
        return next(iter(self.datasets))

    @property
    def label_columns(self) -> list[str]:
        """Return the further columns of labels that a section is about."""
        return [c for options in self.datasets.values() for c in options.get("keep_columns", ())]

    def registered(self, name: str) -> str:
        """Return the registered name of a published data set."""
        return str(self.datasets[name].get("dataset", name))

    def specs(
        self, section: str, name: str, profile: str, fewest: int = 2, n_classes: int = 2
    ) -> list[Spec]:
        """Return the runs of a section on a data set at a profile.

        At most `seeds`, `n_train`, `max_eval` and `epochs` of the profile are used, but at least
        `fewest` texts. Sizes of a learning curve below the number of classes are left out.

        Raises:
            ParameterError: an entry names no model, or an option that its model lacks.
        """
        entries = self.sections[section].get(name, ())
        return [
            spec
            for e in entries
            for spec in _parse(e, self.profiles[profile], profile, fewest, n_classes)
        ]

    def follows(self, section: str) -> str:
        """Return the data set whose runs of a section a data set without any has."""
        return next(iter(self.sections[section]))


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        ParameterError: the file lacks a part, or has no such profiles.
    """
    parts = yaml.safe_load(path.read_text(encoding="utf-8"))
    if tuple(parts.get("profiles", ())) != PROFILES:
        raise ParameterError(f"{path} needs the profiles {', '.join(PROFILES)}, in this order")
    datasets = {name: options or {} for name, options in parts["datasets"].items()}
    bundled = parts.get("bundled_classes", {})
    return Recipe(path, datasets, parts["profiles"], parts["sections"], bundled)


def _parse(
    entry: Mapping[str, Any],
    limits: Mapping[str, Any],
    profile: str,
    fewest: int,
    n_classes: int,
) -> Iterator[Spec]:
    at_profile = entry.get(profile, {})
    if at_profile == SKIP:
        return
    own = {k: v for k, v in entry.items() if k not in PROFILES} | at_profile
    if "ensemble" in own:
        yield EnsembleSpec(tuple(own["ensemble"]), own["name"])
        return
    bounds = {k: v for k, v in limits.items() if k not in at_profile}
    for key in ("n_train", "max_eval"):
        if key in bounds:
            bounds[key] = max(bounds[key], fewest)
    lists = {key: _as_list(own.pop(key)) for key in LISTS if key in own}
    if "n_train" in lists and "n_train" in bounds:
        below = [n for n in lists["n_train"] if n < bounds["n_train"]]
        lists["n_train"] = [*below, bounds["n_train"]]
    if "n_train" in lists and "n_train" not in at_profile:
        lists["n_train"] = [n for n in lists["n_train"] if n >= n_classes]
    for values in product(*lists.values()):
        given = own | dict(zip(lists, values, strict=True))
        yield _spec(_bounded(given, bounds))


def _spec(given: dict[str, Any]) -> RunSpec:
    fields = {k: given.pop(k) for k in list(given) if k in RunSpec.__dataclass_fields__}
    return RunSpec(**fields, options=given)


def _bounded(given: Mapping[str, Any], bounds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an entry within the bounds of a profile, with its other options."""
    values = dict(given)
    known = _options(values["model"])
    for key, bound in bounds.items():
        if key not in CAPS:
            if key in known:
                values[key] = bound
        elif key in ("epochs", "pretrain_epochs"):
            default = 0 if key == "pretrain_epochs" else bound
            if key in known and (values.get(key, default) or key == "epochs"):
                values[key] = min(values.get(key, default), bound)
        elif key == LIMIT:
            continue
        elif key == "seeds":
            values[key] = min(values.get(key, 1), bound)
        else:
            values[key] = min(values.get(key) or bound, bound)
    return values


def _options(model: str) -> set[str]:
    """Return the names of the options of a model, as on the command line."""
    if model not in DOCUMENT_MODELS:
        raise ParameterError(f"there is no model {model!r}{did_you_mean(model, DOCUMENT_MODELS)}")
    _, entry = DOCUMENT_MODELS[model]
    estimator = find_model(entry.model).load()(**entry.fixed)
    aliases = {
        f.metadata[OPTION] for f in estimator.__dataclass_fields__.values() if OPTION in f.metadata
    }
    return {*setting_names(estimator), *aliases} - {*entry.without, *entry.fixed}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
