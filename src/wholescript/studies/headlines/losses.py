"""Losses of titles as bits a byte, with intervals over titles and seeds, and how two models differ.

A run is a sequence of losses of the same titles, one a training seed, as in `multiclass_metrics`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.errors import DataError
from wholescript.evaluation.multiclass_metrics import (
    mean_over_resampled_seeds,
    percentile_interval,
    resample_weights,
)
from wholescript.evaluation.parquet import read_parquet, write_parquet

FloatArray = NDArray[np.float64]
N_BOOTSTRAP = 2_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class HeadlineLosses:
    """`nats` (titles,) float32 of whole titles, their ends included, and their `n_bytes` (titles,).

    The bytes are those of UTF-8, and one for the end: bits a byte are a number that no tokenizer
    can flatter.

    Raises:
        DataError: there is no title, a loss is not finite, or lengths differ.
    """

    FILE: ClassVar[str] = "titles.parquet"

    nats: NDArray[np.float32]
    n_bytes: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Refuse what has no mean."""
        if len(self.nats) != len(self.n_bytes) or not len(self.nats):
            raise DataError(f"{len(self.nats)} losses are of {len(self.n_bytes)} titles")
        if not np.isfinite(self.nats).all() or (self.n_bytes < 1).any():
            raise DataError("a title has a loss that is not finite, or no byte")

    @classmethod
    def of(cls, titles: Sequence[str], losses: Sequence[NDArray[np.float32]]) -> "TitleLosses":
        """Add up the losses of the tokens of each title."""
        nats = [part.astype(np.float64).sum() for part in losses]
        sizes = [len(title.encode()) + 1 for title in titles]
        return cls(np.array(nats, np.float32), np.array(sizes, np.int32))

    @property
    def bits_per_byte(self) -> float:
        """All bits over all bytes."""
        return float(self.nats.astype(np.float64).sum() / self.n_bytes.sum() / math.log(2))

    def write(self, path: Path) -> None:
        """Write them as Parquet, atomically."""
        write_parquet(pd.DataFrame({"nats": self.nats.round(3), "bytes": self.n_bytes}), path)

    @classmethod
    def read(cls, path: Path) -> "TitleLosses":
        """Read what `write` wrote; raise RunError when the file is missing or damaged."""
        table = read_parquet(path)
        return cls(table["nats"].to_numpy(), table["bytes"].to_numpy())


Run = Sequence[HeadlineLosses]


def bits(run: Run) -> tuple[float, float, float]:
    """Return bits a byte, the mean over seeds, with its interval: value, low, high."""
    return _with_interval(_mean(run), _bootstrap_bits_per_byte([run])[0])


def difference(a: Run, b: Run) -> pd.Series:
    """Return bits a byte of a minus b: `value`, `low`, `high`.

    Also `ratio`, that of a over b, with `ratio_low` and `ratio_high`. Titles are drawn for both at
    once, seeds for each of its own.

    Raises:
        DataError: the runs are of other titles.
    """
    of_a, of_b = _bootstrap_bits_per_byte([a, b])
    value, low, high = _with_interval(_mean(a) - _mean(b), of_a - of_b)
    ratio, ratio_low, ratio_high = _with_interval(_mean(a) / _mean(b), of_a / of_b)
    return pd.Series(
        {
            "value": value,
            "low": low,
            "high": high,
            "ratio": ratio,
            "ratio_low": ratio_low,
            "ratio_high": ratio_high,
        }
    )


def _mean(run: Run) -> float:
    return float(np.mean([one.bits_per_byte for one in run]))


def _with_interval(value: float, resampled: FloatArray) -> tuple[float, float, float]:
    low, high = percentile_interval(resampled[None], CONFIDENCE)
    return value, float(low[0]), float(high[0])


def _bootstrap_bits_per_byte(runs: Sequence[Run]) -> list[FloatArray]:
    """Return the bits a byte of each run under the same draws of titles, (N_BOOT,) each."""
    everyone = [one for run in runs for one in run]
    sizes = everyone[0].n_bytes
    if any(not np.array_equal(one.n_bytes, sizes) for one in everyone):
        raise DataError("losses of other titles cannot be paired: judge both by the same ones")
    nats = np.stack([one.nats for one in everyone]).astype(np.float64)
    rng = np.random.default_rng(0)
    scores = np.concatenate(
        [
            nats @ drawn.T / (drawn @ sizes)
            for drawn in resample_weights(len(sizes), N_BOOTSTRAP, rng)
        ],
        axis=1,
    )
    scores /= math.log(2)
    found, start = [], 0
    for run in runs:
        part = scores[start : start + len(run), None]
        found.append(mean_over_resampled_seeds(part, rng)[0])
        start += len(run)
    return found
