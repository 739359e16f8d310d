"""Validation losses of a headline model: the original task's metric, and losses of all tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import DataError
from wholescript.models.next_token import NextTokenModel
from wholescript.settings import check
from wholescript.studies.headlines.tokenizer import EOS, HeadlineTokenizer
from wholescript.training.windows import split_into_windows, token_log_probabilities

EvalContext = Literal["non_overlapping", "sliding_window", "per_headline"]


@dataclass(frozen=True)
class TaskMetric:
    """The original task's metric and the share of the validation tokens that it scores."""

    nats_per_character: float
    scored_token_share: float

    @property
    def corrected_nats_per_character(self) -> float:
        """The metric if the tokens that are not scored had the mean loss of the others."""
        return self.nats_per_character / self.scored_token_share


def task_metric(
    model: NextTokenModel,
    tokenizer: HeadlineTokenizer,
    headlines: Sequence[str],
    *,
    block_size: int = 128,
    batch_size: int = 64,
    bfloat16: bool = True,
) -> TaskMetric:
    """Return the metric of the original task: nats of the scored tokens over all characters.

    Only full batches of windows are scored, and one token after each batch is skipped. The other
    tokens are missing from the sum of losses but their characters count, with five for each
    end-of-text token (`<eos>`). So a larger batch lowers the metric.

    Raises:
        DataError: the headlines do not fill a batch.
    """
    stream = tokenizer.stream(headlines)[1:]
    span = block_size * batch_size + 1
    if len(stream) < span:
        raise DataError(f"{len(stream)} tokens do not fill a batch of {batch_size} x {block_size}")
    token_windows = [
        stream[start + i * block_size : start + (i + 1) * block_size + 1]
        for start in range(0, len(stream) - span + 1, span)
        for i in range(batch_size)
    ]
    # A window's loss does not depend on its batch, so any number of windows can be one forward.
    log_probs = token_log_probabilities(
        model, token_windows, max_context=block_size + 1, bfloat16=bfloat16
    )
    total = -sum(float(part.astype(np.float64).sum()) for part in log_probs)
    n_scored = sum(map(len, log_probs))
    n_characters = sum(len(headline) + len(EOS) for headline in headlines)
    return TaskMetric(total / n_characters, n_scored / (len(stream) - 1))


def token_nll(
    model: NextTokenModel,
    tokenizer: HeadlineTokenizer,
    headlines: Sequence[str],
    *,
    block_size: int = 128,
    eval_context: EvalContext = "non_overlapping",
    bfloat16: bool = True,
    batch_size: int | None = None,
) -> list[NDArray[np.float32]]:
    """Return the loss of each token of each headline in nats, its end-of-text token last.

    Every token is scored. `eval_context` decides what precedes it:

    - `non_overlapping`: windows of the stream, as in training; the first tokens of a window have
      little context
    - `sliding_window`: windows that overlap by half, so each token has at least half a window
    - `per_headline`: the headline alone

    `batch_size` windows are one forward pass; by default as many as the device is fast with.

    Raises:
        ParameterError: an unknown `eval_context`.
    """
    check("eval_context", eval_context, EvalContext)
    token_ids = tokenizer(headlines)
    eos = np.array([tokenizer.eos_token_id])
    stream = np.concatenate([eos, *token_ids])
    sequences, max_context = {
        "non_overlapping": (split_into_windows([stream], block_size + 1), block_size + 1),
        "sliding_window": ([stream], block_size),
        "per_headline": ([np.concatenate([eos, ids]) for ids in token_ids], block_size),
    }[eval_context]
    tokens_per_forward = batch_size and batch_size * max_context
    log_probs = token_log_probabilities(
        model,
        sequences,
        max_context=max_context,
        bfloat16=bfloat16,
        tokens_per_forward=tokens_per_forward,
    )
    ends = np.cumsum([len(ids) for ids in token_ids])
    return [-part for part in np.split(np.concatenate(log_probs), ends[:-1])]
