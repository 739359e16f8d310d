"""Ablation of the encoder settings: layer, pooling, chunk length, overlap and quantization.

    python benchmarks/encoder_choice.py films.parquet

Some windows of each core film (of films long enough to fill one) are embedded with all settings. A
film is represented by the mean of its chunk embeddings. Each setting is evaluated by the AUROC of a
logistic regression in repeated cross-validation, with C chosen on inner folds. The table also has
the paired difference from the published setting, and the number of outer training sets whose inner
folds alone choose the setting: their choice does not depend on the test films. Embeddings are
cached in .cache/encoder_choice, film by film, so that an interrupted run resumes.
"""

import functools
import io
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import timing
import torch
from cyclopts import Parameter, run
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from tqdm import tqdm

from wholescript.data.films import Corpus, load_corpus, repeated_folds
from wholescript.evaluation.film_bootstrap import bootstrap, paired_difference
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.features.chunks import Chunking
from wholescript.features.compression import (
    RELATIVE_STEP,
    dequantize,
    fit_pca_rotation,
    quantization_quality,
    quantize,
)
from wholescript.features.encoder_config import encoder_tokenizer
from wholescript.features.extract import FeatureConfig
from wholescript.features.pretrained_encoders import (
    MeanPooledEncoder,
    OpenVinoEncoder,
    TorchEncoder,
    quiet_loading,
)
from wholescript.files import ROOT, write_atomic
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.films.logistic_regression import NestedLogisticRegression
from wholescript.models.films.mean_embedding import MeanPoolingLR
from wholescript.models.types import Float64Array, IntArray
from wholescript.studies.screenplays.cross_validation import cross_validate

PUBLISHED = FeatureConfig()
WINDOW = 510
CHUNKINGS = ((126, 0), (254, 0), (254, 127), (510, 0))
"""Chunk length and overlap in tokens: 4, 2, 3 and 1 chunks per window."""
POOLINGS = (*(f"mean of layer {layer}" for layer in range(7)), "first token", "maximum")
"""The last two use layer 6."""
QUANTIZATION_STEPS = tuple(RELATIVE_STEP * factor for factor in (1 / 4, 1 / 2, 1, 2, 5))
N_AXES = (128, 64, 32)


def main(
    parquet: Annotated[Path, Parameter(help="Films with texts, as for --source local.")],
    n_windows: Annotated[int, Parameter(help=f"Windows of {WINDOW} tokens per film.")] = 8,
    n_repeats: Annotated[int, Parameter(help="Repeats of 5-fold cross-validation.")] = 5,
    output: timing.Output = timing.RESULTS / "encoder_choice.json",
) -> None:
    """Evaluate all settings; print and write the metrics."""
    corpus = load_corpus("local", parquet)
    corpus = corpus.select(corpus.films["n_words"] >= WINDOW)
    means, chunks = embed(corpus, n_windows)
    dataset = FilmDataset(corpus.films, corpus.labels, corpus.groups, None)
    folds = repeated_folds(dataset.labels, dataset.groups, n_repeats=n_repeats)

    def evaluate(title: str, vectors: dict[str, NDArray[Any]], published: str) -> list[Any]:
        models = [FilmVectorLR(name=k, vectors=x.astype(np.float64)) for k, x in vectors.items()]
        found = {
            model.name: cross_validate(model, dataset, folds, seed=0, progress=False)
            for model in tqdm(models, desc=title)
        }
        return compare(found, published)

    chunking = CHUNKINGS.index((PUBLISHED.chunk_length, PUBLISHED.chunk_overlap))
    layer = PUBLISHED.n_layer
    by_pooling = {name: means[:, chunking, i] for i, name in enumerate(POOLINGS)}
    by_chunking = {
        f"{length} tokens, overlap {overlap}": means[:, i, layer]
        for i, (length, overlap) in enumerate(CHUNKINGS)
    }
    poolings = evaluate("layer and pooling", by_pooling, POOLINGS[layer])
    lengths = evaluate("chunk length and overlap", by_chunking, list(by_chunking)[chunking])

    costs, films = {}, {}
    for name, (vectors, cost) in quantized_variants(chunks.reshape(-1, chunks.shape[-1])).items():
        costs[name], films[name] = cost, vectors.reshape(chunks.shape).mean(1)
    quantized = [
        costs[row["name"]] | row
        for row in evaluate("quantization", films, step_name(RELATIVE_STEP))
    ]

    result = {
        "films": len(corpus),
        "positive": int(dataset.labels.sum()),
        "windows": n_windows,
        "settings": asdict(PUBLISHED.resolved()),
        "folds": f"{n_repeats} x 5, C among {list(MeanPoolingLR.Cs)} by inner folds",
        "poolings": poolings,
        "chunk_lengths": lengths,
        "quantization": quantized,
    }
    timing.write_result(output, result, echo=False)
    show("layer and pooling", poolings)
    show("chunk length and overlap", lengths)
    show("quantization", quantized, "bytes_per_chunk", "lost_variance")


