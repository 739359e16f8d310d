"""Cutting a token sequence of any length into chunks that an encoder can read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import ParameterError


@dataclass(frozen=True)
class Chunking:
    """`length` tokens a chunk, of which `overlap` stand at the end of the chunk before.

    Lengths are content tokens: the encoder's two special tokens come on top.
    """

    length: int = 254
    overlap: int = 0

    def __post_init__(self) -> None:
        """Refuse a chunking that could not advance."""
        if not 0 <= self.overlap < self.length:
            raise ParameterError(
                f"overlap {self.overlap} must be at least 0 and below length {self.length}"
            )

    def split(self, ids: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Cut `ids` (n,) into ceil((n - overlap) / (length - overlap)) chunks, at least one.

        Only the last chunk may be shorter than `length`.
        """
        step = self.length - self.overlap
        starts = range(0, max(len(ids) - self.overlap, 1), step)
        return [ids[start : start + self.length] for start in starts]
