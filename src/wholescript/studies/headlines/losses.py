"""Per-headline losses in bits per byte, with paired bootstrap intervals over headlines and seeds.

A model is a sequence of losses of the same headlines, one for each training seed. Seeds are
resampled as in `wholescript.evaluation.bootstrap`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.errors import DataError
from wholescript.evaluation.bootstrap import BootstrapResult, draw_counts, mean_over_resampled_seeds

N_BOOTSTRAP = 2_000


@dataclass(frozen=True)
class HeadlineLosses:
    """Summed losses `nats` (headlines,) float32 and sizes `n_bytes` (headlines,) int32.

    Both include the end-of-text token, which counts as one byte; the others are UTF-8 bytes. Bits
    per byte are comparable between tokenizers.

    Raises:
        DataError: no headline, different lengths, a loss that is not finite, or a size below 1.
    """

    FILE: ClassVar[str] = "headline_losses.parquet"

    nats: NDArray[np.float32]
    n_bytes: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Check the values."""
        if len(self.nats) != len(self.n_bytes) or not len(self.nats):
            raise DataError(f"{len(self.nats)} losses for {len(self.n_bytes)} headlines")
        if not np.isfinite(self.nats).all() or (self.n_bytes < 1).any():
            raise DataError("a headline has a loss that is not finite, or no bytes")

    @classmethod
    def from_token_nll(
        cls, headlines: Sequence[str], token_nll: Sequence[NDArray[np.float32]]
    ) -> "HeadlineLosses":
        """Sum the token losses of each headline."""
        nats = [losses.astype(np.float64).sum() for losses in token_nll]
        n_bytes = [len(headline.encode()) + 1 for headline in headlines]
        return cls(np.array(nats, np.float32), np.array(n_bytes, np.int32))

    @property
    def bits_per_byte(self) -> float:
        """All bits over all bytes."""
        return float(self.nats.astype(np.float64).sum() / self.n_bytes.sum() / math.log(2))

    def to_frame(self) -> pd.DataFrame:
        """Return a row per headline: `nats` with three decimals, and `bytes`."""
        return pd.DataFrame({"nats": self.nats.round(3), "bytes": self.n_bytes})

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "HeadlineLosses":
        """Return the losses in a table of `to_frame`."""
        return cls(frame["nats"].to_numpy(), frame["bytes"].to_numpy())


SeedLosses = Sequence[HeadlineLosses]


def mean_bits_per_byte(losses_by_seed: SeedLosses, seed: int = 0) -> tuple[float, float, float]:
    """Return the mean bits per byte over seeds with its 95% interval: value, low, high.

    `seed` is that of the bootstrap.
    """
    row = _bootstrap([losses_by_seed], seed)[0].table().iloc[0]
    return float(row["value"]), float(row["low"]), float(row["high"])


def paired_difference(a: SeedLosses, b: SeedLosses, seed: int = 0) -> pd.Series:
    """Return bits per byte of a minus b and their ratio, with 95% intervals.

    Index: `value`, `low`, `high`, `ratio`, `ratio_low`, `ratio_high`. Each resample draws the same
    headlines for both models, and seeds for each on its own. `seed` is that of the bootstrap.

    Raises:
        DataError: the losses are of different headlines.
    """
    first, second = _bootstrap([a, b], seed)
    columns = ["value", "low", "high"]
    difference = first.difference_from(second).loc[0, columns]
    ratio = first.ratio_to(second).loc[0, columns]
    ratio.index = pd.Index(["ratio", "ratio_low", "ratio_high"])
    return pd.concat([difference, ratio]).astype(float)


def _bootstrap(models: Sequence[SeedLosses], seed: int) -> list[BootstrapResult]:
    """Return bits per byte of each model, under the same resamples of headlines."""
    all_losses = [losses for model in models for losses in model]
    n_bytes = all_losses[0].n_bytes
    if any(not np.array_equal(losses.n_bytes, n_bytes) for losses in all_losses):
        raise DataError("losses of different headlines cannot be paired: score the same headlines")
    nats = np.stack([losses.nats for losses in all_losses]).astype(np.float64)
    rng = np.random.default_rng(seed)
    counts = draw_counts(len(n_bytes), N_BOOTSTRAP, rng)
    bits = np.concatenate([nats @ n.T / (n @ n_bytes) for n in counts], axis=1) / math.log(2)
    resampled, start = [], 0
    for model in models:
        values = np.array([[losses.bits_per_byte] for losses in model])
        means = mean_over_resampled_seeds(bits[start : start + len(model), None], rng)
        resampled.append(BootstrapResult(("bits_per_byte",), values, means))
        start += len(model)
    return resampled
