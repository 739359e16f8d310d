"""Windows of long documents: those to train on, and those that score each token once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from wholescript.models.next_token import NextTokenModel
from wholescript.models.types import Float32Array, IntArray
from wholescript.settings import Length, checked

CPU_TOKENS_PER_FORWARD = 2_048  # of a micro-batch on a CPU, padding included
GPU_TOKENS_PER_FORWARD = 16_384  # of a scoring batch on a GPU; smaller ones leave it idle


@checked
def split_into_windows(tokens: Sequence[IntArray], length: Length) -> list[IntArray]:
    """Split documents into training windows of at most `length` tokens.

    Each window starts with the last token of the previous one, so that every token of a document
    but its first is predicted exactly once.

    Raises:
        ParameterError: `length` is below 2.
    """
    step = length - 1
    return [
        ids[start : start + length]
        for ids in tokens
        for start in range(0, max(len(ids) - 1, 1), step)
    ]


@dataclass(frozen=True)
class Window:
    """The tokens `start` to `end` of a document; those from `target_start` on are scored."""

    document: int
    start: int
    target_start: int
    end: int


def overlapping_windows(lengths: Sequence[int], max_context: int) -> Iterator[Window]:
    """Yield windows in which each token of a document but its first is scored once.

    A document of up to `max_context` tokens is one window. In longer ones each further window
    starts with half of the previous one as context.
    """
    half = max_context // 2
    for document, length in enumerate(lengths):
        yield Window(document, 0, 1, min(length, max_context))
        for start in range(max_context, length, half):
            yield Window(document, start - half, start, min(length, start + half))


def token_log_probabilities(
    model: NextTokenModel,
    tokens: Sequence[IntArray],
    *,
    max_context: int,
    pad_token_id: int = 0,
    bfloat16: bool = True,
    tokens_per_forward: int | None = None,
) -> list[Float32Array]:
    """Return the log-probabilities (length - 1,) of each document's tokens but its first, in nats.

    Windows of similar length are scored in one batch of `tokens_per_forward` tokens, by default
    `CPU_TOKENS_PER_FORWARD` or `GPU_TOKENS_PER_FORWARD`. Padding is masked.
    """
    log_probs = [np.zeros(len(ids) - 1, np.float32) for ids in tokens]
    windows = sorted(
        overlapping_windows([len(ids) for ids in tokens], max_context),
        key=lambda window: window.end - window.start,
    )
    model.eval()
    device = next(model.parameters()).device
    for batch in _length_sorted_batches(
        windows,
        tokens_per_forward
        or (CPU_TOKENS_PER_FORWARD if device.type == "cpu" else GPU_TOKENS_PER_FORWARD),
    ):
        ids = [
            torch.from_numpy(tokens[window.document][window.start : window.end]) for window in batch
        ]
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=pad_token_id)
        position = torch.arange(padded.shape[1])
        first = torch.tensor([window.target_start - window.start for window in batch])
        last = torch.tensor([window.end - window.start for window in batch])
        loss_mask = (position >= first[:, None]) & (position < last[:, None])
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            scored = model.log_probabilities(padded.to(device), loss_mask.to(device))
        ends = np.cumsum([window.end - window.target_start for window in batch])
        for window, values in zip(batch, np.split(scored.cpu().numpy(), ends[:-1]), strict=True):
            log_probs[window.document][window.target_start - 1 : window.end - 1] = values
    return log_probs


def _length_sorted_batches(
    windows: Sequence[Window], tokens_per_forward: int
) -> Iterator[Sequence[Window]]:
    """Yield windows, shortest first, in batches of about `tokens_per_forward` tokens."""
    start = 0
    while start < len(windows):
        size = max(tokens_per_forward // (windows[start].end - windows[start].start), 1)
        yield windows[start : start + size]
        start += size
