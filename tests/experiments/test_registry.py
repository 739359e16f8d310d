import json
import subprocess
import sys
from pathlib import Path

import pytest

from wholescript.data.datasets import DATASETS as LABELLED
from wholescript.data.films.sources import HUB_NAME
from wholescript.data.headlines import HUB_DATASET
from wholescript.errors import ParameterError
from wholescript.experiments.display_names import MODEL_DISPLAY_NAMES, model_display_name
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.metrics import METRICS
from wholescript.experiments.registry import (
    DATASETS,
    MODELS,
    find_model,
)
from wholescript.experiments.results import Results

ROOT = Path(__file__).parents[2]
RESULTS = Results(ROOT / "results")
DOCUMENTS = ("document_classifier", "ensemble")


def models_in(settings):
    """The value of every key `model` within, except names of pretrained models."""
    if isinstance(settings, list):
        return set().union(*map(models_in, settings)) if settings else set()
    if not isinstance(settings, dict):
        return set()
    inner = [value for key, value in settings.items() if key != "decoder"]
    own = {settings["model"]} if isinstance(settings.get("model"), str) else set()
    return own | models_in(inner)


@pytest.fixture(scope="module")
def configs():
    return {name: RESULTS.config(name) for name in RESULTS.names()}


@pytest.mark.parametrize("entry", MODELS.values(), ids=MODELS)
def test_every_model_resolves_to_a_class_of_that_name(entry):
    assert entry.load().model == entry.name


def test_every_stored_model_has_an_entry(configs):
    stored = set().union(*(models_in(config["settings"]) for config in configs.values()))
    assert stored <= set(MODELS)


def test_every_stored_run_of_a_model_has_a_display_name(configs):
    names = set()
    for name, config in configs.items():
        if config["experiment"] in DOCUMENTS:
            suffix = DataConfig(**config["settings"]["data_config"]).run_suffix
            names.add(name.partition("/")[2].removesuffix(f"-{suffix}"))
        elif config["experiment"] == "cross_validation":
            names.add(config["settings"]["estimator"])
    unknown = {n for n in names if model_display_name(n) == n and n not in MODEL_DISPLAY_NAMES}
    assert not unknown


def test_every_stored_metric_of_an_experiment_has_an_entry(configs):
    kinds = (*DOCUMENTS, "cross_validation", "headlines", "label_errors", "synthesis",
             "label_sorted_demo", "token_attribution", "headline_analysis")  # fmt: skip
    stored = {
        metric
        for name, config in configs.items()
        if config["experiment"] in kinds
        for metric in RESULTS.metrics(name)
    }
    assert stored <= set(METRICS)


def test_hub_names_are_those_of_the_sources():
    for name, source in LABELLED.items():
        assert DATASETS[name].hub_name == source.hub_name
    assert DATASETS["screenplays"].hub_name == HUB_NAME
    assert DATASETS["headlines"].hub_name == HUB_DATASET


def test_every_stored_dataset_has_an_entry(configs):
    stored = {config["dataset"] for config in configs.values() if "dataset" in config}
    assert stored <= set(DATASETS)


def test_display_names():
    assert model_display_name("smollm2-lora") == "SmolLM2-135M, LoRA"
    assert model_display_name("scratch-tiny-lr1e-4").endswith(", learning rate 1e-4")
    assert model_display_name("smote-recalibrated") == "SMOTE, recalibrated"
    assert model_display_name("mine") == "mine"


def test_an_unknown_model_is_an_error():
    with pytest.raises(ParameterError, match="did you mean 'TfidfSVM'"):
        find_model("TfidfSVC")


@pytest.mark.parametrize("module", ["display_names", "registry", "metrics"])
def test_importing_it_loads_no_model_code(module):
    code = f"import json, sys, wholescript.experiments.{module}; print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert not {"torch", "transformers", "sklearn", "pandas"} & set(json.loads(done.stdout))
