"""Extraction of the features of each film, in parallel processes, with one cache file per film.

Files are written atomically: an interrupted extraction can be continued, and a film whose text
changed, or whose file is damaged, is extracted again. The text cannot be recovered from a file.
"""

import functools
import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm import tqdm

from wholescript.features.chunks import Chunking, pad_batch
from wholescript.features.encoder_config import (
    DEFAULT_ENCODER,
    ChunkEncoder,
    EncoderConfig,
    encoder_tokenizer,
    special_token_ids,
)
from wholescript.features.layout import measure_layout
from wholescript.features.pretrained_encoders import load_encoder
from wholescript.features.tokenizers import count_gpt2_tokens
from wholescript.features.word_counts import FilmWordCounts, count_words
from wholescript.files import write_atomic
from wholescript.settings import NonNegativeInt, PositiveInt

CHUNKS_PER_BATCH = 8
"""Larger batches do not fit into the CPU's cache and were slower on two cores."""


@dataclass(frozen=True, kw_only=True)
class FeatureConfig(EncoderConfig):
    """The settings that, with the text, determine the features of a film.

    `encoder` is a name of `PACKAGED_ENCODERS`; chunks have `chunk_length` of its tokens.
    """

    n_layer: PositiveInt = 3
    """Number of encoder layers, the first n."""
    chunk_length: PositiveInt = 254
    """Tokens per chunk."""
    chunk_overlap: NonNegativeInt = 0
    """Tokens that consecutive chunks share."""
    encoder: str = DEFAULT_ENCODER
    max_chunks: PositiveInt | None = None
    """The first chunks of a film that are embedded; None: all."""

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as caches and bundles store them.

        The default encoder and number of chunks are left out.
        """
        settings = super().as_dict()
        if self.encoder == DEFAULT_ENCODER:
            del settings["encoder"]
        if self.max_chunks is None:
            del settings["max_chunks"]
        # The order of the manifests that exist.
        first = {name: settings.pop(name) for name in ("layers", "chunk_length", "chunk_overlap")}
        return {**first, **settings}

    @property
    def key(self) -> str:
        """The first 12 hex digits of the SHA-256 of the settings."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class FilmRecord:
    """Features of one film; `chunks` is (n_chunks, d_model) float16, `layout` (13,) float32."""

    n_gpt2_tokens: int
    n_wordpiece_tokens: int
    word_counts: FilmWordCounts
    layout: NDArray[np.float32]
    chunks: NDArray[np.float16]


def encode_script(
    text: str, encoder: ChunkEncoder, chunking: Chunking, max_chunks: int | None = None
) -> tuple[NDArray[np.float16], int]:
    """Embed the first `max_chunks` chunks of a script, by default all of them.

    Returns (n_chunks, d_model) float16, and the number of tokens of the whole script.
    """
    tokenizer = encoder_tokenizer(encoder.encoder)
    cls, sep, pad = special_token_ids(encoder.encoder)
    ids = np.array(tokenizer.encode(text, add_special_tokens=False).ids, np.int64)
    chunks = chunking.split(ids)[:max_chunks]
    padded, mask = pad_batch([np.array([cls, *chunk, sep]) for chunk in chunks], pad)
    vectors = [
        encoder.encode(
            padded[start : start + CHUNKS_PER_BATCH], mask[start : start + CHUNKS_PER_BATCH]
        )
        for start in range(0, len(padded), CHUNKS_PER_BATCH)
    ]
    return np.concatenate(vectors).astype(np.float16), len(ids)


def extract_film(
    text: str, encoder: ChunkEncoder, chunking: Chunking, max_chunks: int | None = None
) -> FilmRecord:
    """Compute all features of a script; its words are those of all chunks."""
    chunks, wordpieces = encode_script(text, encoder, chunking, max_chunks)
    return FilmRecord(
        count_gpt2_tokens(text), wordpieces, count_words(text), measure_layout(text), chunks
    )


