"""Embedding speed: this package, and sentence-transformers with its default settings.

    pip install sentence-transformers
    python benchmarks/encoding.py films.parquet

Both embed the same chunks of the same screenplays on the same cores, alternately, after a warm-up.
The time of this package includes splitting the screenplays into chunks; sentence-transformers is
given the text of each chunk, from the tokenizer's offsets, and that is not timed. A chunk that
begins inside a word has other tokens there: such chunks are timed, but embeddings are compared only
for chunks with equal tokens.
"""

import functools
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import repeat
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import timing
import torch
from cyclopts import Parameter, run
from numpy.typing import NDArray

from wholescript.data.films import load_corpus
from wholescript.experiments.environment import device_name
from wholescript.features.chunks import Chunking
from wholescript.features.encoder_config import (
    MINILM,
    ChunkEncoder,
    Engine,
    Precision,
    encoder_tokenizer,
)
from wholescript.features.extract import FeatureConfig, encode_script
from wholescript.features.pretrained_encoders import load_encoder

Vectors = NDArray[np.float32]
PUBLISHED = FeatureConfig().resolved()
CHUNKING = Chunking(PUBLISHED.chunk_length, PUBLISHED.chunk_overlap)


@dataclass(frozen=True)
class EncoderConfig:
    """Number of layers, inference engine and precision of an encoder."""

    n_layer: int
    engine: Engine
    precision: Precision


def main(
    parquet: Annotated[Path, Parameter(help="Films with texts, as for --source local.")],
    n_films: Annotated[int, Parameter(help="Number of films, evenly spaced in the file.")] = 8,
    rounds: timing.Rounds = 5,
    output: timing.Output = timing.RESULTS / "encoding.json",
) -> None:
    """Time the encoders and compare their embeddings; print and write both."""
    from sentence_transformers import SentenceTransformer

    texts = read_texts(parquet, n_films)
    chunks, token_ids = split_into_chunks(texts)
    reference = SentenceTransformer(str(MINILM.folder))
    equal_tokens = [
        reference.tokenizer(chunk, add_special_tokens=False)["input_ids"] == ids
        for chunk, ids in zip(chunks, token_ids, strict=True)
    ]
    configs = {
        "wholescript, whole encoder": EncoderConfig(6, PUBLISHED.engine, "float32"),
        f"wholescript, {PUBLISHED.precision}": EncoderConfig(
            6, PUBLISHED.engine, PUBLISHED.precision
        ),
        "wholescript, as published": EncoderConfig(
            PUBLISHED.n_layer, PUBLISHED.engine, PUBLISHED.precision
        ),
    }
    if PUBLISHED.precision == "float32":
        del configs["wholescript, float32"]
    cores = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(cores)
    vectors: dict[str, Vectors] = {}
    with ProcessPoolExecutor(cores, context, start_worker, (list(configs.values()), ready)) as pool:

        def embed(name: str) -> None:
            if name in configs:
                films = pool.map(embed_script, repeat(configs[name]), texts)
                vectors[name] = np.concatenate(list(films))
            else:
                vectors[name] = np.asarray(reference.encode(chunks), np.float32)

        names = ["sentence-transformers", *configs]
        timers = {name: functools.partial(timing.seconds_of, embed, name) for name in names}
        seconds = timing.time_alternately(timers, rounds)

    settings: dict[str, dict[str, Any]] = {name: asdict(c) for name, c in configs.items()}
    settings["sentence-transformers"] = {
        "n_layer": 6,
        "engine": f"torch, {reference.device}",
        "precision": str(next(reference.parameters()).dtype).removeprefix("torch."),
    }
    n_tokens = sum(map(len, token_ids))
    expected = vectors["sentence-transformers"][equal_tokens]
    rows = []
    for name in names:
        row = {
            "name": name,
            **settings[name],
            "seconds": seconds[name],
            "tokens_per_second": round(n_tokens / median(seconds[name])),
            "speedup": timing.median_ratio(seconds["sentence-transformers"], seconds[name]),
        }
        if settings[name]["n_layer"] == 6:
            row |= cosines(vectors[name][equal_tokens], expected)
        rows.append(row)
    result = {
        "device": device_name(),
        "threads": f"torch: {torch.get_num_threads()}; wholescript: {cores} processes of 1",
        "versions": {
            name: version(name)
            for name in ("sentence-transformers", "transformers", "torch", "openvino")
        },
        "films": len(texts),
        "chunks": len(chunks),
        "chunk_length": PUBLISHED.chunk_length,
        "tokens": n_tokens,
        "chunks_with_equal_tokens": sum(equal_tokens),
        "models_compared": rows,
    }
    timing.write_result(output, result)


def read_texts(parquet: Path, n_films: int) -> list[str]:
    """Return the texts of `n_films` films, evenly spaced in the file."""
    corpus = load_corpus("local", parquet)
    assert corpus.texts is not None
    indices = np.unique(np.linspace(0, len(corpus) - 1, n_films).round().astype(int))
    return [corpus.texts[corpus.film_ids[index]] for index in indices]


def split_into_chunks(texts: list[str]) -> tuple[list[str], list[list[int]]]:
    """Return the text and the token ids of every chunk, as `encode_script` splits them."""
    chunks, token_ids = [], []
    for text in texts:
        encoding = encoder_tokenizer().encode(text, add_special_tokens=False)
        for window in CHUNKING.split(np.arange(len(encoding.ids))):
            start, stop = encoding.offsets[window[0]][0], encoding.offsets[window[-1]][1]
            chunks.append(text[start:stop])
            token_ids.append([encoding.ids[token] for token in window])
    return chunks, token_ids


def cosines(a: Vectors, b: Vectors) -> dict[str, float]:
    """Return the minimum and the mean cosine of the rows of two arrays (n, d)."""
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return {"cosine_min": float(cosine.min()), "cosine_mean": float(cosine.mean())}


@functools.cache
def encoder(config: EncoderConfig) -> ChunkEncoder:
    """Load an encoder once in each process."""
    return load_encoder(config.n_layer, config.engine, config.precision)


def start_worker(configs: list[EncoderConfig], ready: Barrier) -> None:
    """Load every encoder, then wait until all other workers have loaded theirs."""
    torch.set_num_threads(1)
    for config in configs:
        encoder(config)
    ready.wait()


def embed_script(config: EncoderConfig, text: str) -> Vectors:
    """Embed one screenplay in a worker, as feature extraction does."""
    return encode_script(text, encoder(config), CHUNKING)[0].astype(np.float32)


if __name__ == "__main__":
    run(main)
