"""The bundle: the features of a corpus in five files.

    films.parquet     one row per film: metadata, labels, lengths, scene structure
    words.bin         sparse word counts per quarter
    chunks.bin        chunk embeddings as int8 codes, stored axis by axis
    ngrams.bin        kernels of word n-grams, float16
    manifest.json     settings, sizes, quantization error, SHA-256 of each file

The three binary files are safetensors compressed with zstd.
"""

import dataclasses
import hashlib
import io
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import safetensors
import scipy.sparse as sp
from numpy.typing import NDArray
from safetensors.numpy import load, save

from wholescript.errors import BundleError
from wholescript.features.chunks import offsets_of
from wholescript.features.compression import (
    PCARotation,
    QuantizationQuality,
    fit_pca_rotation,
    quantization_quality,
    quantize,
)
from wholescript.features.film_vectors import FilmVectors
from wholescript.features.layout import LAYOUT_NAMES
from wholescript.features.ngram_kernels import NGRAM_SIZES, Kernels, NgramKernels
from wholescript.features.word_counts import N_QUARTERS, WordCounts
from wholescript.files import sha256_of, write_atomic

FORMAT = 1
NGRAMS = "ngrams.bin"


@dataclass(frozen=True)
class ChunkEmbeddings:
    """The quantized chunk vectors of n films, concatenated, in their principal axes.

    `codes` is (total, d) int8; times `rotation.step` they are centred coordinates, in order of
    decreasing variance. Film i has the rows `offsets[i]` to `offsets[i + 1]`.
    """

    codes: NDArray[np.int8]
    offsets: NDArray[np.int64]
    rotation: PCARotation

    def coordinates(self, film: int, dimensions: int | None = None) -> NDArray[np.float32]:
        """Return a film's first `dimensions` coordinates, (n_chunks, dimensions) float32."""
        chunks = slice(self.offsets[film], self.offsets[film + 1])
        return self.codes[chunks, :dimensions] * np.float32(self.rotation.step)

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of chunks of each film, (n,)."""
        return np.diff(self.offsets)

    def select(self, indices: NDArray[np.int64]) -> "ChunkEmbeddings":
        """Return the films at `indices`, in that order."""
        picked = [np.arange(self.offsets[row], self.offsets[row + 1]) for row in indices]
        offsets = offsets_of(self.counts[indices])
        return ChunkEmbeddings(self.codes[np.concatenate(picked)], offsets, self.rotation)


@dataclass(frozen=True)
class FilmFeatures:
    """All features of n films.

    `groups` (n,) names the group of each film; near duplicates are in one. `n_tokens` (n,) int64
    are numbers of GPT-2 tokens, `layout` (n, 13) float32 the values named in `LAYOUT_NAMES`;
    `manifest` describes how the features were computed, except n-grams and vectors. Features that
    were made without an encoder, or ablated, have no n-grams; `vectors` are given, not stored.
    """

    film_ids: list[str]
    groups: NDArray[np.object_]
    n_tokens: NDArray[np.int64]
    layout: NDArray[np.float32]
    word_counts: WordCounts
    chunks: ChunkEmbeddings
    manifest: dict[str, Any]
    ngrams: NgramKernels | None = None
    vectors: FilmVectors | None = None

    def select(self, film_ids: list[str]) -> "FilmFeatures":
        """Return the films `film_ids`, in that order.

        Raises:
            BundleError: a film has no features.
        """
        index_of = {film_id: index for index, film_id in enumerate(self.film_ids)}
        missing = [film_id for film_id in film_ids if film_id not in index_of]
        if missing:
            raise BundleError(
                f"{len(missing)} films have no features, among them {missing[:5]}: "
                "run `wholescript data features` on the corpus again"
            )
        indices = np.array([index_of[film_id] for film_id in film_ids], np.int64)
        return FilmFeatures(
            list(film_ids),
            self.groups[indices],
            self.n_tokens[indices],
            self.layout[indices],
            self.word_counts.select(indices),
            self.chunks.select(indices),
            self.manifest,
            self.ngrams and self.ngrams.select(indices),
            self.vectors and self.vectors.select(indices),
        )


def write_bundle(
    folder: Path,
    films: pd.DataFrame,
    word_counts: WordCounts,
    vectors: NDArray[np.float16],
    chunk_counts: NDArray[np.int64],
    ngrams: Kernels,
    settings: dict[str, Any],
) -> QuantizationQuality:
    """Write a bundle; the manifest is written last, so that a partial bundle is never read.

    `films` has one row per film, `vectors` (total, d) the concatenated chunk vectors of all
    films, `chunk_counts` (n,) their numbers, `ngrams` (3, n, n) the kernels of n-grams. The same
    input gives the same bytes.
    """
    rotation = fit_pca_rotation(vectors)
    codes = quantize(vectors, rotation)
    error = quantization_quality(vectors, codes, rotation)
    table = io.BytesIO()
    films.to_parquet(table, index=False, compression="zstd")
    files = {
        "films.parquet": table.getvalue(),
        "words.bin": _pack(_word_tensors(word_counts)),
        "chunks.bin": _pack(
            {
                "codes": np.ascontiguousarray(codes.T),
                "counts": chunk_counts.astype(np.int32),
                "mean": rotation.mean,
                "axes": rotation.axes,
                "step": np.array([rotation.step], np.float64),
            }
        ),
    }
    manifest = {
        "format": FORMAT,
        "films": len(films),
        "vocabulary": len(word_counts.vocabulary),
        "chunks": len(vectors),
        "dimensions": vectors.shape[1],
        "settings": settings,
        "quantisation": dataclasses.asdict(error),
        "files": {name: _size_and_hash(content) for name, content in files.items()},
    }
    for name, content in files.items():
        write_atomic(folder / name, content)
    _write_ngrams(folder, ngrams, manifest)
    return error


def read_bundle(folder: Path) -> FilmFeatures:
    """Check the SHA-256 of each file of a bundle and read it.

    Raises:
        BundleError: a file, which the message names, is absent, truncated or altered.
    """
    manifest = read_manifest(folder)
    ngrams = manifest.pop("ngrams", None)
    if ngrams and ngrams["sizes"] != list(NGRAM_SIZES):
        raise BundleError(
            f"{NGRAMS} has n-grams of {ngrams['sizes']} words, this version reads "
            f"{list(NGRAM_SIZES)}: run `wholescript data ngrams` again"
        )
    for name, expected in (manifest["files"] | (ngrams["files"] if ngrams else {})).items():
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{name} is missing from the bundle: restore it from git")
        if sha256_of(path) != expected["sha256"]:
            raise BundleError(
                f"{name} is damaged ({path.stat().st_size:,} bytes, {expected['bytes']:,} "
                "expected): restore it from git, or run `wholescript data "
                f"{'ngrams' if name == NGRAMS else 'features'}` again"
            )
    films = pd.read_parquet(folder / "films.parquet")
    chunks = _unpack(folder / "chunks.bin")
    offsets = offsets_of(chunks["counts"])
    rotation = PCARotation(chunks["mean"], chunks["axes"], float(chunks["step"][0]))
    return FilmFeatures(
        films["film_id"].tolist(),
        films["group"].to_numpy(object),
        films["n_gpt2_tokens"].to_numpy(np.int64),
        films[list(LAYOUT_NAMES)].to_numpy(np.float32),
        _read_words(_unpack(folder / "words.bin")),
        ChunkEmbeddings(np.ascontiguousarray(chunks["codes"].T), offsets, rotation),
        manifest,
        ngrams and _read_ngrams(folder / NGRAMS, ngrams["files"][NGRAMS]["sha256"]),
    )


def replace_ngrams(folder: Path, ngrams: Kernels) -> None:
    """Write the kernels of n-grams (3, n, n) of a bundle that is there; all else stays.

    Raises:
        BundleError: there is no bundle, or it has another number of films.
    """
    manifest = read_manifest(folder)
    if ngrams.shape != (len(NGRAM_SIZES), manifest["films"], manifest["films"]):
        raise BundleError(
            f"kernels {ngrams.shape} do not fit a bundle of {manifest['films']} films"
        )
    _write_ngrams(folder, ngrams, manifest)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read only the manifest of a bundle.

    Raises:
        BundleError: it is absent, damaged or of another format.
    """
    path = folder / "manifest.json"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise BundleError(
            f"no features in {folder.name}/: run `wholescript data features`, or use "
            "source='bundled'"
        ) from None
    except ValueError as error:
        raise BundleError(f"{path.name} is damaged ({error}): restore it from git") from None
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise BundleError(f"the bundle has format {found}, this version reads {FORMAT}")
    return manifest


