"""The recipe of the study, `recipe.yaml`: which runs it has, at which size, at each run profile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wholescript.data.headlines import N_HEADLINES
from wholescript.errors import ParameterError
from wholescript.experiments.documents.recipe import PROFILES
from wholescript.studies.headlines.ablation import config_after_step
from wholescript.studies.headlines.experiment import HeadlineExperiment
from wholescript.studies.headlines.train_config import HeadlineTrainConfig

RECIPE = Path(__file__).parent / "recipe.yaml"
SKIP = "skip"  # in place of the values of a run at a run profile: the profile has no such run
OVERRIDES = ("base_overrides", "overrides")


@dataclass(frozen=True)
class HeadlineRunSpec:
    """One model of a section, called `prefix` and `name`, trained once with each of `seeds`."""

    name: str
    prefix: str
    step: str
    n_headlines: int
    seeds: tuple[int, ...]
    base_overrides: Mapping[str, Any]
    overrides: Mapping[str, Any]

    def experiment(self, seed: int) -> HeadlineExperiment:
        """Return the experiment with a seed.

        Raises:
            ParameterError: an unknown step or setting, or a value that is not allowed.
        """
        train_config, eval_context = config_after_step(
            self.step, self.base_overrides, self.overrides
        )
        facts = {
            "ablation_step": self.step,
            "base_overrides": dict(self.base_overrides),
            "overrides": dict(self.overrides),
        }
        return HeadlineExperiment(
            f"{self.prefix}{self.name}", train_config, eval_context, seed, facts
        )


def read_recipe(profile: str) -> dict[str, list[HeadlineRunSpec]]:
    """Return the runs of each section at a run profile, in the order of the file.

    Raises:
        ParameterError: there is no such profile.
    """
    if profile not in PROFILES:
        raise ParameterError(f"scale={profile!r} must be one of {', '.join(PROFILES)}")
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    bounds = recipe["profiles"][profile]
    return {
        section: list(_specs(entries, bounds, profile))
        for section, entries in recipe["sections"].items()
    }


def _specs(
    section: Mapping[str, Any], bounds: Mapping[str, Any], profile: str
) -> Iterator[HeadlineRunSpec]:
    """Return the runs of a section; values of a run at the profile come last."""
    of_all = {key: value for key, value in section.items() if key != "runs"}
    sizes = {key: bounds[key] for key in OVERRIDES if key in bounds}
    for name, own in section["runs"].items():
        at_profile = own.get(profile, {})
        if at_profile == SKIP:
            continue
        values: dict[str, Any] = {"step": name, "prefix": ""}
        overrides: dict[str, dict[str, Any]] = {key: {} for key in OVERRIDES}
        for part in (of_all, own, sizes, at_profile):
            values |= {key: v for key, v in part.items() if key not in (*OVERRIDES, *PROFILES)}
            for key in OVERRIDES:
                overrides[key] |= part.get(key, {})
        if "epochs" in bounds:
            epochs = overrides["overrides"].get("epochs", HeadlineTrainConfig().epochs)
            overrides["overrides"]["epochs"] = min(epochs, bounds["epochs"])
        values["n_headlines"] = min(values["n_headlines"], bounds.get("n_headlines", N_HEADLINES))
        values["seeds"] = tuple(values["seeds"][: bounds.get("n_seeds")])
        yield HeadlineRunSpec(name=name, **(values | overrides))
