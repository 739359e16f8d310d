from dataclasses import replace

import pytest

from wholescript.errors import ParameterError
from wholescript.studies.headlines.ablation import (
    ABLATION_STEPS,
    config_after_step,
    find_step,
    kept_steps_before,
)
from wholescript.studies.headlines.train_config import HeadlineTrainConfig


def test_steps_accumulate():
    assert config_after_step("baseline") == (HeadlineTrainConfig(), "non_overlapping")
    train_config, eval_context = config_after_step("rotary")
    assert (train_config.optimizer, train_config.order) == ("adamw", "shuffled")
    assert (train_config.model.positions, train_config.model.norm) == ("rotary", "layer")
    assert eval_context == "non_overlapping"


@pytest.mark.parametrize("step", ABLATION_STEPS, ids=lambda step: step.name)
def test_step_has_a_rationale_and_a_change(step):
    config_after_step(step.name)
    change = step.overrides or step.scale_factors or step.eval_context
    assert step.rationale and (change or step.name == "baseline")


def test_scale_factors_apply_to_base_overrides_and_overrides_come_last():
    base = {"n_layer": 3, "d_model": 192, "vocab_size": 4_000, "learning_rate": 0.5}
    train_config, _ = config_after_step("deep", base)
    model = train_config.model
    assert (model.n_layer, model.d_model, model.n_head, model.vocab_size) == (6, 144, 6, 2_000)
    assert train_config.learning_rate == 2e-3, "a step replaces the value of base_overrides"
    assert config_after_step("baseline", base)[0].learning_rate == 0.5
    overridden, _ = config_after_step("deep", base, {"learning_rate": 4e-3, "n_layer": 1})
    assert (overridden.model.n_layer, overridden.learning_rate) == (1, 4e-3)


def test_step_that_is_not_kept_does_not_affect_later_steps(monkeypatch):
    steps = [replace(step, kept=step.name != "rotary") for step in ABLATION_STEPS]
    monkeypatch.setattr("wholescript.studies.headlines.ablation.ABLATION_STEPS", steps)
    assert config_after_step("rotary")[0].model.positions == "rotary"
    assert config_after_step("rms-norm")[0].model.positions == "learned"
    assert kept_steps_before("rms-norm")[-1].name == "shuffled"


def test_unknown_step_raises_with_the_nearest_name():
    with pytest.raises(ParameterError, match="did you mean 'rotary'"):
        find_step("rotery")