def _write_ngrams(folder: Path, ngrams: Kernels, manifest: dict[str, Any]) -> None:
    """Write the kernels, then the manifest: they have an entry of their own there, so that what
    does not use them keeps its identity."""
    rows, columns = np.triu_indices(ngrams.shape[1])
    # The high bytes hardly differ: apart from the low ones they shrink to a third.
    upper = np.ascontiguousarray(ngrams[:, rows, columns], "<f2")
    halves = upper.view(np.uint8).reshape(*upper.shape, 2)
    content = _pack({"low": halves[..., 0].copy(), "high": halves[..., 1].copy()})
    entry = {"sizes": list(NGRAM_SIZES), "files": {NGRAMS: _size_and_hash(content)}}
    write_atomic(folder / NGRAMS, content)
    write_atomic(
        folder / "manifest.json", json.dumps(manifest | {"ngrams": entry}, indent=2) + "\n"
    )


def _read_ngrams(path: Path, sha256: str) -> NgramKernels:
    tensors = _unpack(path)
    halves = np.stack([tensors["low"], tensors["high"]], axis=-1)
    upper = halves.view("<f2")[..., 0].astype(np.float16)
    n = (np.sqrt(8 * upper.shape[1] + 1) - 1).astype(int) // 2
    rows, columns = np.triu_indices(n)
    kernels = np.empty((len(upper), n, n), np.float16)
    kernels[:, rows, columns] = kernels[:, columns, rows] = upper
    return NgramKernels(kernels, sha256)


