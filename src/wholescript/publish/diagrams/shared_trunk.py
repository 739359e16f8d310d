"""Diagram of class-conditional language models on a shared trunk, and of Bayes' rule."""

from pathlib import Path

from wholescript.data.datasets import DATASETS
from wholescript.experiments.documents.recipe import RunSpec, read_recipe
from wholescript.project import Project
from wholescript.publish.diagrams.drawing import WIDTH, Drawing
from wholescript.studies.generative.settings import SharedTrunkSettings

RECIPE = Path("wholescript/studies/generative/recipe.yaml")
DATASET = "sentiment"
CENTRE = WIDTH / 2
COLUMN = 170.0


def draw_shared_trunk() -> str:
    """Return the diagram as SVG: the model of the published recipe."""
    recipe = read_recipe(Project().source / RECIPE)
    spec = next(
        spec
        for spec in recipe.specs("models", DATASET, "full")
        if isinstance(spec, RunSpec) and spec.model == "shared-trunk"
    )
    options = dict(spec.options)
    n_shared, n_layer, vocab_size = (
        options[name] for name in ("n_shared_layers", "n_layer", "vocab_size")
    )
    classes = DATASETS[recipe.registered(DATASET)].classes
    weight = options.get("disc_weight", SharedTrunkSettings().disc_weight)
    drawing = Drawing(440, f"{__name__}:draw_shared_trunk")
    drawing.box(60, 1, 240, 40, "Review x", ["token ids (B, L)"])
    drawing.arrow((CENTRE, 41), (CENTRE, 58))
    drawing.box(
        60,
        58,
        240,
        56,
        "Shared trunk, frozen",
        [
            f"SmolLM2, layers 1 to {n_shared}",
            "states (B, L, d_model)",
        ],
        style="dashed",
        source="wholescript.models.shared_trunk_lm:SharedTrunkLM",
    )
    columns = (1.0, WIDTH - COLUMN - 1)
    for x, name in zip(columns, classes, strict=True):
        middle = x + COLUMN / 2
        drawing.arrow((CENTRE, 114), (CENTRE, 124), (middle, 124), (middle, 140))
        drawing.box(
            x,
            140,
            COLUMN,
            56,
            f"Layers of {name}",
            [f"layers {n_shared + 1} to {n_layer}", f"LoRA, rank {options['lora_rank']}"],
            colour="blue",
            source="wholescript.models.adapters:unfreeze_above",
        )
        drawing.arrow((middle, 196), (middle, 212))
        drawing.box(
            x,
            212,
            COLUMN,
            56,
            "Output layer, shared",
            [f"logits (B, L, {vocab_size:,})", "log-likelihood (B,)"],
            style="dashed",
            source="wholescript.models.shared_trunk_lm:SharedTrunkLM.token_nll",
        )
        drawing.text(middle, 284, f"log p(x | {name})")
        drawing.line((middle, 289), (middle, 297), (CENTRE, 297))
    drawing.arrow((CENTRE, 297), (CENTRE, 312))
    drawing.box(
        30,
        312,
        300,
        58,
        "Bayes' rule",
        ["log p(x | class) + log p(class), over a", "temperature, plus a bias; softmax"],
        source="wholescript.models.bayes_rule:BayesRule",
    )
    drawing.arrow((CENTRE, 370), (CENTRE, 386))
    drawing.text(CENTRE, 399, f"p(class | x) (B, {len(classes)})", bold=True)
    drawing.legend(418, [("frozen", "neutral", "dashed"), ("trained", "blue", "outlined")])
    drawing.text(
        1,
        434,
        f"Loss: {weight:g} label + {1 - weight:g} next-token cross-entropy",
        anchor="start",
        source="wholescript.training.objectives.discriminative:DiscriminativeObjective",
    )
    return drawing.svg()
