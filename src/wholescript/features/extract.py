"""From the text of each film to its features, film by film, resumable at any moment.

One file a film, written atomically: a killed extraction goes on where it stopped, and a film
whose text changed, or whose file is damaged, is extracted anew. Nothing in a file can be turned
back into running text.
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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm.auto import tqdm

from wholescript.features.chunks import Chunking
from wholescript.features.gpt2_tokenizer import count_gpt2_tokens
from wholescript.features.layout import measure_structure
from wholescript.features.pretrained_encoders import (
    EMBEDDING_DIM,
    ChunkEncoder,
    Engine,
    Precision,
    load_encoder,
    resolve_engine,
    wordpiece_tokenizer,
)
from wholescript.features.word_counts import FilmWordCounts, count_words
from wholescript.files import write_atomic

CHUNKS_PER_BATCH = 8
"""Small batches stay in the CPU's cache; larger ones were slower on two cores."""


@dataclass(frozen=True)
class FeatureConfig:
    """What decides the features of a film, apart from its text."""

    n_layer: int = 3
    chunk_length: int = 254
    chunk_overlap: int = 0
    engine: Engine = "auto"
    precision: Precision = "auto"

    def resolved(self) -> "FeatureConfig":
        """Replace `auto` by what this machine will really run."""
        engine, precision = resolve_engine(self.engine, self.precision)
        return replace(self, engine=engine, precision=precision)

    @property
    def key(self) -> str:
        """Name the settings by content, 12 hex digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class FilmRecord:
    """Features of one film; `chunks` is (n_chunks, 384) float16, `structure` float32."""

    gpt2_tokens: int
    wordpiece_tokens: int
    words: FilmWordCounts
    structure: NDArray[np.float32]
    chunks: NDArray[np.float16]


def encode_script(
    text: str, encoder: ChunkEncoder, chunking: Chunking
) -> tuple[NDArray[np.float16], int]:
    """Embed every chunk of a script; return (n_chunks, 384) float16 and the token count."""
    tokenizer = wordpiece_tokenizer()
    first, last = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    ids = np.array(tokenizer.encode(text, add_special_tokens=False).ids, np.int64)
    pieces = chunking.split(ids)
    longest = max(map(len, pieces)) + 2
    padded = np.zeros((len(pieces), longest), np.int64)
    mask = np.zeros_like(padded)
    for row, piece in enumerate(pieces):
        padded[row, : len(piece) + 2] = [first, *piece, last]
        mask[row, : len(piece) + 2] = 1
    vectors = [
        encoder.encode(
            padded[start : start + CHUNKS_PER_BATCH], mask[start : start + CHUNKS_PER_BATCH]
        )
        for start in range(0, len(pieces), CHUNKS_PER_BATCH)
    ]
    return np.concatenate(vectors).astype(np.float16), len(ids)


def extract_film(text: str, encoder: ChunkEncoder, chunking: Chunking) -> FilmRecord:
    """Compute all features of one script."""
    chunks, wordpieces = encode_script(text, encoder, chunking)
    return FilmRecord(
        count_gpt2_tokens(text), wordpieces, count_words(text), measure_structure(text), chunks
    )


def record_path(folder: Path, film_id: str) -> Path:
    """Return where a film's record lies; ids may hold characters that file names may not."""
    return folder / f"{quote(film_id, safe='')}.safetensors"


def serialize_record(record: FilmRecord, text_sha1: str) -> bytes:
    """Return a record as the bytes of its file; the same record gives the same bytes."""
    tensors: dict[str, NDArray[Any]] = {
        "chunks": record.chunks,
        "structure": record.structure,
        "tokens": np.array([record.gpt2_tokens, record.wordpiece_tokens], np.int64),
        "word_counts": record.words.counts,
        "words": np.frombuffer("\n".join(record.words.words).encode(), np.uint8),
    }
    return save(tensors, metadata={"text_sha1": text_sha1})


def save_record(path: Path, record: FilmRecord, text_sha1: str) -> None:
    """Write a record atomically."""
    write_atomic(path, serialize_record(record, text_sha1))


def load_record(path: Path, text_sha1: str) -> FilmRecord | None:
    """Read a record, or return None where it is absent, damaged or of another text."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("text_sha1") != text_sha1:
                return None
        tensors = load_file(path)
    except (FileNotFoundError, safetensors.SafetensorError):
        return None
    words = tensors["words"].tobytes().decode().split("\n") if tensors["words"].size else []
    gpt2, wordpieces = tensors["tokens"].tolist()
    return FilmRecord(
        gpt2,
        wordpieces,
        FilmWordCounts(words, tensors["word_counts"]),
        tensors["structure"],
        tensors["chunks"].reshape(-1, EMBEDDING_DIM),
    )


def sha1_of(text: str) -> str:
    """Return the SHA-1 of a text's UTF-8 bytes, in hex: the name of a text, not a safeguard."""
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

    Each of `workers` processes (one a core by default) works on a film of its own, on one core;
    texts are read just ahead of them. Returns the SHA-1 of each text by film id, which
    `load_record` asks for. The progress bar shows encoder tokens per second, cached films left
    out.
    """
    settings = settings.resolved()
    workers = workers or os.cpu_count() or 1
    fingerprints: dict[str, str] = {}
    pending: set[Future[int]] = set()
    with (
        tqdm(total=total, unit="film", desc="features", disable=not progress) as bar,
        ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), _start_worker, (settings,)
        ) as pool,
    ):
        speed = _ThroughputBar(bar)
        for film_id, text in texts:
            fingerprints[film_id] = sha1 = sha1_of(text)
            path = record_path(folder, film_id)
            if load_record(path, sha1) is not None:
                bar.update()
                continue
            pending.add(pool.submit(_extract_and_save, text, path, sha1))
            if len(pending) >= 2 * workers:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                speed.count(done)
        speed.count(wait(pending).done)
    return fingerprints


class _ThroughputBar:
    """Shows tokens per second since the first film was sent to a worker."""

    def __init__(self, bar: tqdm) -> None:
        self._bar, self._start, self._tokens = bar, perf_counter(), 0

    def count(self, done: set[Future[int]]) -> None:
        """Add finished films; an error in a worker is raised here."""
        self._tokens += sum(future.result() for future in done)
        self._bar.set_postfix_str(f"{self._tokens / (perf_counter() - self._start):,.0f} tokens/s")
        self._bar.update(len(done))


_settings: FeatureConfig


def _start_worker(settings: FeatureConfig) -> None:
    global _settings
    _settings = settings
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Leave when the parent was killed: a pool's workers would wait for work for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


@functools.cache
def _worker_encoder() -> tuple[ChunkEncoder, Chunking]:
    """Load the encoder at a worker's first film, whose future then carries any error."""
    chunking = Chunking(_settings.chunk_length, _settings.chunk_overlap)
    return load_encoder(_settings.n_layer, _settings.engine, _settings.precision), chunking


def _extract_and_save(text: str, path: Path, text_sha1: str) -> int:
    record = extract_film(text, *_worker_encoder())
    save_record(path, record, text_sha1)
    return record.wordpiece_tokens
