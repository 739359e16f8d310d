"""From the published model of titles to the best one: one change a step, each on those kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from wholescript.errors import ParameterError
from wholescript.studies.headlines.metrics import EvalContext
from wholescript.studies.headlines.train import HeadlineTrainConfig


@dataclass(frozen=True)
class AblationStep:
    """`changes` of the recipe, and sizes `times` what they were; `rationale` it might help.

    `reading` is how validation titles are read from here on. A step that is not `kept` is tried on
    all that are kept before it, and leaves nothing to those after it.
    """

    name: str
    rationale: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    reading: EvalContext | None = None
    kept: bool = True

    def apply(self, train_config: HeadlineTrainConfig) -> HeadlineTrainConfig:
        """Return a recipe with this step."""
        sizes = {**train_config.config, **train_config.model.settings}
        scaled = {name: round(sizes[name] * factor) for name, factor in self.times.items()}
        return train_config.override(**self.changes, **scaled)


ABLATION_STEPS = (
    AblationStep("baseline", "as published: SGD, a cosine, windows in the order of the file"),
    AblationStep(
        "adamw",
        "a rate for each number: rare tokens move as far as frequent ones",
        {"optimizer": "adamw", "learning_rate": 2e-3, "weight_decay": 0.1},
    ),
    AblationStep("warm-up", "the first steps know least and should be short", {"warmup_share": 0.05}),
    AblationStep("shuffled", "other windows in every epoch are harder to learn by heart",
         {"order": "shuffled"}),
    AblationStep("rotary", "how far apart tokens are, not where the window begins",
         {"positions": "rotary"}),
    AblationStep("rms-norm", "a norm without a mean and a bias: one pass less", {"norm": "rms"}),
    AblationStep("swiglu", "a gate in the feed-forward layers, for as many parameters",
         {"feedforward": "swiglu"}),
    AblationStep("residual-init", "a deep stream begins as a sum of small parts", {"residual_init": True}),
    AblationStep("title-mask", "the titles before say nothing of this one", {"title_mask": True}),
    AblationStep("whole-titles", "no title is cut by the end of a window", {"whole_titles": True}),
    AblationStep("alone", "each title is judged from its own beginning", reading="alone"),
    AblationStep("unigram", "tokens that make titles likely, in place of merged pairs",
         {"tokenizer": "unigram"}),
    AblationStep("half-vocabulary", "each token is seen twice as often, and there are more of them",
         times={"vocabulary": 0.5}),
    AblationStep("muon", "steps of a matrix that move all its directions alike",
         {"optimizer": "muon", "matrix_rate": 0.04}),
    AblationStep("wsd", "a rate that stays high for longer", {"schedule": "wsd", "decay_share": 0.6}),
    AblationStep("decay", "weights that shrink more learn less by heart", {"weight_decay": 0.3}),
    AblationStep("deep", "twice the blocks, each narrower",
         times={"layers": 2, "width": 0.75, "heads": 0.75}),
    AblationStep("untied", "reading a token in and out are two things", {"tied": False}, kept=False),
    AblationStep("gated", "a head that has nothing to say can say nothing",
         {"gated": True}, kept=False),
    AblationStep("layer-scale", "each branch decides how much of it is added",
         {"layer_scale": 1.0}, kept=False),
    AblationStep("no-dropout", "what is seen seven times is not known by heart",
         {"dropout": 0.0}, kept=False),
    AblationStep("more-dropout", "seven epochs of few titles are learned by heart", {"dropout": 0.2}),
    AblationStep("two-readings", "of each batch the mean gradient under two dropouts",
         {"readings": 2}, kept=False),
    AblationStep("r-drop", "the two readings should agree", {"readings": 2, "r_drop": 0.5}),
    AblationStep("context", "the titles before may say something after all",
         {"title_mask": False, "whole_titles": False}, reading="overlapping"),
)  # fmt: skip


def find_step(name: str) -> AblationStep:
    """Return a step; raise ParameterError with the nearest name where there is none."""
    for step in ABLATION_STEPS:
        if step.name == name:
            return step
    names = [step.name for step in ABLATION_STEPS]
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
    raise ParameterError(f"step={name!r}: {hint}")


def kept_steps_before(name: str) -> list[AblationStep]:
    """Return the steps that a step is taken on."""
    last = find_step(name)
    return [step for step in ABLATION_STEPS[: ABLATION_STEPS.index(last)] if step.kept]


def config_after_step(
    name: str,
    base: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> tuple[HeadlineTrainConfig, EvalContext]:
    """Return the recipe of a step on those kept before it, and its reading.

    `base` are changes of the baseline, which the steps come after; `changes` come after the steps.

    Raises:
        ParameterError: there is no such step, or a change is of no field.
    """
    train_config = HeadlineTrainConfig().override(**(base or {}))
    reading: EvalContext = "windows"
    for step in (*kept_steps_before(name), find_step(name)):
        train_config = step.apply(train_config)
        reading = step.reading or reading
    return train_config.override(**(changes or {})), reading


def parse_overrides(changes: Sequence[str]) -> dict[str, Any]:
    """Return changes that are written as `name=value`, each value of the type of its field.

    Raises:
        ParameterError: there is no such field, or the value is of another type.
    """
    train_config = HeadlineTrainConfig()
    known = {**train_config.model.settings, **train_config.config}
    found: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ParameterError(f"{change!r}: write NAME=VALUE, such as width=256")
        if name not in known or name == "model":
            train_config.override(**{name: text})  # which says that there is none
        kind: Any = type(known[name])
        try:
            found[name] = {"true": True, "false": False}[text] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise ParameterError(f"{name}={text!r} is no {kind.__name__}") from None
    return found