class AllPoolings(nn.Module):
    """All poolings of a chunk: ids and mask (batch, length) to (batch, 9, 384)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = MeanPooledEncoder(6).encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Run all layers; all chunks have full length, so the mask is not needed for pooling."""
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        ).hidden_states
        last = states[-1]
        return torch.stack([*(s.mean(1) for s in states), last[:, 0], last.amax(1)], 1)


@functools.cache
def encoder() -> OpenVinoEncoder | TorchEncoder:
    """Load the encoder once in each process, with the engine of feature extraction."""
    settings = PUBLISHED.resolved()
    with quiet_loading():
        engine = OpenVinoEncoder if settings.engine == "openvino" else TorchEncoder
        return engine(AllPoolings(), settings.precision)


def embed_film(text: str, n_windows: int, path: Path) -> None:
    """Store the means of the chunks, (chunkings, 9, 384), and the published chunks, float16."""
    ids = np.array(encoder_tokenizer().encode(text, add_special_tokens=False).ids, np.int64)
    # In the middle of equal parts: the title page is not representative.
    starts = ((np.arange(n_windows) + 0.5) / n_windows * (len(ids) - WINDOW)).astype(int)
    means, published = [], np.zeros(0)
    for length, overlap in CHUNKINGS:
        chunks = [
            chunk
            for start in starts
            for chunk in Chunking(length, overlap).split(ids[start : start + WINDOW])
            if len(chunk) == length
        ]
        input_ids = np.array([[101, *chunk, 102] for chunk in chunks])
        embeddings = np.concatenate(
            [encoder().encode(ids, np.ones_like(ids)) for ids in np.split(input_ids, n_windows)]
        )
        means.append(embeddings.mean(0))
        if (length, overlap) == (PUBLISHED.chunk_length, PUBLISHED.chunk_overlap):
            published = embeddings[:, PUBLISHED.n_layer].astype(np.float16)
    buffer = io.BytesIO()
    np.savez(buffer, means=np.stack(means), chunks=published)
    write_atomic(path, buffer.getvalue())


def embed(corpus: Corpus, n_windows: int) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    """Return the means, (n, chunkings, 9, 384), and the published chunks, (n, chunks, 384)."""
    assert corpus.texts is not None
    settings = PUBLISHED.resolved()
    folder = ROOT / ".cache" / "encoder_choice" / f"{settings.key}-{n_windows}x{WINDOW}"
    paths = [folder / f"{sha1}.npz" for sha1 in corpus.films["text_sha1"]]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, torch.set_num_threads, (1,)) as pool:
        jobs = [
            pool.submit(embed_film, corpus.texts[film_id], n_windows, path)
            for film_id, path in zip(corpus.film_ids, paths, strict=True)
            if not path.exists()
        ]
        for job in tqdm(jobs, desc="embedding", unit="film"):
            job.result()
    stored = []
    for path in paths:
        with np.load(path, allow_pickle=False) as film:
            stored.append((film["means"], film["chunks"]))
    return np.stack([means for means, _ in stored]), np.stack([chunks for _, chunks in stored])


