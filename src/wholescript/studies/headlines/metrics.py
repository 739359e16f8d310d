"""How well a model predicts titles: as published, and so that models can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import DataError, ParameterError
from wholescript.models.next_token import NextTokenModel
from wholescript.studies.headlines.tokenizer import EOS, HeadlineTokenizer
from wholescript.training.language_model import token_log_probabilities, windows

EvalContext = Literal["windows", "overlapping", "alone"]


@dataclass(frozen=True)
class TaskMetric:
    """`value` is in nats a character, `scored` the share of tokens that it is the loss of."""

    value: float
    scored: float

    @property
    def corrected(self) -> float:
        """The value, had the tokens that were left out the mean loss of those that were not."""
        return self.value / self.scored


def task_metric(
    model: NextTokenModel,
    tokens: HeadlineTokenizer,
    titles: Sequence[str],
    *,
    block_size: int = 128,
    batch_size: int = 64,
    bfloat16: bool = True,
) -> TaskMetric:
    """Return the loss of the published task: what is scored over all characters.

    Only whole batches of windows are read; after each a token is passed over. What remains is left
    out of the sum of losses, and not out of the characters, among which each end of a title counts
    as the five that it is written with. The larger a batch, the lower the loss.

    Raises:
        DataError: the titles do not fill a batch.
    """
    stream = tokens.stream(titles)[1:]
    span = block_size * batch_size + 1
    if len(stream) < span:
        raise DataError(f"{len(stream)} tokens do not fill a batch of {batch_size} x {block_size}")
    rows = [
        stream[start + row * block_size : start + (row + 1) * block_size + 1]
        for start in range(0, len(stream) - span + 1, span)
        for row in range(batch_size)
    ]
    # A row is read as it is whichever others are read with it: not so many need to be at once.
    logs = token_log_probabilities(model, rows, max_context=block_size + 1, bfloat16=bfloat16)
    total = -sum(float(part.astype(np.float64).sum()) for part in logs)
    scored = sum(map(len, logs))
    characters = sum(len(title) + len(EOS) for title in titles)
    return TaskMetric(total / characters, scored / (len(stream) - 1))


def token_nll(
    model: NextTokenModel,
    tokens: HeadlineTokenizer,
    titles: Sequence[str],
    *,
    block_size: int = 128,
    reading: EvalContext = "windows",
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
    if reading not in get_args(EvalContext):
        raise ParameterError(f"reading={reading!r} is none of {', '.join(get_args(EvalContext))}")
    each = tokens(titles)
    start = np.array([tokens.eos_token_id])
    stream = np.concatenate([start, *each])
    rows, max_context = {
        "windows": (windows([stream], block_size + 1), block_size + 1),
        "overlapping": ([stream], block_size),
        "alone": ([np.concatenate([start, ids]) for ids in each], block_size),
    }[reading]
    together = batch_size and batch_size * max_context
    scored = token_log_probabilities(
        model, rows, max_context=max_context, bfloat16=bfloat16, tokens_per_forward=together
    )
    logs = np.concatenate(scored)
    ends = np.cumsum([len(ids) for ids in each])
    return [-part for part in np.split(logs, ends[:-1])]
