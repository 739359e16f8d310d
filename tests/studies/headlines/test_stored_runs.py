"""The stored runs have the settings that the code computes today."""

import pytest

from wholescript.data.headlines import Headlines
from wholescript.experiments.store import RunStore
from wholescript.files import ROOT
from wholescript.studies.headlines.ablation import config_after_step
from wholescript.studies.headlines.experiment import GROUP, HeadlineExperiment
from wholescript.studies.headlines.train_config import HeadlineTrainConfig

STORE = RunStore(ROOT / "results")
RUNS = [
    run
    for name in STORE.names()
    if name.startswith(f"{GROUP}/")
    and (run := STORE.find(name)).config["experiment"] == HeadlineExperiment.kind
]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_settings_are_rebuilt_from_the_stored_train_config(run):
    settings = run.settings
    train_config = HeadlineTrainConfig.from_settings(settings["train_config"])
    experiment = HeadlineExperiment(
        "name", train_config, settings["eval_context"], settings["seed"]
    )
    data = Headlines([], [], "local", "fingerprint")
    found = experiment.settings_for(data)
    assert found | {"bfloat16": settings["bfloat16"]} == settings  # depends on the machine
    assert experiment.data_identity(data).keys() == run.data.keys()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_ablation_step_gives_the_stored_train_config(run):
    train_config, eval_context = config_after_step(
        run.config["ablation_step"], run.config["base_overrides"], run.config["overrides"]
    )
    assert train_config.settings == run.settings["train_config"]
    assert eval_context == run.settings["eval_context"]
