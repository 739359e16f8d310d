"""How fast chunks are embedded: this project beside sentence-transformers with its defaults.

    python benchmarks/encoding.py films.parquet

Both read the same files on the same cores in one run, warm, in an order that is turned about
every round. This project cuts whole scripts itself, and that is timed; sentence-transformers is
given the text of each chunk, found by the tokenizer's offsets beforehand, and that is not. A
chunk that begins inside a word reads as another token there: such chunks take part in the timing,
but vectors are compared only where both read the same tokens. Needs `pip install
sentence-transformers`, which nothing else here does.
"""

import functools
import json
import multiprocessing
import os
import platform
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import repeat
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from tqdm.auto import tqdm

from wholescript.data.films import load_corpus
from wholescript.features.chunks import Chunking
from wholescript.features.extract import FeatureConfig, encode_script
from wholescript.features.pretrained_encoders import (
    ChunkEncoder,
    Engine,
    Precision,
    load_encoder,
    minilm_folder,
    wordpiece_tokenizer,
)
from wholescript.files import ROOT, write_atomic

Vectors = NDArray[np.float32]
Run = tuple[int, Engine, Precision]
"""Layers, engine and precision."""


@dataclass
class ModelTiming:
    """Something that embeds all chunks of all films; `seconds` holds one time a round."""

    name: str
    n_layer: int
    engine: str
    precision: str
    encode: Callable[[], Vectors]
    seconds: list[float] = field(default_factory=list)

    def run(self) -> Vectors:
        """Embed everything once and note the time."""
        start = perf_counter()
        vectors = self.encode()
        self.seconds.append(perf_counter() - start)
        return vectors


def main(
    parquet: Annotated[Path, typer.Argument(help="Films with texts, as source='local' reads.")],
    films: Annotated[int, typer.Option(help="How many, evenly from the file.")] = 8,
    rounds: Annotated[int, typer.Option(help="Timed rounds, after one to warm up.")] = 5,
    output: Annotated[Path, typer.Option()] = ROOT / "benchmarks" / "results" / "encoding.json",
) -> None:
    """Time the contestants, compare their vectors and write both as JSON."""
    from sentence_transformers import SentenceTransformer

    texts = read_texts(parquet, films)
    chunks, content = cut(texts)
    published = FeatureConfig().resolved()
    reference = SentenceTransformer(str(minilm_folder()))
    same = [
        reference.tokenizer(chunk, add_special_tokens=False)["input_ids"] == ids
        for chunk, ids in zip(chunks, content, strict=True)
    ]
    cores = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    runs: dict[str, Run] = {
        "wholescript, whole encoder": (6, published.engine, "float32"),
        f"wholescript, {published.precision}": (6, published.engine, published.precision),
        "wholescript, as published": (published.n_layer, published.engine, published.precision),
    }
    if published.precision == "float32":
        del runs["wholescript, float32"]
    ready = context.Barrier(cores)
    with ProcessPoolExecutor(cores, context, start_worker, (list(runs.values()), ready)) as pool:

        def ours(name: str, run: Run) -> ModelTiming:
            def encode() -> Vectors:
                return np.concatenate(list(pool.map(encode_text, repeat(run), texts)))

            return ModelTiming(name, *run, encode)

        baseline = ModelTiming(
            "sentence-transformers",
            6,
            f"torch, {reference.device}",
            str(next(reference.parameters()).dtype).removeprefix("torch."),
            lambda: np.asarray(reference.encode(chunks), np.float32),
        )
        models_compared = [baseline, *(ours(name, run) for name, run in runs.items())]
        vectors = {entry.name: entry.encode() for entry in tqdm(models_compared, desc="warming up")}
        for number in tqdm(range(rounds), desc="rounds"):
            for entry in models_compared[:: 1 if number % 2 == 0 else -1]:
                entry.run()

    tokens = sum(map(len, content))
    rows = [
        describe(entry, baseline, tokens, vectors[entry.name], vectors[baseline.name], same)
        for entry in models_compared
    ]
    result = {
        "cpu": cpu_name(),
        "cores": cores,
        "threads": f"torch: {torch.get_num_threads()}; wholescript: {cores} processes of 1",
        "versions": {
            name: version(name)
            for name in ("sentence-transformers", "transformers", "torch", "openvino")
        },
        "films": len(texts),
        "chunks": len(chunks),
        "chunk_length": published.chunk_length,
        "tokens": tokens,
        "chunks_read_alike": sum(same),
        "contestants": rows,
    }
    write_atomic(output, json.dumps(result, indent=2) + "\n")
    show(result)


