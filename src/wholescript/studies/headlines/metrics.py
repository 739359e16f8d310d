"""How well a model predicts titles: as published, and so that models can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import DataError, ParameterError
from wholescript.models.next_token import NextTokenModel
from wholescript.studies.headlines.tokenizer import END, TitleTokens
from wholescript.training.language_model import token_log_probabilities, windows

Reading = Literal["windows", "overlapping", "alone"]


@dataclass(frozen=True)
class PublishedLoss:
    """`value` is in nats a character, `scored` the share of tokens that it is the loss of."""

    value: float
    scored: float

    @property
    def corrected(self) -> float:
        """The value, had the tokens that were left out the mean loss of those that were not."""
        return self.value / self.scored


def published_loss(
    model: NextTokenModel,
    tokens: TitleTokens,
    titles: Sequence[str],
    *,
    block: int = 128,
    batch_size: int = 64,
    bfloat16: bool = True,
) -> PublishedLoss:
    """Return the loss of the published task: what is scored over all characters.

    Only whole batches of windows are read; after each a token is passed over. What remains is left
    out of the sum of losses, and not out of the characters, among which each end of a title counts
    as the five that it is written with. The larger a batch, the lower the loss.

    Raises:
        DataError: the titles do not fill a batch.
    """
    stream = tokens.stream(titles)[1:]
    span = block * batch_size + 1
    if len(stream) < span:
        raise DataError(f"{len(stream)} tokens do not fill a batch of {batch_size} x {block}")
    rows = [
        stream[start + row * block : start + (row + 1) * block + 1]
        for start in range(0, len(stream) - span + 1, span)
        for row in range(batch_size)
    ]
    # A row is read as it is whichever others are read with it: not so many need to be at once.
    logs = token_log_probabilities(model, rows, context=block + 1, bfloat16=bfloat16)
    total = -sum(float(part.astype(np.float64).sum()) for part in logs)
    scored = sum(map(len, logs))
    characters = sum(len(title) + len(END) for title in titles)
    return PublishedLoss(total / characters, scored / (len(stream) - 1))


def token_nats(
    model: NextTokenModel,
    tokens: TitleTokens,
    titles: Sequence[str],
    *,
    block: int = 128,
    reading: Reading = "windows",
    bfloat16: bool = True,
    batch_size: int | None = None,
) -> list[NDArray[np.float32]]:
    """Return the loss of each token of each title, its end the last, in nats: all are scored.

    The stream of titles is read in `windows`, as in training, where a window's first tokens have
    little before them; or in windows that are `overlapping` by half, so that each token has half a
    window before it; or each title is read `alone`. `batch_size` windows are scored together.

    Raises:
        ParameterError: another reading.
    """
    if reading not in get_args(Reading):
        raise ParameterError(f"reading={reading!r} is none of {', '.join(get_args(Reading))}")
    each = tokens(titles)
    start = np.array([tokens.end])
    stream = np.concatenate([start, *each])
    rows, context = {
        "windows": (windows([stream], block + 1), block + 1),
        "overlapping": ([stream], block),
        "alone": ([np.concatenate([start, ids]) for ids in each], block),
    }[reading]
    together = batch_size and batch_size * context
    scored = token_log_probabilities(
        model, rows, context=context, bfloat16=bfloat16, at_once=together
    )
    logs = np.concatenate(scored)
    ends = np.cumsum([len(ids) for ids in each])
    return [-part for part in np.split(logs, ends[:-1])]
