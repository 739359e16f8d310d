"""The cumulative ablation: from the published baseline to the best model, one change a step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from wholescript.errors import ParameterError
from wholescript.studies.headlines.scoring import EvalContext
from wholescript.studies.headlines.train_config import HeadlineTrainConfig


@dataclass(frozen=True)
class AblationStep:
    """One change: field `overrides`, and `scale_factors` that multiply integer fields.

    `eval_context` is how validation headlines are scored from this step on. A step that is not
    `kept` adds to all kept steps before it, but the steps after it do not contain it.
    """

    name: str
    rationale: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    scale_factors: Mapping[str, float] = field(default_factory=dict)
    eval_context: EvalContext | None = None
    kept: bool = True

    def apply(self, train_config: HeadlineTrainConfig) -> HeadlineTrainConfig:
        """Return the training configuration with this step."""
        values = {**train_config.settings, **train_config.model.settings}
        scaled = {name: round(values[name] * factor) for name, factor in self.scale_factors.items()}
        return train_config.override(**self.overrides, **scaled)


ABLATION_STEPS = (
    AblationStep("baseline", "as published: SGD, cosine schedule, windows in file order"),
    AblationStep("adamw", "a step size for each parameter, so rare tokens learn faster",
         {"optimizer": "adamw", "learning_rate": 2e-3, "weight_decay": 0.1}),
    AblationStep("warm-up", "small first steps, while gradients are least reliable",
         {"warmup_ratio": 0.05}),
    AblationStep("shuffled", "other windows in every epoch reduce memorisation",
         {"order": "shuffled"}),
    AblationStep("rotary", "relative positions, independent of where the window starts",
         {"positions": "rotary"}),
    AblationStep("rms-norm", "no mean and no bias: a cheaper norm", {"norm": "rms"}),
    AblationStep("swiglu", "gated feed-forward layers with as many parameters",
         {"feedforward": "swiglu"}),
    AblationStep("residual-init", "residual branches start small in a deep network",
         {"scaled_residual_init": True}),
    AblationStep("document-mask", "earlier headlines are unrelated: attend within one headline",
         {"document_mask": True}),
    AblationStep("whole-headlines", "no headline is cut at the end of a window",
         {"whole_headlines": True}),
    AblationStep("per-headline-eval", "each headline is scored from its own start",
         eval_context="per_headline"),
    AblationStep("unigram", "tokens chosen by likelihood in place of merged pairs",
         {"tokenizer": "unigram"}),
    AblationStep("half-vocabulary", "each token is more frequent in training",
         scale_factors={"vocab_size": 0.5}),
    AblationStep("muon", "orthogonalised updates change all directions of a matrix equally",
         {"optimizer": "muon", "muon_lr": 0.04}),
    AblationStep("wsd", "the learning rate stays high for longer",
         {"schedule": "wsd", "decay_ratio": 0.6}),
    AblationStep("weight-decay", "stronger weight decay reduces overfitting",
         {"weight_decay": 0.3}),
    AblationStep("deep", "twice the layers, with a smaller d_model",
         scale_factors={"n_layer": 2, "d_model": 0.75, "n_head": 0.75}),
    AblationStep("untied", "input and output embeddings are learned separately",
         {"tie_embeddings": False}, kept=False),
    AblationStep("gated", "a gate lets a head output nothing",
         {"attention_gate": True}, kept=False),
    AblationStep("layer-scale", "each branch learns the scale of its output",
         {"layer_scale": 1.0}, kept=False),
    AblationStep("no-dropout", "seven epochs may be too few to overfit, so no dropout",
         {"dropout": 0.0}, kept=False),
    AblationStep("more-dropout", "seven epochs on few headlines may overfit", {"dropout": 0.2}),
    AblationStep("two-dropout-passes", "the mean gradient of two passes: the control for r-drop",
         {"n_dropout_passes": 2}, kept=False),
    AblationStep("r-drop", "two dropout passes with a penalty on their divergence",
         {"n_dropout_passes": 2, "r_drop": 0.5}),
    AblationStep("cross-headline-context", "earlier headlines may be predictive after all",
         {"document_mask": False, "whole_headlines": False}, eval_context="sliding_window",
         kept=False),
)  # fmt: skip


def find_step(name: str) -> AblationStep:
    """Return a step; raise ParameterError with the nearest name if there is none."""
    for step in ABLATION_STEPS:
        if step.name == name:
            return step
    names = [step.name for step in ABLATION_STEPS]
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the steps are {', '.join(names)}"
    raise ParameterError(f"step={name!r}: {hint}")


def kept_steps_before(name: str) -> list[AblationStep]:
    """Return the kept steps before a step, in order."""
    index = ABLATION_STEPS.index(find_step(name))
    return [step for step in ABLATION_STEPS[:index] if step.kept]


def config_after_step(
    name: str,
    base_overrides: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[HeadlineTrainConfig, EvalContext]:
    """Return the training configuration and the evaluation context after a step.

    It has all kept steps before it. `base_overrides` change the baseline before the steps,
    `overrides` the result after them.

    Raises:
        ParameterError: an unknown step or field.
    """
    train_config = HeadlineTrainConfig().override(**(base_overrides or {}))
    eval_context: EvalContext = "non_overlapping"
    for step in (*kept_steps_before(name), find_step(name)):
        train_config = step.apply(train_config)
        eval_context = step.eval_context or eval_context
    return train_config.override(**(overrides or {})), eval_context
