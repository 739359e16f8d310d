"""The recipe asks for the stored runs, and can be trained at each run profile."""

import pytest

from wholescript.errors import ParameterError
from wholescript.experiments.documents.recipe import PROFILES
from wholescript.experiments.store import RunStore
from wholescript.experiments.stored import StoredDataset, find_published
from wholescript.experiments.workspace import Workspace
from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.studies.headlines.ablation import ABLATION_STEPS, kept_steps_before
from wholescript.studies.headlines.experiment import GROUP, HeadlineExperiment
from wholescript.studies.headlines.recipe import read_recipe

STORE = RunStore(ROOT / "results")
PUBLISHED = [(s, seed) for specs in read_recipe("full").values() for s in specs for seed in s.seeds]
DATA = StoredDataset(GROUP)


def run_names(spec, seed):
    return f"{spec.prefix}{spec.name}-s{seed}"


@pytest.mark.parametrize(("spec", "seed"), PUBLISHED, ids=lambda each: getattr(each, "name", each))
def test_full_recipe_finds_the_stored_run(spec, seed):
    experiment = spec.experiment(seed)
    workspace = Workspace(Project(ROOT), STORE)
    run = find_published(workspace, experiment.run_name(DATA), experiment.settings_for(DATA))
    assert sum(run.data["headlines"].values()) == spec.n_headlines


def test_every_stored_run_is_in_the_full_recipe():
    names = {f"{GROUP}/{run_names(*each)}" for each in PUBLISHED}
    stored = {
        name
        for name in STORE.names()
        if name.startswith(f"{GROUP}/")
        and STORE.find(name).config["experiment"] == HeadlineExperiment.kind
    }
    assert stored == names


@pytest.mark.parametrize("profile", PROFILES)
def test_each_step_has_the_step_it_is_compared_with(profile):
    sections = read_recipe(profile)
    steps = [spec.name for spec in sections["ablation"]]
    assert steps == [step.name for step in ABLATION_STEPS if step.name in steps]
    for step in steps[1:]:
        assert kept_steps_before(step)[-1].name in steps
    assert {"adamw", "r-drop"} <= set(steps)  # the notebook compares them
    assert [spec.name for spec in sections["best"]] == ["baseline", "best"]
    assert [spec.name for spec in sections["two-cores"]] == ["baseline", "quick"]


def test_smaller_profiles_are_bounded():
    for profile, n_headlines, epochs in (("smoke", 1_000, 1), ("cpu", 6_000, 3)):
        for spec in (spec for specs in read_recipe(profile).values() for spec in specs):
            assert spec.n_headlines <= n_headlines and len(spec.seeds) == 1
            assert spec.experiment(0).train_config.epochs <= epochs
    quick = read_recipe("cpu")["two-cores"][1].experiment(0).train_config
    assert (quick.epochs, quick.model.n_layer, quick.model.d_model) == (3, 2, 144)


def test_unknown_profile_raises():
    with pytest.raises(ParameterError, match="scale='ful' must be one of smoke, cpu, full"):
        read_recipe("ful")
