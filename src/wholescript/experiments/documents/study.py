"""The runs that a notebook asks for: the published ones, or trained from texts at a run profile."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from wholescript.data.labelled import LabelledDataset
from wholescript.errors import DataError, DependencyError, ParameterError, RunError
from wholescript.experiments.documents.data_config import DataConfig, get_labels
from wholescript.experiments.documents.ensemble import Ensemble
from wholescript.experiments.documents.estimators import DOCUMENT_MODELS, document_estimator
from wholescript.experiments.documents.open_data import open_datasets
from wholescript.experiments.documents.recipe import (
    LIMIT,
    PROFILES,
    EnsembleSpec,
    Recipe,
    RunSpec,
    Spec,
    read_recipe,
)
from wholescript.experiments.documents.tables import by_model, model_name, trained_on_true_labels
from wholescript.experiments.documents.train import DocumentExperiment
from wholescript.experiments.experiment import Experiment, run
from wholescript.experiments.key import hash_json
from wholescript.experiments.registry import dataset_display_name
from wholescript.experiments.seeds import strip_seed
from wholescript.experiments.store import Run
from wholescript.experiments.stored import StoredDataset, find_published
from wholescript.experiments.workspace import current_workspace
from wholescript.settings import N_SEEDS
from wholescript.training.document_classifier import LabelledDocuments

PROFILE_COLUMNS = {LIMIT: "texts_read", "n_train": "texts_trained_on", "max_eval": "texts_scored"}
Dataset = LabelledDataset | StoredDataset
RunsByModel = dict[str, list[Run]]
Generate = Callable[[Run, LabelledDataset, DataConfig, int], LabelledDocuments]
"""Returns the `n_synthetic` texts of each class that the model of a run generates for another run
with the given documents; the last argument is the largest number that the section asks for."""


@dataclass
class DocumentStudy:
    """The recipe of a study on the data of a notebook, at a profile.

    `datasets` are by the name of the published data set whose runs each has. `left_out` has the
    reason for each run that could not be made. `generate` makes the synthetic texts of the recipe,
    if it has any; `generators` has the runs whose models did, with the number of texts per class.
    """

    recipe: Recipe
    datasets: Mapping[str, Dataset]
    profile: str
    seed: int
    generate: Generate | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    generators: dict[str, tuple[Run, int]] = field(default_factory=dict)

    @property
    def main(self) -> Dataset:
        """The data set of what is shown for one only."""
        return next(iter(self.datasets.values()))

    @property
    def is_stored(self) -> bool:
        """Whether the texts are not here, only the published runs."""
        return isinstance(self.main, StoredDataset)

    def models(self, section: str) -> dict[str, RunsByModel]:
        """Return the runs of a section by data set, then by the name of the model."""
        return {name: by_model([runs]) for name, runs in self.runs(section).items()}

    def dataset_of(self, section: str) -> str:
        """Return the name of the first data set that has runs of a section."""
        return next(self._wanted(section))[0].name

    def runs(self, *sections: str) -> dict[str, RunsByModel]:
        """Return the runs of sections by data set, then by their name without data set and seed.

        Each is found, or trained with a progress bar. A run is left out, and the reason printed,
        if its pretrained model is not installed, a class is too rare for it, or weights that it
        needs are gone; without a word, if the data set has not the column of labels that it is
        about.

        Raises:
            RunError: a published run is missing or has other settings.
        """
        found: dict[str, RunsByModel] = {}
        wanted = [one for section in sections for one in self._wanted(section)]
        most_synthetic = max((getattr(spec, "n_synthetic", 0) for _, spec, _ in wanted), default=0)
        shown = tqdm(wanted, desc=sections[0], unit="run", disable=self.is_stored or not wanted)
        for dataset, spec, seed in shown:
            of_dataset = found.setdefault(dataset.name, {})
            shown.set_postfix_str(spec.name or getattr(spec, "model", ""), refresh=False)
            try:
                made = self._make(dataset, spec, seed, of_dataset, most_synthetic)
            except self._no_run as error:
                self._leave_out(f"{dataset.name}/{spec.name or getattr(spec, 'model', '')}", error)
                continue
            if made is not None:
                short = strip_seed(made.name).partition("/")[2]
                if made.name not in {run.name for run in of_dataset.get(short, [])}:
                    of_dataset.setdefault(short, []).append(made)
        return {name: runs for name, runs in found.items() if runs}

    def run(self, experiment: Experiment[Any], data: Any = None) -> Run | None:
        """Return the run of another experiment on the main data set, or on `data`.

        Returns None, and prints why, if its pretrained model is not installed, the data do not
        suffice, or weights that it needs are gone.
        """
        data = self.main if data is None else data
        if self.is_stored and isinstance(data, Run):
            data = StoredDataset(data.name)
        try:
            return run(experiment, data)
        except self._no_run as error:
            self._leave_out(experiment.run_name(data), error)
            return None

    def profile_table(self) -> pd.DataFrame:
        """Return the bounds and options of each profile, a row per profile."""
        profiles = self.recipe.profiles
        bounds = dict.fromkeys(key for profile in profiles.values() for key in profile)
        rows = {
            name: {key: profile.get(key, "as published") for key in bounds}
            for name, profile in profiles.items()
        }
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scale")
        table = table.rename(columns=PROFILE_COLUMNS)
        if bundled := self.recipe.bundled_classes:
            table.insert(0, "bundled classes", [len(bundled.get(n, ())) or "all" for n in profiles])
        return table

    def display_name(self, name: str) -> str:
        """Return the display name of one of the data sets."""
        return dataset_display_name(name)

    @property
    def _no_run(self) -> tuple[type[Exception], ...]:
        """The errors that leave out a run."""
        return (DependencyError, DataError, *(() if self.is_stored else (RunError,)))

    def _wanted(self, section: str) -> Iterator[tuple[Dataset, Spec, int]]:
        any_named = any(name in self.recipe.sections[section] for name in self.datasets)
        for index, (name, dataset) in enumerate(self.datasets.items()):
            follows = name if any_named or self.is_stored else self.recipe.follows(section)
            if not any_named and index:
                continue  # a section on one data set
            size = () if isinstance(dataset, StoredDataset) else _fewest_texts(dataset)
            for spec in self.recipe.specs(section, follows, self.profile, *size):
                seeds = range(1)
                if isinstance(spec, RunSpec):
                    seeds = range(spec.first_seed, spec.first_seed + spec.seeds)
                for seed in seeds:
                    yield dataset, spec, seed if self.is_stored else (self.seed + seed) % N_SEEDS

    def _make(
        self,
        dataset: Dataset,
        spec: Spec,
        seed: int,
        of_dataset: RunsByModel,
        most_synthetic: int,
    ) -> Run | None:
        if isinstance(spec, EnsembleSpec):
            members = _members(spec, of_dataset)
            if not members:
                return None
            ensemble = Ensemble(spec.name)
            if self.is_stored:
                settings = ensemble.settings_for(members)
                return find_published(current_workspace(), ensemble.run_name(members), settings)
            return run(ensemble, members)
        _, entry = DOCUMENT_MODELS[spec.model]
        unlabelled: list[str] = []
        if isinstance(dataset, LabelledDataset):
            fitting = _fitting(spec, dataset)
            if fitting is None:
                return None
            spec = fitting
            if "unsupervised" in dataset.splits:  # no more than there are labelled texts
                limit = self.recipe.profiles[self.profile].get(LIMIT)
                unlabelled = dataset.splits["unsupervised"].texts[:limit][: spec.n_train]
        options = dict(spec.options)
        if "prompts" in options:
            options["prompts"] = _prompts(options["prompts"], dataset)
        estimator = document_estimator(spec.model, options, unlabelled)
        name, config = spec.name or (entry.name if entry.fixed else None), spec.data_config(seed)
        synthetic = None
        if spec.synthetic:
            generator = _generator(spec, config, of_dataset)
            self.generators[generator.name] = generator, most_synthetic
            if isinstance(dataset, LabelledDataset):
                assert self.generate is not None, "the recipe asks for synthetic texts"
                synthetic = self.generate(generator, dataset, config, most_synthetic)
        return run(DocumentExperiment(estimator, config, name, synthetic), dataset)

    def _leave_out(self, name: str, error: Exception) -> None:
        if name not in self.left_out:
            self.left_out[name] = str(error)
            print(f"left out: {name}: {error}")


def open_study(recipe: Path, generate: Generate | None = None) -> DocumentStudy:
    """Return a study on the data that the parameters of the running notebook name.

    `generate` makes synthetic texts, where the recipe has any.

    Raises:
        ParameterError, DataError: the parameters contradict each other, or the texts cannot be
            used; the message says why.
    """
    workspace = current_workspace()
    parameters = workspace.parameters
    if (profile := parameters["scale"]) not in PROFILES:
        raise ParameterError(f"scale={profile!r} must be one of {', '.join(PROFILES)}")
    parsed = read_recipe(recipe)
    names = ("source", "path", "text_column", "label_column", "classes")
    given = {name: parameters[name] for name in names if name in parameters}
    if "classes" in given:
        given["classes"] = [name.strip() for name in given["classes"].split(",") if name.strip()]
    if given["source"] == "bundled" and not given.get("classes"):
        given["classes"] = parsed.bundled_classes.get(profile, ())
    limit = parsed.profiles[profile].get(LIMIT)
    opened = open_datasets(workspace.project, parsed, limit=limit, **given)
    if given["source"] == "stored" and profile != "full":
        raise ParameterError(
            f"source=stored has the published runs, those of scale=full; scale={profile} trains "
            "models: source=bundled, local or hub"
        )
    return DocumentStudy(parsed, opened, profile, parameters["seed"], generate)


def _fewest_texts(dataset: LabelledDataset) -> tuple[int, int]:
    """Return how many texts a profile needs at least, and the number of classes.

    A stratified sample of so many has about three texts of each class.
    """
    counts = np.bincount(dataset.splits["train"].labels, minlength=len(dataset.classes))
    n_texts = math.ceil(3 * counts.sum() / max(counts.min(), 1))
    return min(n_texts, int(counts.sum())), len(dataset.classes)


def _fitting(spec: RunSpec, dataset: LabelledDataset) -> RunSpec | None:
    """Return a run with no more documents than a data set has; None if it has too few for it."""
    train = dataset.splits["train"]
    if spec.label_column != "label" and spec.label_column not in train.extra_columns:
        return None
    n_train, max_eval, n_classes = spec.n_train, spec.max_eval, len(dataset.classes)
    if n_train is not None:
        n_train = max(n_train, n_classes)
        n_train = None if n_train >= len(get_labels(train, "label")) else n_train
    if max_eval is not None:  # a bound above all splits is none: it would be another run
        max_eval = max(max_eval, n_classes)
        labelled = [split for name, split in dataset.splits.items() if name != "unsupervised"]
        most = max(map(len, labelled))
        max_eval = None if max_eval >= most else max_eval
    return dataclasses.replace(spec, n_train=n_train, max_eval=max_eval)


def _prompts(by_class: Mapping[str, str], dataset: Dataset) -> list[str]:
    """Return a prompt per class: those of the recipe for its own classes, else their names."""
    if isinstance(dataset, StoredDataset) or set(dataset.classes) == set(by_class):
        return list(by_class.values())
    return [f"{name.replace('_', ' ')}:" for name in dataset.classes]


def _members(spec: EnsembleSpec, of_dataset: RunsByModel) -> list[Run]:
    """Return the runs of an ensemble, on the most documents; none if these are not the same."""
    largest: dict[str, Run] = {}
    real = [runs[0] for runs in of_dataset.values() if trained_on_true_labels(runs)]
    for found in sorted(real, key=lambda run: int(run.config["documents"]["train"])):
        largest[model_name(found)] = found
    members = [largest[name] for name in spec.members if name in largest]
    same = {hash_json(run.settings["data_config"]) for run in members}
    return members if len(members) == len(spec.members) and len(same) == 1 else []


def _generator(spec: RunSpec, config: DataConfig, of_dataset: RunsByModel) -> Run:
    """Return the run whose model generates texts for another with these documents.

    Raises:
        RunError: there is none.
    """
    documents = (config.n_train, config.seed)
    for name in spec.synthetic:
        for found in (found for runs in of_dataset.values() for found in runs):
            theirs = found.settings["data_config"]
            if model_name(found) == name and (theirs["n_train"], theirs["seed"]) == documents:
                return found
    raise RunError(f"none of {', '.join(spec.synthetic)} was trained, which would generate texts")
