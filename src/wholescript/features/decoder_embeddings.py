"""Chunk vectors by a frozen decoder-only language model, of some chunks of each script."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm.auto import tqdm

from wholescript.errors import DataError
from wholescript.features.bundle import ChunkEmbeddings
from wholescript.features.compression import fit_pca_rotation, quantize
from wholescript.features.pretrained_decoders import Decoder, frozen_decoder
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.files import ROOT, write_atomic

CACHE = ROOT / ".cache"


@dataclass(frozen=True)
class DecoderEmbeddingConfig:
    """What is read of a script, and how: `n_chunks` chunks of `chunk_length` tokens, evenly spaced.

    A chunk's vector is the mean of its token states after the first `n_layer` blocks: the last ones
    of a language model turn to the next token and away from what was read.
    """

    model: str = "smollm2"
    n_layer: int = 15
    n_chunks: int = 8
    chunk_length: int = 254

    def place(self, text_sha1: str, cache: Path = CACHE) -> Path:
        """Return the file with the vectors of a text."""
        settings = f"{self.model}-{self.n_layer}-{self.n_chunks}x{self.chunk_length}"
        return cache / "decoder-chunks" / settings / f"{text_sha1}.safetensors"


def cache_decoder_embeddings(
    scripts: Iterable[tuple[str, str]],
    settings: DecoderEmbeddingConfig,
    *,
    total: int | None = None,
    cache: Path = CACHE,
) -> None:
    """Encode scripts, given as (SHA-1 of the text, text), film by film into the cache.

    Films that are there already are not encoded again, so a killed run goes on where it stopped.

    Raises:
        BundleError: the package with the model is not installed.
        ParameterError: the model cannot be loaded or has fewer blocks.
    """
    dtype = torch.bfloat16 if cpu_has_bfloat16() else torch.float32
    for sha1, text in tqdm(scripts, "decoder", total, unit="film"):
        path = settings.place(sha1, cache)
        if not path.exists():
            decoder = frozen_decoder(settings.model, settings.n_layer, dtype)
            vectors = encode(decoder, text, settings.n_chunks, settings.chunk_length)
            write_atomic(path, save({"vectors": vectors.astype(np.float16)}))


@torch.inference_mode()
def encode(decoder: Decoder, text: str, n_chunks: int, chunk_length: int) -> NDArray[np.float32]:
    """Return the mean states of at most `n_chunks` chunks of a text, (chunks, width)."""
    ids = decoder.tokens(text)
    chunks = [ids[start : start + chunk_length] for start in range(0, len(ids), chunk_length)]
    size = min(n_chunks, len(chunks))
    chosen = ((np.arange(size) + 0.5) * len(chunks) / size).astype(int)
    longest = max(len(chunks[number]) for number in chosen)
    padded = torch.full((size, longest + 1), decoder.start)
    mask = torch.zeros(size, longest + 1, dtype=torch.bool)
    for place, number in enumerate(chosen):
        chunk = chunks[number]
        padded[place, 1 : len(chunk) + 1] = torch.tensor(chunk)
        mask[place, : len(chunk) + 1] = True
    states = decoder.model.base_model(
        input_ids=padded, attention_mask=mask.long(), use_cache=False
    ).last_hidden_state.float()
    # The first token takes most attention of the others, and a state that outweighs them all.
    weight = mask.clone()
    weight[:, 0] = False
    mean = (states * weight.unsqueeze(-1)).sum(1) / weight.sum(1, keepdim=True)
    return np.asarray(mean.numpy(), np.float32)


def load_decoder_embeddings(
    text_sha1s: Sequence[str], settings: DecoderEmbeddingConfig, *, cache: Path = CACHE
) -> ChunkEmbeddings:
    """Return the vectors of the scripts with these hashes, along their principal axes.

    Raises:
        DataError: scripts are missing or damaged; the message says how many, and the remedy.
    """
    films, missing = [], 0
    for sha1 in text_sha1s:
        try:
            films.append(load_file(settings.place(sha1, cache))["vectors"])
        except (FileNotFoundError, safetensors.SafetensorError):
            missing += 1
    if missing:
        raise DataError(
            f"{settings.model} has not read the texts of {missing} of {len(text_sha1s)} films: "
            "`wholescript train-texts FILMS.parquet` takes them from your copy"
        )
    vectors = np.concatenate(films)
    rotation = fit_pca_rotation(vectors)
    offsets = np.cumsum([0, *map(len, films)], dtype=np.int64)
    return ChunkEmbeddings(quantize(vectors, rotation), offsets, rotation)
