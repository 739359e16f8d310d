"""Diagram of the chunked classifier, from the script to the logit, with the shapes of tensors."""

import inspect
from typing import Any

from wholescript.features.encoder_config import packaged_encoder
from wholescript.features.extract import FeatureConfig
from wholescript.features.token_chunks import CHUNK_LENGTH
from wholescript.models.aggregators import AGGREGATORS
from wholescript.publish.diagrams.drawing import WIDTH, Drawing
from wholescript.studies.screenplays.models.configurations import SCRATCH_ENCODER
from wholescript.studies.screenplays.models.end_to_end import N_SPECIAL_TOKENS
from wholescript.studies.screenplays.models.mil import MILClassifier

CENTRE = WIDTH / 2
LEFT, RIGHT = 89.0, 271.0  # centres of the two encoders
COLUMN = 174.0  # width of an encoder
THIRD = 114.0  # width of an aggregator
CENTRES = (1 + THIRD / 2, CENTRE, WIDTH - 1 - THIRD / 2)  # of the aggregators
MEAN_INPUT, BRANCH = 26.0, 241.0  # x of the line to the mean, y of the line to the networks
N_DRAWN_CHUNKS = 8


def draw_chunked_model() -> str:
    """Return the diagram as SVG."""
    drawing = Drawing(442, f"{__name__}:draw_chunked_model")
    _script_and_chunks(drawing)
    _encoders(drawing)
    _aggregators(drawing)
    drawing.legend(436, [("frozen", "neutral", "dashed"), ("trained", "blue", "outlined")])
    return drawing.svg()


def _script_and_chunks(drawing: Drawing) -> None:
    source = "wholescript.features.token_chunks:TokenChunks"
    drawing.box(90, 1, 180, 40, "Script", ["T token ids"], source=source)
    drawing.arrow((CENTRE, 41), (CENTRE, 60))
    chunks = [f"n = ⌈T / {CHUNK_LENGTH}⌉ chunks", f"ids (n, {CHUNK_LENGTH + N_SPECIAL_TOKENS})"]
    width = 26.0
    start = CENTRE - (N_DRAWN_CHUNKS * (width + 4) - 4) / 2
    for number in range(N_DRAWN_CHUNKS):
        drawing.rectangle(start + number * (width + 4), 62, width, 13, "neutral")
    source = "wholescript.features.token_chunks:TokenChunks.padded_chunks"
    drawing.text(CENTRE, 90, ", ".join(chunks), source=source)
    for centre in (LEFT, RIGHT):
        drawing.arrow((CENTRE, 96), (CENTRE, 103), (centre, 103), (centre, 118))


def _encoders(drawing: Drawing) -> None:
    features = FeatureConfig()
    d_encoder = packaged_encoder(features.encoder).d_model
    dimensions = MILClassifier("gated_attention").dimensions
    drawing.box(
        LEFT - COLUMN / 2,
        118,
        COLUMN,
        60,
        "Frozen encoder",
        ["all-MiniLM-L6-v2", f"first {features.n_layer} layers"],
        style="dashed",
        source="wholescript.features.pretrained_encoders:load_encoder",
    )
    scratch = SCRATCH_ENCODER
    drawing.box(
        RIGHT - COLUMN / 2,
        118,
        COLUMN,
        60,
        "Encoder from scratch",
        [
            f"{scratch['n_layer']} layers, {scratch['n_head']} heads",
            f"d_model {scratch['d_model']}",
        ],
        colour="blue",
        source="wholescript.models.scratch_encoder:ScratchEncoder",
    )
    # The mean is that of the whole vectors, the networks get the first axes.
    drawing.arrow((MEAN_INPUT, 178), (MEAN_INPUT, 258))
    drawing.text(MEAN_INPUT + 8, 195, f"vectors (n, {d_encoder})", soft=True, anchor="start")
    drawing.text(
        MEAN_INPUT + 8,
        211,
        f"PCA, first {dimensions} axes",
        anchor="start",
        source="wholescript.features.compression:PCARotation",
    )
    drawing.text(MEAN_INPUT + 8, 227, f"vectors (n, {dimensions})", soft=True, anchor="start")
    drawing.text(RIGHT, 195, f"vectors (n, {scratch['d_model']})", soft=True)
    drawing.line((LEFT, 231), (LEFT, BRANCH), (CENTRES[-1], BRANCH))
    drawing.line((RIGHT, 201), (RIGHT, BRANCH))


def _aggregators(drawing: Drawing) -> None:
    gated, decoder = (_defaults(name) for name in ("gated_attention", "query_decoder"))
    module = "wholescript.models.aggregators"
    aggregators = (
        (
            "Mean",
            ["logistic", "regression", "on all axes"],
            "wholescript.models.films.mean_embedding:MeanPoolingLR",
        ),
        (
            "Gated attention",
            [
                "weights (n,)",
                f"d_model {gated['d_model']}",
                f"d_attention {gated['d_attention']}",
            ],
            f"{module}:GatedAttention",
        ),
        (
            "Query decoder",
            [
                f"queries ({decoder['n_queries']}, {decoder['d_model']})",
                f"layers: {decoder['n_layer']}",
                f"heads: {decoder['n_head']}",
            ],
            f"{module}:QueryAggregator",
        ),
    )
    for centre, (name, notes, source) in zip(CENTRES, aggregators, strict=True):
        if name != "Mean":
            drawing.arrow((centre, BRANCH), (centre, 258))
        x = centre - THIRD / 2
        drawing.box(x, 258, THIRD, 70, name, notes, colour="blue", source=source)
        drawing.line((centre, 328), (centre, 346), (CENTRE, 346))
    drawing.arrow((CENTRE, 346), (CENTRE, 362))
    drawing.text(CENTRE + 8, 342, f"film ({decoder['d_model']},)", soft=True, anchor="start")
    drawing.box(
        90,
        362,
        180,
        42,
        "Logit of the film",
        ["sigmoid: P(nominated)"],
        colour="blue",
        source=f"{module}:AggregatorOutput",
    )


def _defaults(architecture: str) -> dict[str, Any]:
    """Return the default arguments of an aggregator."""
    parameters = inspect.signature(AGGREGATORS[architecture]).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}