@dataclass(kw_only=True)
class FilmVectorLR(NestedLogisticRegression):
    """Logistic regression on one vector per film, scaled as in `MeanPoolingLR`."""

    Cs: tuple[float, ...] = MeanPoolingLR.Cs
    vectors: Float64Array = field(repr=False)

    def design_matrices(
        self, dataset: FilmDataset, train: IntArray, test: IntArray
    ) -> tuple[Float64Array, Float64Array]:
        """Return the scaled vectors of the training and of the test films."""
        centred = self.vectors - self.vectors[train].mean(0)
        scale = centred[train].std() or 1.0
        return centred[train] / scale, centred[test] / scale


def quantized_variants(
    vectors: NDArray[np.float16],
) -> dict[str, tuple[NDArray[np.float32], dict[str, float]]]:
    """Return the chunk vectors (n, d) after each quantization, with its size and error."""
    plain = {"bytes_per_chunk": float(2 * vectors.shape[1]), "lost_variance": 0.0}
    found = {"float16": (vectors.astype(np.float32), plain)}
    variants = [(step, vectors.shape[1]) for step in QUANTIZATION_STEPS] + [
        (RELATIVE_STEP, k) for k in N_AXES
    ]
    for step, n_axes in tqdm(variants, desc="quantization"):
        rotation = fit_pca_rotation(vectors, step)
        codes = quantize(vectors, rotation)
        codes[:, n_axes:] = 0
        packed = pa.Codec("zstd", compression_level=19).compress(codes.T.tobytes())
        error = quantization_quality(vectors, codes, rotation)
        row = {
            "bytes_per_chunk": round(len(packed) / len(vectors), 1),
            "lost_variance": round(error.lost_variance, 5),
            "centred_cosine": round(error.centred_cosine, 5),
        }
        name = step_name(step) + (f", first {n_axes} axes" * (n_axes < vectors.shape[1]))
        found[name] = dequantize(codes, rotation), row
    return found


def step_name(step: float) -> str:
    """Name a quantization by its step, relative to the deviation along the first axis."""
    return f"step 1/{1 / step:.3g}"


def compare(found: dict[str, FilmPredictions], published: str) -> list[dict[str, Any]]:
    """Return a row per setting: AUROC, difference from the published one, and inner-fold counts."""
    inner = {name: [fold["inner_auc"] for fold in p.chosen] for name, p in found.items()}
    wins = np.argmax(list(inner.values()), axis=0)
    rows = []
    for index, (name, predictions) in enumerate(found.items()):
        difference = paired_difference(predictions, found[published], ["auc"]).iloc[0]
        auc = bootstrap(predictions, ["auc"]).iloc[0]
        rows.append(
            {
                "name": name,
                "published": name == published,
                "auc": [round(auc[key], 4) for key in ("value", "low", "high")],
                "difference": [round(difference[key], 4) for key in ("value", "low", "high")],
                "inner_auc": round(float(np.mean(inner[name])), 4),
                "n_chosen_by_inner_folds": int((wins == index).sum()),
            }
        )
    return rows


def show(title: str, rows: list[dict[str, Any]], *columns: str) -> None:
    """Print a table."""
    table = Table(title=title)
    table.add_column("setting", no_wrap=True)
    for column in ("AUROC", "minus published", "inner AUROC", "chosen by inner folds", *columns):
        table.add_column(column.replace("_", " "), justify="right", no_wrap=True)
    for row in rows:
        value, low, high = row["difference"]
        table.add_row(
            row["name"] + (" (published)" if row["published"] else ""),
            "{:.3f} ({:.3f} to {:.3f})".format(*row["auc"]),
            f"{value:+.3f} ({low:+.3f} to {high:+.3f})",
            f"{row['inner_auc']:.3f}",
            str(row["n_chosen_by_inner_folds"]),
            *(str(row[column]) for column in columns),
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    run(main)
