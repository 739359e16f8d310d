"""Splitting token sequences into chunks of bounded length, and padding chunks to a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import ParameterError
from wholescript.settings import NonNegativeInt, PositiveInt, check_fields


@dataclass(frozen=True)
class Chunking:
    """Chunks of `length` tokens, the first `overlap` of which repeat the end of the chunk before.

    The encoder's two special tokens are not counted.
    """

    length: PositiveInt = 254
    overlap: NonNegativeInt = 0

    def __post_init__(self) -> None:
        """Raise ParameterError unless 0 <= overlap < length."""
        check_fields(self)
        if self.overlap >= self.length:
            raise ParameterError(f"overlap={self.overlap} must be below length={self.length}")

    def split(self, ids: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Split `ids` (n,) into ceil((n - overlap) / (length - overlap)) chunks, at least one.

        Only the last chunk may be shorter than `length`.
        """
        step = self.length - self.overlap
        starts = range(0, max(len(ids) - self.overlap, 1), step)
        return [ids[start : start + self.length] for start in starts]


def offsets_of(counts: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the bounds (n + 1,) of n concatenated sequences of `counts` items each."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def pad_batch(
    sequences: Sequence[NDArray[np.int64]], pad_id: int = 0, length: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return token ids and mask, int64 of shape (n, length), padded on the right.

    `length` defaults to that of the longest sequence; the mask is 1 for tokens, 0 for padding.
    """
    ids = np.full((len(sequences), length or max(map(len, sequences))), pad_id, np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return ids, mask
