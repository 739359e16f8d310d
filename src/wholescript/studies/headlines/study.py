"""The runs that the notebook asks for: the published ones, or trained at a run profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from wholescript.data.headlines import BUNDLED_FILE, HUB_DATASET, Headlines, load_headlines
from wholescript.errors import DataError, ParameterError
from wholescript.experiments.documents.open_data import check_source
from wholescript.experiments.documents.recipe import PROFILES
from wholescript.experiments.experiment import run
from wholescript.experiments.store import Run
from wholescript.experiments.stored import StoredDataset
from wholescript.experiments.workspace import current_workspace
from wholescript.project import Project
from wholescript.settings import N_SEEDS
from wholescript.studies.headlines.analysis_runs import (
    HeadlineAnalysis,
    Measurement,
    trained_model,
)
from wholescript.studies.headlines.experiment import GROUP
from wholescript.studies.headlines.recipe import HeadlineRunSpec, read_recipe

MIN_HEADLINES = 1_000  # of a file: fewer do not fill the batches of the recipe
EPOCH_TIMES = Path("benchmarks/results/headline_configs.json")
THROUGHPUT = Path("benchmarks/results/headline_training.json")
PUBLISHED_NATS_PER_CHARACTER = 1.753  # task metric of the task's baseline, on its own headlines


@dataclass(frozen=True)
class HeadlineStudy:
    """The recipe at a run profile, and the headlines, or a `StoredDataset` of published runs only.

    `seed` is added to the seeds of the recipe, unless the runs are the published ones.
    """

    sections: Mapping[str, Sequence[HeadlineRunSpec]]
    headlines: Headlines | StoredDataset
    seed: int

    def runs(self, section: str) -> dict[str, list[Run]]:
        """Return the runs of a section by their names in the recipe, one for each seed.

        Each is found or trained, with a progress bar.

        Raises:
            RunError: a published run is missing or has other settings.
        """
        wanted = [(spec, seed) for spec in self.sections[section] for seed in self._seeds(spec)]
        disable = isinstance(self.headlines, StoredDataset)
        found: dict[str, list[Run]] = {}
        for spec, seed in tqdm(wanted, desc=section, unit="run", disable=disable):
            found.setdefault(spec.name, []).append(self._run(spec, seed))
        return found

    def analysis(self, section: str, name: str, measurement: Measurement) -> Run:
        """Return an analysis of the first model with that name, found or made.

        Raises:
            RunError: the weights of the model are missing, or there is no published analysis.
        """
        spec = next(each for each in self.sections[section] if each.name == name)
        analysed = self._run(spec, self._seeds(spec)[0])
        if isinstance(self.headlines, StoredDataset):
            return run(HeadlineAnalysis(measurement), StoredDataset(analysed.name))
        headlines = self.headlines.first(spec.n_headlines)
        trained = trained_model(analysed, headlines, current_workspace())
        return run(HeadlineAnalysis(measurement, self.seed), trained)

    def _seeds(self, spec: HeadlineRunSpec) -> list[int]:
        stored = isinstance(self.headlines, StoredDataset)
        return [seed if stored else (seed + self.seed) % N_SEEDS for seed in spec.seeds]

    def _run(self, spec: HeadlineRunSpec, seed: int) -> Run:
        if isinstance(self.headlines, StoredDataset):
            return run(spec.experiment(seed), self.headlines)
        return run(spec.experiment(seed), self.headlines.first(spec.n_headlines))


def open_study() -> HeadlineStudy:
    """Return the study on the headlines that the parameters of the running notebook name.

    Raises:
        ParameterError: the parameters contradict each other.
        DataError: the headlines cannot be read, or are too few.
    """
    workspace = current_workspace()
    parameters = workspace.parameters
    sections = read_recipe(parameters["scale"])
    if parameters["source"] == "stored" and parameters["scale"] != "full":
        raise ParameterError(
            f"source=stored has the published runs, those of scale=full; "
            f"scale={parameters['scale']} trains models: give source=bundled, local or hub"
        )
    n_headlines = max(spec.n_headlines for specs in sections.values() for spec in specs)
    headlines = _open_headlines(workspace.project, parameters, n_headlines)
    return HeadlineStudy(sections, headlines, parameters["seed"])


def _open_headlines(
    project: Project, parameters: Mapping[str, Any], n_headlines: int
) -> Headlines | StoredDataset:
    source, path = parameters["source"], parameters["path"]
    check_source(source, path)
    if source == "stored":
        return StoredDataset(GROUP)
    if source == "bundled":
        return load_headlines(project.root / BUNDLED_FILE, source=source)
    text_column = parameters["text_column"]
    if source == "hub":
        return load_headlines(
            n_headlines=n_headlines,
            text_column=text_column,
            dataset=path or HUB_DATASET,
            revision=parameters["revision"],
        )
    headlines = load_headlines(Path(path), n_headlines=None, text_column=text_column)
    if (n := sum(headlines.counts.values())) < MIN_HEADLINES:
        raise DataError(
            f"{path} has {n:,} headlines that are not empty; training and validation need at "
            f"least {MIN_HEADLINES:,}: give a larger file"
        )
    print(f"The {n:,} headlines of {path} are shuffled; the last tenth is for validation.")
    return headlines.first(n_headlines)


def profile_table() -> pd.DataFrame:
    """Return what `scale` means: a row for each run profile and section of the recipe.

    Columns: `models`; `headlines`, at most; `epochs`, the largest number; `seeds`, the largest
    number; `trainings`, models times seeds.
    """
    rows = {}
    for profile in PROFILES:
        for section, specs in read_recipe(profile).items():
            epochs = [spec.experiment(0).train_config.epochs for spec in specs]
            rows[profile, section] = {
                "models": len(specs),
                "headlines": max(spec.n_headlines for spec in specs),
                "epochs": max(epochs),
                "seeds": max(len(spec.seeds) for spec in specs),
                "trainings": sum(len(spec.seeds) for spec in specs),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["scale", "section"])
