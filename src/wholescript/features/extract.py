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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any
from urllib.parse import quote

import numpy as np
import safetensors
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm.auto import tqdm

from wholescript.features.chunks import Chunking, pad_batch
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
from wholescript.settings import NonNegativeInt, PositiveInt, Settings

CHUNKS_PER_BATCH = 8
"""Larger batches do not fit into the CPU's cache and were slower on two cores."""


@dataclass(frozen=True)
class FeatureConfig(Settings):
    """The settings that, with the text, determine the features of a film."""

    n_layer: Annotated[int, Interval(ge=1, le=6)] = 3
    """Number of encoder layers, the first n."""
    chunk_length: PositiveInt = 254
    """Tokens per chunk."""
    chunk_overlap: NonNegativeInt = 0
    """Tokens that consecutive chunks share."""
    engine: Engine = "auto"
    """Inference engine; auto: OpenVINO if it is installed, else PyTorch."""
    precision: Precision = "auto"
    """Data type of the computation; auto: bfloat16 if the hardware is fast at it."""

    def resolved(self) -> "FeatureConfig":
        """Replace `auto` by the engine and precision that this machine uses."""
        engine, precision = resolve_engine(self.engine, self.precision)
        return replace(self, engine=engine, precision=precision)

    def stored(self) -> dict[str, Any]:
        """Return the settings as caches and bundles store them, with `n_layer` as "layers".

        Cache keys and the fingerprints of published runs depend on these names.
        """
        settings = asdict(self)
        return {"layers": settings.pop("n_layer"), **settings}

    @property
    def key(self) -> str:
        """The first 12 hex digits of the SHA-256 of the stored settings."""
        return hashlib.sha256(json.dumps(self.stored(), sort_keys=True).encode()).hexdigest()[:12]


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
    """Embed each chunk of a script; return (n_chunks, 384) float16 and the number of tokens."""
    tokenizer = wordpiece_tokenizer()
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    ids = np.array(tokenizer.encode(text, add_special_tokens=False).ids, np.int64)
    padded, mask = pad_batch([np.array([cls, *chunk, sep]) for chunk in chunking.split(ids)])
    vectors = [
        encoder.encode(
            padded[start : start + CHUNKS_PER_BATCH], mask[start : start + CHUNKS_PER_BATCH]
        )
        for start in range(0, len(padded), CHUNKS_PER_BATCH)
    ]
    return np.concatenate(vectors).astype(np.float16), len(ids)


def extract_film(text: str, encoder: ChunkEncoder, chunking: Chunking) -> FilmRecord:
    """Compute all features of a script."""
    chunks, wordpieces = encode_script(text, encoder, chunking)
    return FilmRecord(
        count_gpt2_tokens(text), wordpieces, count_words(text), measure_structure(text), chunks
    )


def record_path(folder: Path, film_id: str) -> Path:
    """Return the file of a film's record; characters that file names must not have are quoted."""
    return folder / f"{quote(film_id, safe='')}.safetensors"


def serialize_record(record: FilmRecord, text_sha1: str) -> bytes:
    """Return the bytes of a record's file; the same record gives the same bytes."""
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
    """Read a record; return None if it is absent, damaged or of another text."""
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


_settings: FeatureConfig


def _start_worker(settings: FeatureConfig) -> None:
    global _settings
    _settings = settings
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """Exit when the parent process ends; otherwise workers of a killed pool wait forever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


@functools.cache
def _worker_encoder() -> tuple[ChunkEncoder, Chunking]:
    """Load the encoder with a worker's first film, so that its future carries any error."""
    chunking = Chunking(_settings.chunk_length, _settings.chunk_overlap)
    return load_encoder(_settings.n_layer, _settings.engine, _settings.precision), chunking


def _extract_and_save(text: str, path: Path, text_sha1: str) -> int:
    record = extract_film(text, *_worker_encoder())
    save_record(path, record, text_sha1)
    return record.wordpiece_tokens
