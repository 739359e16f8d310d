"""The shipped word model: TF-IDF weights that give a calibrated log odds, with their spread.

predictor.safetensors   vocabulary, weights, and refits on resampled films as int8 codes
manifest.json           how it was made, what it has learnt from, SHA-256 of the weights
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from wholescript.errors import BundleError
from wholescript.files import ROOT, write_atomic

MODEL_DIR = ROOT / "model"
WEIGHTS = "predictor.safetensors"
FORMAT_VERSION = 1
SIMHASH_BITS = (
    256  # of a signature; those of unlike scripts differ in half of them, give or take a tenth
)
REPAIR_HINT = "restore it from git, or run `wholescript fit-predictor`"

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Predictor:
    """Log odds of a nomination that are linear in the TF-IDF weights of V words.

    `vocabulary` is sorted. `idf`, `weights` and `mean_tfidf` are float32 (V,): inverse document
    frequencies, calibrated weights, and the mean TF-IDF row of the films learnt from; `bias` is
    the log odds of a script without any of the words. `bootstrap_codes` int8 (B, V) times `code_scales` float32
    (B,), with `bootstrap_biases` float64 (B,), are the same model refitted on B resamples of the films.
    `simhashes` bool (n, BITS) are those of the films learnt from. `facts` is JSON-able and says
    what was learnt from, and how well.
    """

    vocabulary: list[str]
    idf: NDArray[np.float32]
    weights: NDArray[np.float32]
    mean_tfidf: NDArray[np.float32]
    bias: float
    bootstrap_codes: NDArray[np.int8]
    code_scales: NDArray[np.float32]
    bootstrap_biases: FloatArray
    simhashes: NDArray[np.bool_]
    facts: dict[str, Any]

    @cached_property
    def columns(self) -> dict[str, int]:
        """The column of each word."""
        return {word: column for column, word in enumerate(self.vocabulary)}

    def tfidf(self, counts: NDArray[np.int64]) -> FloatArray:
        """Return the TF-IDF row (V,) of word counts (V,): 1 + log(count), scaled to length 1."""
        row = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * self.idf
        return np.asarray(row / max(float(np.linalg.norm(row)), 1e-12), np.float64)

    def bootstrap_logits(self, rows: FloatArray) -> FloatArray:
        """Return what the refits make of `rows` (..., V), without their bias: (..., B)."""
        used = np.flatnonzero(rows.reshape(-1, rows.shape[-1]).any(axis=0))
        weights = self.bootstrap_codes[:, used] * self.code_scales[:, None].astype(np.float64)
        return np.asarray(rows[..., used] @ weights.T)

    def min_hamming_distance(self, row: FloatArray) -> float:
        """Return the share of bits in which a TF-IDF row (V,) differs from the nearest film."""
        here = row @ random_hyperplanes(len(row)) > self.mean_tfidf @ random_hyperplanes(len(row))
        return float((self.simhashes != here).mean(axis=1).min())


@cache
def random_hyperplanes(words: int) -> NDArray[np.float32]:
    """Return random signs (words, BITS): on which side of each a script lies is its signature.

    The share of bits in which two differ tells the angle between them (Charikar 2002).
    """
    signs = np.random.default_rng(0).integers(0, 2, (words, SIMHASH_BITS), np.int8)
    return (2 * signs - 1).astype(np.float32)


def save_predictor(predictor: Predictor, folder: Path) -> None:
    """Write a predictor; the manifest comes last, and the same predictor gives the same bytes."""
    content = save(
        {
            "vocabulary": np.frombuffer("\n".join(predictor.vocabulary).encode(), np.uint8),
            "idf": predictor.idf,
            "weights": predictor.weights,
            "typical": predictor.mean_tfidf,
            "bias": np.array([predictor.bias]),
            "codes": predictor.bootstrap_codes,
            "steps": predictor.code_scales,
            "biases": predictor.bootstrap_biases,
            "signatures": np.packbits(predictor.simhashes, axis=1),
        }
    )
    written = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest = {"format": FORMAT_VERSION, **predictor.facts, "files": {WEIGHTS: written}}
    write_atomic(folder / WEIGHTS, content)
    write_atomic(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")


def load_predictor(folder: Path = MODEL_DIR) -> Predictor:
    """Read a predictor after checking the SHA-256 of its weights.

    Raises BundleError where a file is absent, damaged or of another format.
    """
    try:
        facts = json.loads((folder / "manifest.json").read_text())
        content = (folder / WEIGHTS).read_bytes()
        expected = facts["files"][WEIGHTS]
    except FileNotFoundError as problem:
        missing = Path(problem.filename).name
        raise BundleError(f"{folder.name}/{missing} is missing: {REPAIR_HINT}") from None
    except (ValueError, KeyError, TypeError) as problem:
        raise BundleError(
            f"{folder.name}/manifest.json is damaged ({problem}): {REPAIR_HINT}"
        ) from None
    if (found := facts.get("format")) != FORMAT_VERSION:
        raise BundleError(
            f"{folder.name} has format {found}, this version reads {FORMAT_VERSION}: {REPAIR_HINT}"
        )
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        raise BundleError(
            f"{folder.name}/{WEIGHTS} is damaged ({len(content):,} bytes, "
            f"{expected['bytes']:,} expected, or other ones): {REPAIR_HINT}"
        )
    tensors = load(content)
    vocabulary = tensors.pop("vocabulary").tobytes().decode().split("\n")
    bias = float(tensors.pop("bias")[0])
    simhashes = np.unpackbits(tensors.pop("signatures"), axis=1).astype(bool)
    return Predictor(vocabulary, bias=bias, simhashes=simhashes, facts=facts, **tensors)
