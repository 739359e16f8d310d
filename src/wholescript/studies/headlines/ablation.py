"""From the published model of titles to the best one: one change a step, each on those kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from wholescript.errors import ParameterError
from wholescript.studies.headlines.metrics import Reading
from wholescript.studies.headlines.train import Recipe


@dataclass(frozen=True)
class Step:
    """`changes` of the recipe, and sizes `times` what they were; `why` it might help.

    `reading` is how validation titles are read from here on. A step that is not `kept` is tried on
    all that are kept before it, and leaves nothing to those after it.
    """

    name: str
    why: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    reading: Reading | None = None
    kept: bool = True

    def taken(self, recipe: Recipe) -> Recipe:
        """Return a recipe with this step."""
        sizes = {**recipe.config, **recipe.model.note}
        scaled = {name: round(sizes[name] * factor) for name, factor in self.times.items()}
        return recipe.changed(**self.changes, **scaled)


STEPS = (
    Step("baseline", "as published: SGD, a cosine, windows in the order of the file"),
    Step(
        "adamw",
        "a rate for each number: rare tokens move as far as frequent ones",
        {"optimizer": "adamw", "learning_rate": 2e-3, "weight_decay": 0.1},
    ),
    Step("warm-up", "the first steps know least and should be short", {"warmup_share": 0.05}),
    Step("shuffled", "other windows in every epoch are harder to learn by heart",
         {"order": "shuffled"}),
    Step("rotary", "how far apart tokens are, not where the window begins",
         {"positions": "rotary"}),
    Step("rms-norm", "a norm without a mean and a bias: one pass less", {"norm": "rms"}),
    Step("swiglu", "a gate in the feed-forward layers, for as many parameters",
         {"feedforward": "swiglu"}),
    Step("residual-init", "a deep stream begins as a sum of small parts", {"residual_init": True}),
    Step("title-mask", "the titles before say nothing of this one", {"title_mask": True}),
    Step("whole-titles", "no title is cut by the end of a window", {"whole_titles": True}),
    Step("alone", "each title is judged from its own beginning", reading="alone"),
    Step("unigram", "tokens that make titles likely, in place of merged pairs",
         {"tokenizer": "unigram"}),
    Step("half-vocabulary", "each token is seen twice as often, and there are more of them",
         times={"vocabulary": 0.5}),
    Step("muon", "steps of a matrix that move all its directions alike",
         {"optimizer": "muon", "matrix_rate": 0.04}),
    Step("wsd", "a rate that stays high for longer", {"schedule": "wsd", "decay_share": 0.6}),
    Step("decay", "weights that shrink more learn less by heart", {"weight_decay": 0.3}),
    Step("deep", "twice the blocks, each narrower",
         times={"layers": 2, "width": 0.75, "heads": 0.75}),
    Step("untied", "reading a token in and out are two things", {"tied": False}, kept=False),
    Step("gated", "a head that has nothing to say can say nothing",
         {"gated": True}, kept=False),
    Step("layer-scale", "each branch decides how much of it is added",
         {"layer_scale": 1.0}, kept=False),
    Step("no-dropout", "what is seen seven times is not known by heart",
         {"dropout": 0.0}, kept=False),
    Step("more-dropout", "seven epochs of few titles are learned by heart", {"dropout": 0.2}),
    Step("two-readings", "of each batch the mean gradient under two dropouts",
         {"readings": 2}, kept=False),
    Step("r-drop", "the two readings should agree", {"readings": 2, "r_drop": 0.5}),
    Step("context", "the titles before may say something after all",
         {"title_mask": False, "whole_titles": False}, reading="overlapping"),
)  # fmt: skip


def step_named(name: str) -> Step:
    """Return a step; raise ParameterError with the nearest name where there is none."""
    for step in STEPS:
        if step.name == name:
            return step
    names = [step.name for step in STEPS]
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
    raise ParameterError(f"step={name!r}: {hint}")


def kept_before(name: str) -> list[Step]:
    """Return the steps that a step is taken on."""
    last = step_named(name)
    return [step for step in STEPS[: STEPS.index(last)] if step.kept]


def recipe_of(
    name: str,
    base: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> tuple[Recipe, Reading]:
    """Return the recipe of a step on those kept before it, and its reading.

    `base` are changes of the baseline, which the steps come after; `changes` come after the steps.

    Raises:
        ParameterError: there is no such step, or a change is of no field.
    """
    recipe = Recipe().changed(**(base or {}))
    reading: Reading = "windows"
    for step in (*kept_before(name), step_named(name)):
        recipe = step.taken(recipe)
        reading = step.reading or reading
    return recipe.changed(**(changes or {})), reading


def parsed(changes: Sequence[str]) -> dict[str, Any]:
    """Return changes that are written as `name=value`, each value of the type of its field.

    Raises:
        ParameterError: there is no such field, or the value is of another type.
    """
    recipe = Recipe()
    known = {**recipe.model.note, **recipe.config}
    found: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ParameterError(f"{change!r}: write NAME=VALUE, such as width=256")
        if name not in known or name == "model":
            recipe.changed(**{name: text})  # which says that there is none
        kind: Any = type(known[name])
        try:
            found[name] = {"true": True, "false": False}[text] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise ParameterError(f"{name}={text!r} is no {kind.__name__}") from None
    return found
