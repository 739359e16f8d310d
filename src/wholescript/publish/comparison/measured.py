"""Measured time and memory: another machine has other values, but about the same ratios of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wholescript.experiments.metrics import MEASURED_UNITS, METRICS

FACTOR = 3.0
"""Largest accepted factor between the change of a number and that of the others of its axis."""
_MEASURED_NAMES = {info.display_name for info in METRICS.values() if info.unit in MEASURED_UNITS}
_UNIT = re.compile(r"\(([^()]+)\)$")


def is_measured_axis(label: str) -> bool:
    """Return whether the label of an axis ends with a measured unit, or is a measured metric.

    >>> is_measured_axis("time per step (s)"), is_measured_axis("training time")
    (True, True)
    """
    unit = _UNIT.search(label)
    return label in _MEASURED_NAMES or (unit is not None and unit[1] in MEASURED_UNITS)


@dataclass
class Ratios:
    """Stored and new numbers of one unit: each new one over the stored one, and their median."""

    pairs: list[tuple[str, NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=list)

    def add(self, place: str, stored: NDArray[np.float64], new: NDArray[np.float64]) -> None:
        """Add arrays of one shape; `place` says in messages where they are."""
        self.pairs.append((place, stored.ravel(), new.ravel()))

    def differences(self) -> Iterator[str]:
        """Yield a message for each number whose ratio is further than `FACTOR` from the median."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = [new / stored for _, stored, new in self.pairs]
            flat = np.concatenate([np.empty(0), *ratios])
            known = flat[np.isfinite(flat) & (flat > 0)]
            median = float(np.median(known)) if known.size else 1.0
            for (place, stored, new), ratio in zip(self.pairs, ratios, strict=True):
                both = [(stored == 0) & (new == 0), np.isnan(stored) & np.isnan(new)]
                # A comparison with NaN is false: a number that became a gap is outside.
                near = (ratio <= FACTOR * median) & (ratio >= median / FACTOR)
                for index in np.flatnonzero(~(both[0] | both[1] | near)):
                    yield (
                        f"{place} at point {index + 1}: {new[index]:.6g} was {stored[index]:.6g}, "
                        f"{ratio[index]:.3g} times as much; the others {median:.3g} times"
                    )
