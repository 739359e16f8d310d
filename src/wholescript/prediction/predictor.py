"""The shipped predictor: calibrated TF-IDF + logistic regression, with bootstrap refits.

predictor.safetensors   vocabulary, weights, and int8 weights of refits on resampled films
manifest.json           settings, training data, out-of-fold metrics, SHA-256 of the weights
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
SIMHASH_BITS = 256  # hashes of unrelated scripts differ in 50% of the bits, plus or minus 10%
REPAIR_HINT = "restore it from git, or run `wholescript train predictor`"

FloatArray = NDArray[np.float64]

# The name in predictor.safetensors of each array of `Predictor` that is stored as it is.
_TENSORS = {
    "idf": "idf",
    "weights": "weights",
    "mean_tfidf": "typical",
    "bootstrap_codes": "codes",
    "code_scales": "steps",
    "bootstrap_biases": "biases",
}


@dataclass(frozen=True)
class Predictor:
    """A linear model of the log-odds of a nomination, on the TF-IDF vector of V words.

    `vocabulary` is sorted. `idf`, `weights` and `mean_tfidf` are float32 (V,): inverse document
    frequencies, calibrated weights, and the mean TF-IDF vector of the training films. `bias` is
    the log-odds of a script without any word of the vocabulary. `bootstrap_codes` int8 (B, V)
    times `code_scales` float32 (B,) are the weights, and `bootstrap_biases` float64 (B,) the
    biases, of refits on B bootstrap samples of the films. `simhashes` bool (n, SIMHASH_BITS) are
    those of the training films. `manifest` is JSON-able: settings, training data and metrics.
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
    manifest: dict[str, Any]

    @cached_property
    def word_ids(self) -> dict[str, int]:
        """The position of each word in the vocabulary."""
        return {word: word_id for word_id, word in enumerate(self.vocabulary)}

    def tfidf(self, counts: NDArray[np.int64]) -> FloatArray:
        """Return the TF-IDF vector (V,) of counts (V,): (1 + log count) x idf, L2-normalised."""
        row = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * self.idf
        return np.asarray(row / max(float(np.sqrt(np.square(row).sum())), 1e-12), np.float64)

    def bootstrap_logits(self, rows: FloatArray) -> FloatArray:
        """Return the log-odds of the refits on `rows` (..., V), without their biases: (..., B).

        By `einsum`, whose sums do not depend on the number of threads; those of a product do.
        """
        used = np.flatnonzero(rows.reshape(-1, rows.shape[-1]).any(axis=0))
        weights = self.bootstrap_codes[:, used] * self.code_scales[:, None].astype(np.float64)
        return np.asarray(np.einsum("...v,bv->...b", rows[..., used], weights))

    def min_hamming_distance(self, row: FloatArray) -> float:
        """Return the share of differing bits of a TF-IDF vector (V,) and the nearest film."""
        simhash = row @ random_hyperplanes(len(row)) > self.mean_tfidf @ random_hyperplanes(
            len(row)
        )
        return float((self.simhashes != simhash).mean(axis=1).min())


@cache
def random_hyperplanes(n_words: int) -> NDArray[np.float32]:
    """Return random signs (n_words, SIMHASH_BITS), the normal vectors of hyperplanes of SimHash.

    The share of differing bits of two hashes estimates their angle divided by pi (Charikar, 2002).
    """
    signs = np.random.default_rng(0).integers(0, 2, (n_words, SIMHASH_BITS), np.int8)
    return (2 * signs - 1).astype(np.float32)


def save_predictor(predictor: Predictor, folder: Path) -> None:
    """Write a predictor, the manifest last; the same predictor gives the same bytes."""
    content = save(
        {
            "vocabulary": np.frombuffer("\n".join(predictor.vocabulary).encode(), np.uint8),
            **{stored: getattr(predictor, name) for name, stored in _TENSORS.items()},
            "bias": np.array([predictor.bias]),
            "signatures": np.packbits(predictor.simhashes, axis=1),
        }
    )
    file = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest = {"format": FORMAT_VERSION, **predictor.manifest, "files": {WEIGHTS: file}}
    write_atomic(folder / WEIGHTS, content)
    write_atomic(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")


def load_predictor(folder: Path = MODEL_DIR) -> Predictor:
    """Read a predictor after checking the SHA-256 of its weights.

    Raises BundleError if a file is missing, damaged or of another format.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        content = (folder / WEIGHTS).read_bytes()
        expected = manifest["files"][WEIGHTS]
    except FileNotFoundError as problem:
        missing = Path(problem.filename).name
        raise BundleError(f"{folder.name}/{missing} is missing: {REPAIR_HINT}") from None
    except (ValueError, KeyError, TypeError) as problem:
        raise BundleError(
            f"{folder.name}/manifest.json is damaged ({problem}): {REPAIR_HINT}"
        ) from None
    if (version := manifest.get("format")) != FORMAT_VERSION:
        raise BundleError(
            f"{folder.name} has format {version}, this version reads {FORMAT_VERSION}: "
            f"{REPAIR_HINT}"
        )
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        raise BundleError(
            f"{folder.name}/{WEIGHTS} is damaged ({len(content):,} bytes, "
            f"{expected['bytes']:,} expected; the SHA-256 differs): {REPAIR_HINT}"
        )
    tensors = load(content)
    return Predictor(
        vocabulary=tensors["vocabulary"].tobytes().decode().split("\n"),
        bias=float(tensors["bias"][0]),
        simhashes=np.unpackbits(tensors["signatures"], axis=1).astype(bool),
        manifest=manifest,
        **{name: tensors[stored] for name, stored in _TENSORS.items()},
    )
