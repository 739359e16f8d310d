"""The runs that a notebook asks for: the published ones, or trained from texts at a run profile."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from wholescript.data.labelled import LabelledDataset
from wholescript.errors import DataError, DependencyError, ParameterError
from wholescript.experiments.documents.data_config import get_labels
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
from wholescript.experiments.documents.tables import by_model
from wholescript.experiments.documents.train import DocumentExperiment
from wholescript.experiments.experiment import Experiment, run
from wholescript.experiments.registry import dataset_display_name
from wholescript.experiments.seeds import strip_seed
from wholescript.experiments.store import Run
from wholescript.experiments.stored import StoredDataset
from wholescript.experiments.workspace import current_workspace

Dataset = LabelledDataset | StoredDataset
RunsByModel = dict[str, list[Run]]


@dataclass
class DocumentStudy:
    """The recipe of a study on the data of a notebook, at a profile.

    `datasets` are by the name of the published data set whose runs each has. `left_out` has the
    reason for each run that could not be made.
    """

    recipe: Recipe
    datasets: Mapping[str, Dataset]
    profile: str
    seed: int
    left_out: dict[str, str] = field(default_factory=dict)

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
        if its pretrained model is not installed or a class is too rare for it; without a word, if
        the data set has not the column of labels that it is about.

        Raises:
            RunError: a published run is missing or has other settings.
        """
        found: dict[str, RunsByModel] = {}
        wanted = [one for section in sections for one in self._wanted(section)]
        shown = tqdm(wanted, desc=sections[0], unit="run", disable=self.is_stored or not wanted)
        for dataset, spec, seed in shown:
            of_dataset = found.setdefault(dataset.name, {})
            shown.set_postfix_str(spec.name or getattr(spec, "model", ""), refresh=False)
            try:
                made = self._make(dataset, spec, seed, of_dataset)
            except (DependencyError, DataError) as error:
                self._leave_out(f"{dataset.name}/{spec.name or getattr(spec, 'model', '')}", error)
                continue
            if made is not None:
                short = strip_seed(made.name).partition("/")[2]
                if made.name not in {run.name for run in of_dataset.get(short, [])}:
                    of_dataset.setdefault(short, []).append(made)
        return {name: runs for name, runs in found.items() if runs}

    def run(self, experiment: Experiment[Any], data: Any = None) -> Run | None:
        """Return the run of another experiment on the main data set, or on `data`.

        Returns None, and prints why, if its pretrained model is not installed or the data do not
        suffice.
        """
        data = self.main if data is None else data
        try:
            return run(experiment, data)
        except (DependencyError, DataError) as error:
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
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scale")

    def display_name(self, name: str) -> str:
        """Return the display name of one of the data sets."""
        return dataset_display_name(name)

    def _wanted(self, section: str) -> Iterator[tuple[Dataset, Spec, int]]:
        any_named = any(name in self.recipe.sections[section] for name in self.datasets)
        for index, (name, dataset) in enumerate(self.datasets.items()):
            follows = name if any_named or self.is_stored else self.recipe.follows(section)
            if not any_named and index:
                continue  # a section on one data set
            size = () if isinstance(dataset, StoredDataset) else _fewest_texts(dataset)
            for spec in self.recipe.specs(section, follows, self.profile, *size):
                n_seeds = spec.seeds if isinstance(spec, RunSpec) else 1
                for seed in range(n_seeds):
                    yield dataset, spec, seed if self.is_stored else self.seed + seed

    def _make(self, dataset: Dataset, spec: Spec, seed: int, of_dataset: RunsByModel) -> Run | None:
        if isinstance(spec, EnsembleSpec):
            members = [of_dataset[name][0] for name in spec.members if name in of_dataset]
            if len(members) < len(spec.members):
                return None
            return run(Ensemble(spec.name), members)
        _, entry = DOCUMENT_MODELS[spec.model]
        unlabelled: list[str] = []
        if isinstance(dataset, LabelledDataset):
            if "unsupervised" in dataset.splits:
                limit = self.recipe.profiles[self.profile].get(LIMIT)
                unlabelled = dataset.splits["unsupervised"].texts[:limit]
            fitting = _fitting(spec, dataset)
            if fitting is None:
                return None
            spec = fitting
        estimator = document_estimator(spec.model, spec.options, unlabelled)
        name = spec.name or (entry.name if entry.fixed else None)
        return run(DocumentExperiment(estimator, spec.data_config(seed), name), dataset)

    def _leave_out(self, name: str, error: Exception) -> None:
        if name not in self.left_out:
            self.left_out[name] = str(error)
            print(f"left out: {name}: {error}")


def open_study(recipe: Path) -> DocumentStudy:
    """Return a study on the data that the parameters of the running notebook name.

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
    limit = parsed.profiles[profile].get(LIMIT)
    opened = open_datasets(workspace.project, parsed, limit=limit, **given)
    if given["source"] == "stored" and profile != "full":
        raise ParameterError(
            f"source=stored has the published runs, those of scale=full; scale={profile} trains "
            "models: source=bundled, local or hub"
        )
    return DocumentStudy(parsed, opened, profile, parameters["seed"])


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
    n_train = spec.n_train
    if n_train is not None and n_train >= len(get_labels(train, "label")):
        n_train = None
    return dataclasses.replace(spec, n_train=n_train)