class FilmExtractor:
    """Extracts films one by one.

    The encoder is loaded with the first film, so that an error is raised for that film.
    """

    def __init__(self, settings: FeatureConfig) -> None:
        self.settings = settings

    def __call__(self, text: str) -> FilmRecord:
        """Compute all features of a script."""
        settings = self.settings
        chunking = Chunking(settings.chunk_length, settings.chunk_overlap)
        return extract_film(text, self._encoder, chunking, settings.max_chunks)

    @functools.cached_property
    def _encoder(self) -> ChunkEncoder:
        settings = self.settings
        return load_encoder(settings.n_layer, settings.engine, settings.precision, settings.encoder)


def record_path(folder: Path, film_id: str) -> Path:
    """Return the file of a film's record; characters that file names must not have are quoted."""
    return folder / f"{quote(film_id, safe='')}.safetensors"


def serialize_record(record: FilmRecord, text_sha1: str) -> bytes:
    """Return the bytes of a record's file; the same record gives the same bytes."""
    tensors: dict[str, NDArray[Any]] = {
        "chunks": record.chunks,
        "structure": record.layout,
        "tokens": np.array([record.n_gpt2_tokens, record.n_wordpiece_tokens], np.int64),
        "word_counts": record.word_counts.counts,
        "words": np.frombuffer("\n".join(record.word_counts.vocabulary).encode(), np.uint8),
    }
    return save(tensors, metadata={"text_sha1": text_sha1})


def save_record(path: Path, record: FilmRecord, text_sha1: str) -> None:
    """Write a record atomically."""
    write_atomic(path, serialize_record(record, text_sha1))


def load_record(path: Path, text_sha1: str) -> FilmRecord | None:
    """Read a record; return None if it is absent, damaged or of another text."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("text_sha1") != text_sha1:
                return None
        tensors = load_file(path)
    except (FileNotFoundError, safetensors.SafetensorError):
        return None
    vocabulary = tensors["words"].tobytes().decode().split("\n") if tensors["words"].size else []
    gpt2, wordpieces = tensors["tokens"].tolist()
    return FilmRecord(
        gpt2,
        wordpieces,
        FilmWordCounts(vocabulary, tensors["word_counts"]),
        tensors["structure"],
        tensors["chunks"],
    )


def sha1_of(text: str) -> str:
    """Return the SHA-1 of a text's UTF-8 bytes, in hex; it identifies the text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def extract_records(
    texts: Iterable[tuple[str, str]],
    folder: Path,
    settings: FeatureConfig,
    *,
    total: int | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, str]:
    """Extract every (film_id, text) whose record is not yet in `folder`.

    Each of `workers` processes (default: one per core) extracts one film at a time on one core;
    texts are read as they are needed. Returns the SHA-1 of each text by film id, for
    `load_record`. The progress bar shows encoder tokens per second, without cached films.
    """
    settings = settings.resolved()
    workers = workers or os.cpu_count() or 1
    text_sha1s: dict[str, str] = {}
    pending: set[Future[int]] = set()
    with (
        tqdm(total=total, unit="film", desc="features", disable=not progress) as bar,
        ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), _start_worker, (settings,)
        ) as pool,
    ):
        throughput = _ThroughputBar(bar)
        for film_id, text in texts:
            text_sha1s[film_id] = sha1 = sha1_of(text)
            path = record_path(folder, film_id)
            if load_record(path, sha1) is not None:
                bar.update()
                continue
            pending.add(pool.submit(_extract_and_save, text, path, sha1))
            if len(pending) >= 2 * workers:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                throughput.count(done)
        throughput.count(wait(pending).done)
    return text_sha1s


class _ThroughputBar:
    """Shows tokens per second since the first film was submitted."""

    def __init__(self, bar: tqdm) -> None:
        self._bar, self._start, self._tokens = bar, perf_counter(), 0

    def count(self, done: set[Future[int]]) -> None:
        """Count finished films; raise the error of a worker, if any."""
        self._tokens += sum(future.result() for future in done)
        self._bar.set_postfix_str(f"{self._tokens / (perf_counter() - self._start):,.0f} tokens/s")
        self._bar.update(len(done))


_extract: FilmExtractor


def _start_worker(settings: FeatureConfig) -> None:
    global _extract
    _extract = FilmExtractor(settings)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """Exit when the parent process ends; otherwise workers of a killed pool wait forever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _extract_and_save(text: str, path: Path, text_sha1: str) -> int:
    record = _extract(text)
    save_record(path, record, text_sha1)
    return record.n_wordpiece_tokens
