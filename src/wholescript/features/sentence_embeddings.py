"""Frozen sentence embeddings: texts in, unit vectors out, each set of texts embedded once.

The encoder is all-MiniLM-L6-v2 as it was published: all six blocks, the mean over token states,
scaled to length 1 (Reimers and Gurevych, 2019). A text that is longer than it reads is cut into
pieces of even length and gets the mean over the states of all of them, so nothing is left out.
"""

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm.auto import tqdm

from wholescript.data.checks import check_texts
from wholescript.errors import ParameterError
from wholescript.features.pretrained_encoders import (
    EMBEDDING_DIM,
    MINILM_PACKAGE,
    ChunkEncoder,
    Engine,
    Precision,
    load_encoder,
    minilm_folder,
    resolve_engine,
    wordpiece_tokenizer,
)
from wholescript.files import ROOT, write_atomic

CACHE = ROOT / ".cache" / "sentences"
MAX_POSITIONS = 512  # tokens: the encoder has no more positions
N_SPECIAL_TOKENS = 2  # [CLS] and [SEP]
TOKENS_PER_BATCH = 1_024  # padding included; larger batches leave the CPU's cache
TEXTS_PER_TOKENIZER_CALL = 1_000  # texts that are tokenised at once


@dataclass(frozen=True)
class SentenceEmbeddingConfig:
    """What decides the embeddings of texts; `max_tokens` of a piece include the two around it."""

    n_layer: int = 6
    max_tokens: int = MAX_POSITIONS
    engine: Engine = "auto"
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        """Refuse a length that the encoder cannot read, or that holds no text."""
        if not N_SPECIAL_TOKENS < self.max_tokens <= MAX_POSITIONS:
            raise ParameterError(
                f"max_tokens={self.max_tokens}: the encoder reads {N_SPECIAL_TOKENS + 1} to {MAX_POSITIONS}"
            )

    def resolved(self) -> "SentenceEmbeddingConfig":
        """Replace `auto` by what this machine will really run."""
        engine, precision = resolve_engine(self.engine, self.precision)
        return replace(self, engine=engine, precision=precision)


def embed_sentences(
    texts: Sequence[str],
    settings: SentenceEmbeddingConfig | None = None,
    *,
    cache: Path = CACHE,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Return one vector a text, (n, 384), of length 1 to within the rounding of float16.

    The same texts in the same order, under the same settings, are read from `cache`, where they lie
    as float16 in one safetensors file; the vectors are the same the first time. `progress` shows a
    bar with texts per second.

    Raises:
        DataError: there is no text, or one is empty (`check_texts`).
        BundleError: the package with the weights is not installed.
        ParameterError: the encoder has not so many layers.
    """
    check_texts(texts)
    settings = (settings or SentenceEmbeddingConfig()).resolved()
    path = cache / f"{embedding_cache_key(texts, settings)}.safetensors"
    try:
        vectors = load_file(path)["vectors"]
    except (FileNotFoundError, safetensors.SafetensorError):
        encoder = _encoder(settings.n_layer, settings.engine, settings.precision)
        means = encode_texts(texts, encoder, settings.max_tokens, progress=progress)
        vectors = means.astype(np.float16)
        write_atomic(path, save({"vectors": vectors}, metadata={"settings": _json(settings)}))
    return vectors.astype(np.float32)


def encode_texts(
    texts: Sequence[str],
    encoder: ChunkEncoder,
    max_tokens: int = MAX_POSITIONS,
    *,
    progress: bool = False,
) -> NDArray[np.float32]:
    """Return the normalised mean over the token states of each text, (n, 384), uncached.

    Pieces of like length share a batch, the longest first, so that little is padded and the time
    that is left is overestimated rather than under.
    """
    pieces, owners = _tokenized_pieces(texts, max_tokens)
    sums = np.zeros((len(texts), EMBEDDING_DIM))
    left = np.bincount(owners, minlength=len(texts))
    with tqdm(total=len(texts), unit="text", desc="embedding", disable=not progress) as bar:
        for batch in _length_sorted_batches([len(piece) for piece in pieces]):
            ids, mask = _padded([pieces[number] for number in batch])
            # The mean of a piece counts as often as it has tokens.
            states = encoder.encode(ids, mask) * mask.sum(1, keepdims=True)
            np.add.at(sums, owners[batch], states)
            np.subtract.at(left, owners[batch], 1)
            bar.update(int((left == 0).sum()) - bar.n)
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)


def embedding_cache_key(texts: Sequence[str], settings: SentenceEmbeddingConfig) -> str:
    """Return the SHA-256, in hex, of the texts in their order, the settings and the encoder."""
    digest = hashlib.sha256(f"{MINILM_PACKAGE} {_json(settings)}".encode())
    for text in texts:
        raw = text.encode(errors="surrogatepass")
        # With its length, so that no other division of the same characters has the same key.
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


@functools.cache
def count_encoder_parameters(n_layer: int = 6) -> int:
    """Return how many numbers the encoder has, as far as it is run, from its file's header."""
    total = 0
    with safetensors.safe_open(minilm_folder() / "model.safetensors", framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118 (this is no mapping)
            block = name.split("encoder.layer.")[1:]
            unused = int(block[0].split(".")[0]) >= n_layer if block else "pooler" in name
            if not unused and "position_ids" not in name:
                total += int(np.prod(file.get_slice(name).get_shape()))
    return total


@functools.cache
def _encoder(n_layer: int, engine: Engine, precision: Precision) -> ChunkEncoder:
    return load_encoder(n_layer, engine, precision)


def _json(settings: SentenceEmbeddingConfig) -> str:
    return json.dumps(asdict(settings), sort_keys=True)


def _tokenized_pieces(
    texts: Sequence[str], max_tokens: int
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Return the token ids of all pieces of all texts, and the row of the text of each."""
    tokenizer = wordpiece_tokenizer()
    first, last = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    pieces, owners = [], []
    for start in range(0, len(texts), TEXTS_PER_TOKENIZER_CALL):
        block = list(texts[start : start + TEXTS_PER_TOKENIZER_CALL])
        for row, encoding in enumerate(
            tokenizer.encode_batch_fast(block, add_special_tokens=False), start
        ):
            ids = np.array(encoding.ids, np.int64)
            count = max(1, -(-len(ids) // (max_tokens - N_SPECIAL_TOKENS)))
            for piece in np.array_split(ids, count):
                pieces.append(np.concatenate([[first], piece, [last]]))
                owners.append(row)
    return pieces, np.array(owners)


def _length_sorted_batches(lengths: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers of the pieces that are read together, one batch after another."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    start = 0
    while start < len(order):
        size = max(1, TOKENS_PER_BATCH // lengths[order[start]])
        yield order[start : start + size]
        start += size


def _padded(pieces: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ids and mask of some pieces, (n, the longest of them); 1 on the left."""
    ids = np.zeros((len(pieces), max(map(len, pieces))), np.int64)
    mask = np.zeros_like(ids)
    for row, piece in enumerate(pieces):
        ids[row, : len(piece)] = piece
        mask[row, : len(piece)] = 1
    return ids, mask