def _size_and_hash(content: bytes) -> dict[str, int | str]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _word_tensors(word_counts: WordCounts) -> dict[str, NDArray[Any]]:
    """Encode the five matrices with one sparsity pattern; column indices as differences."""
    parts = [*word_counts.quarters, word_counts.opening]
    pattern = sum((part.astype(np.int32) for part in parts[1:]), parts[0].astype(np.int32)).tocsr()
    pattern.sort_indices()
    lengths = np.diff(pattern.indptr)
    rows = np.repeat(np.arange(pattern.shape[0]), lengths)
    gaps = np.diff(pattern.indices, prepend=0)
    starts = pattern.indptr[:-1][lengths > 0]
    gaps[starts] = pattern.indices[starts]
    tensors: dict[str, NDArray[Any]] = {
        "lengths": lengths.astype(np.int32),
        "gaps": gaps.astype(np.uint32 if gaps.max(initial=0) > 65_535 else np.uint16),
        "vocabulary": np.frombuffer("\n".join(word_counts.vocabulary).encode(), np.uint8),
    }
    for number, part in enumerate(parts):
        values = np.asarray(part[rows, pattern.indices]).ravel()
        tensors[f"counts{number}"] = values.astype(np.uint16)
    return tensors


def _read_words(tensors: dict[str, NDArray[Any]]) -> WordCounts:
    joined = tensors["vocabulary"].tobytes().decode()
    vocabulary = joined.split("\n") if joined else []
    indptr = offsets_of(tensors["lengths"])
    indices = np.concatenate(
        [
            np.cumsum(tensors["gaps"][start:stop], dtype=np.int64)
            for start, stop in itertools.pairwise(indptr)
        ]
        or [np.zeros(0, np.int64)]
    )
    matrices = []
    for number in range(N_QUARTERS + 1):
        matrix = sp.csr_matrix(
            (tensors[f"counts{number}"], indices, indptr), shape=(len(indptr) - 1, len(vocabulary))
        )
        matrix.eliminate_zeros()
        matrices.append(matrix)
    return WordCounts(tuple(matrices[:N_QUARTERS]), matrices[N_QUARTERS], vocabulary)


def _pack(tensors: dict[str, NDArray[Any]]) -> bytes:
    raw = save(tensors)
    size = len(raw).to_bytes(8, "little")
    return size + pa.Codec("zstd", compression_level=19).compress(raw, asbytes=True)


def _unpack(path: Path) -> dict[str, NDArray[Any]]:
    content = path.read_bytes()
    try:
        raw = pa.decompress(
            content[8:], int.from_bytes(content[:8], "little"), codec="zstd", asbytes=True
        )
        return load(raw)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise BundleError(f"{path.name} cannot be read ({error}): restore it from git") from None
