"""Diagram of the chunked classifier, from the script to the logit, with the shapes of tensors."""

import inspect
from typing import Any

from wholescript.features.encoder_config import packaged_encoder
from wholescript.features.extract import FeatureConfig
from wholescript.features.token_chunks import CHUNK_LENGTH
from wholescript.models.aggregators import AGGREGATORS
from wholescript.publish.diagrams.drawing import WIDTH, Colour, Drawing
from wholescript.studies.screenplays.models.configurations import SCRATCH_ENCODER
from wholescript.studies.screenplays.models.end_to_end import N_SPECIAL_TOKENS
from wholescript.studies.screenplays.models.mil import MILClassifier

CENTRE = WIDTH / 2
LEFT, RIGHT = 89.0, 271.0  # centres of the two encoders
COLUMN = 174.0  # width of an encoder
THIRD = 114.0  # width of an aggregator
N_DRAWN_CHUNKS = 8


def draw_chunked_model() -> str:
    """Return the diagram as SVG."""
    drawing = Drawing(442, f"{__name__}:draw_chunked_model")
    _script_and_chunks(drawing)
    _encoders(drawing)
    _aggregators(drawing)
    drawing.legend(436, [("frozen", "neutral", False), ("trained", "blue", False)])
    return drawing.svg()


def _script_and_chunks(drawing: Drawing) -> None:
    source = "wholescript.features.token_chunks:TokenChunks"
    drawing.box(90, 1, 180, 40, "Script", ["T token ids"], source=source)
    drawing.arrow((CENTRE, 41), (CENTRE, 60))
    chunks = [f"n = ⌈T / {CHUNK_LENGTH}⌉ chunks", f"ids (n, {CHUNK_LENGTH + N_SPECIAL_TOKENS})"]
    width = 26.0
    start = CENTRE - (N_DRAWN_CHUNKS * (width + 4) - 4) / 2
    for number in range(N_DRAWN_CHUNKS):
        drawing.rectangle(start + number * (width + 4), 62, width, 13, "neutral", outlined=True)
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
        dashed=True,
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
    drawing.text(LEFT, 195, f"vectors (n, {d_encoder})", soft=True)
    source = "wholescript.features.compression:PCARotation"
    drawing.text(LEFT, 211, f"PCA: first {dimensions} axes", source=source)
    drawing.text(LEFT, 227, f"vectors (n, {dimensions})", soft=True)
    drawing.text(RIGHT, 195, f"vectors (n, {scratch['d_model']})", soft=True)
    # Both lead to every aggregator.
    for centre, end in ((LEFT, 233), (RIGHT, 201)):
        drawing.line((centre, end), (centre, 241))
    drawing.line((THIRD / 2 + 1, 241), (WIDTH - THIRD / 2 - 1, 241))


def _aggregators(drawing: Drawing) -> None:
    gated, decoder = (_defaults(name) for name in ("gated_attention", "query_decoder"))
    module = "wholescript.models.aggregators"
    columns: list[tuple[str, list[str], Colour, str]] = [
        (
            "Mean",
            ["over chunks, all", "axes; logistic", "regression"],
            "blue",
            "wholescript.models.films.mean_embedding:MeanPoolingLR",
        ),
        (
            "Gated attention",
            ["weights (n,)", f"d_model {gated['d_model']}", f"d_att. {gated['d_attention']}"],
            "blue",
            f"{module}:GatedAttention",
        ),
        (
            "Query decoder",
            [
                f"queries ({decoder['n_queries']}, {decoder['d_model']})",
                f"layers: {decoder['n_layer']}",
                f"heads: {decoder['n_head']}",
            ],
            "blue",
            f"{module}:QueryAggregator",
        ),
    ]
    for number, (name, notes, colour, source) in enumerate(columns):
        x = 1 + number * (WIDTH - THIRD - 2) / 2
        centre = x + THIRD / 2
        drawing.arrow((centre, 241), (centre, 258))
        drawing.box(x, 258, THIRD, 70, name, notes, colour=colour, source=source)
        drawing.arrow((centre, 328), (centre, 346), (CENTRE, 346), (CENTRE, 362)) if (
            centre == CENTRE
        ) else drawing.line((centre, 328), (centre, 346), (CENTRE, 346))
    drawing.text(CENTRE + 8, 342, f"film ({decoder['d_model']},)", soft=True, anchor="start")
    drawing.box(
        90,
        362,
        180,
        42,
        "Logit of the film ()",
        ["sigmoid: P(nominated)"],
        colour="blue",
        source="wholescript.models.aggregators:AggregatorOutput",
    )


def _defaults(architecture: str) -> dict[str, Any]:
    """Return the default arguments of an aggregator."""
    parameters = inspect.signature(AGGREGATORS[architecture]).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}