def read_texts(parquet: Path, films: int) -> list[str]:
    """Return the texts of `films` films, evenly spread over the file."""
    corpus = load_corpus("local", parquet)
    assert corpus.texts is not None
    rows = np.unique(np.linspace(0, len(corpus) - 1, films).round().astype(int))
    return [corpus.texts[corpus.film_ids[row]] for row in rows]


def cut(texts: list[str]) -> tuple[list[str], list[list[int]]]:
    """Return the text and the token ids of every chunk, as `encode_script` cuts them."""
    settings = FeatureConfig()
    chunking = Chunking(settings.chunk_length, settings.chunk_overlap)
    chunks, content = [], []
    for text in texts:
        encoding = wordpiece_tokenizer().encode(text, add_special_tokens=False)
        for window in chunking.split(np.arange(len(encoding.ids))):
            start, stop = encoding.offsets[window[0]][0], encoding.offsets[window[-1]][1]
            chunks.append(text[start:stop])
            content.append([encoding.ids[token] for token in window])
    return chunks, content


@functools.cache
def encoder(n_layer: int, engine: Engine, precision: Precision) -> ChunkEncoder:
    """Load an encoder once in each process."""
    return load_encoder(n_layer, engine, precision)


def start_worker(runs: list[Run], ready: Barrier) -> None:
    """Load every encoder, and begin only when all other workers have, too."""
    torch.set_num_threads(1)
    for run in runs:
        encoder(*run)
    ready.wait()


def encode_text(run: Run, text: str) -> Vectors:
    """Embed one script in a worker, as feature extraction does."""
    published = FeatureConfig()
    chunking = Chunking(published.chunk_length, published.chunk_overlap)
    return encode_script(text, encoder(*run), chunking)[0].astype(np.float32)


def describe(
    entry: ModelTiming,
    baseline: ModelTiming,
    tokens: int,
    vectors: Vectors,
    expected: Vectors,
    same: list[bool],
) -> dict[str, Any]:
    """Return one row: speed, ratio, and cosines where both ran all layers."""
    speed = tokens / median(entry.seconds)
    row = {key: value for key, value in asdict(entry).items() if key != "encode"}
    row["seconds"] = [round(seconds, 3) for seconds in entry.seconds]
    row["tokens_per_second"] = round(speed)
    row["ratio"] = round(speed * median(baseline.seconds) / tokens, 3)
    if entry.n_layer == baseline.n_layer:
        a, b = vectors[same], expected[same]
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        row["cosine_min"], row["cosine_mean"] = float(cosine.min()), float(cosine.mean())
    return row


def cpu_name() -> str:
    """Return the model name of the CPU."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    table = Table(
        title=f"{result['films']} films, {result['tokens']:,} tokens in {result['chunks']} chunks",
        caption=(
            f"{result['cpu']}, {result['cores']} cores; threads: {result['threads']}; medians of "
            f"{len(result['contestants'][0]['seconds'])} rounds. Cosines over the "
            f"{result['chunks_read_alike']} chunks in which both read the same tokens."
        ),
    )
    for name in ("", "n_layer", "engine", "precision", "tokens/s", "ratio", "cosine min", "mean"):
        left = name in ("", "engine", "precision")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for row in result["contestants"]:
        cosines = [f"{row[key]:.5f}" if key in row else "" for key in ("cosine_min", "cosine_mean")]
        table.add_row(
            row["name"],
            str(row["n_layer"]),
            row["engine"],
            row["precision"],
            f"{row['tokens_per_second']:,}",
            f"{row['ratio']:.2f}",
            *cosines,
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
