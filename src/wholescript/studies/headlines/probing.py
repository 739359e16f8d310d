"""What a model of titles has learned: where it errs, what it expects next, what it writes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from wholescript.errors import DataError, ParameterError
from wholescript.models.gpt import GPT
from wholescript.studies.headlines.tokenizer import HeadlineTokenizer

TRAIN_COUNT_EDGES = (
    0,
    1,
    10,
    100,
    1_000,
    10_000,
)  # times in training, from which a group of tokens is


def loss_by_position(losses: Sequence[NDArray[np.float32]], max_position: int = 24) -> pd.DataFrame:
    """Return the mean loss of the tokens at each place of a title: `position`, `nats`, `tokens`.

    The first is 0; positions from `max_position` on are left out.
    """
    places = np.concatenate([np.arange(len(part)) for part in losses])
    table = pd.DataFrame({"position": places, "nats": np.concatenate(losses)})
    grouped = table[table["position"] < max_position].groupby("position")["nats"]
    return grouped.agg(nats="mean", tokens="size").reset_index()


def loss_by_frequency(
    losses: Sequence[NDArray[np.float32]],
    tokens: HeadlineTokenizer,
    titles: Sequence[str],
    train: NDArray[np.int64],
) -> pd.DataFrame:
    """Return the mean loss of tokens by how often they stand in the stream `train`.

    A row a group: `from_times`, `nats`, `tokens`, and `share` of the whole loss.
    """
    counts = np.bincount(train, minlength=tokens.vocab_size)
    times = counts[np.concatenate(tokens(titles))]
    nats = np.concatenate(losses).astype(np.float64)
    group = np.array(TRAIN_COUNT_EDGES)[np.searchsorted(TRAIN_COUNT_EDGES, times, side="right") - 1]
    grouped = pd.DataFrame({"from_times": group, "nats": nats}).groupby("from_times")["nats"]
    table = grouped.agg(nats="mean", tokens="size", total="sum").reset_index()
    return table.assign(share=table["total"] / nats.sum()).drop(columns="total")


@torch.inference_mode()
def top_next_tokens(
    model: GPT, tokens: HeadlineTokenizer, prompt: str, top: int = 10
) -> pd.DataFrame:
    """Return the likeliest next tokens of a title that was begun: `token`, `probability`.

    An empty beginning asks how titles begin.
    """
    if top < 1:
        raise ParameterError(f"top={top}: ask for one token at least")
    ids = _encode_prompt(tokens, prompt).to(model.tokens.weight.device)
    probabilities = model.eval()(ids)[0, -1].float().softmax(-1)
    best = probabilities.cpu().topk(min(top, tokens.vocab_size))
    names = [tokens.decode([number]) for number in best.indices.tolist()]
    return pd.DataFrame({"token": names, "probability": best.values.double().numpy()})


@torch.inference_mode()
def generate_headlines(
    model: GPT,
    tokens: HeadlineTokenizer,
    count: int,
    *,
    prompt: str = "",
    temperature: float = 1.0,
    max_tokens: int = 40,
    seed: int = 0,
) -> list[str]:
    """Return titles that a model writes, token by token, each at most `max_tokens` tokens long.

    A byte that makes no character, or one that no line can show, is written as U+FFFD.

    Raises:
        ParameterError: a count below one, or a temperature that is not positive.
        DataError: the beginning leaves no room in the model's context.
    """
    if count < 1 or temperature <= 0:
        raise ParameterError(
            f"count={count} must be at least 1, temperature={temperature} positive"
        )
    first = _encode_prompt(tokens, prompt)
    if first.shape[1] + max_tokens > model.config.context:
        raise DataError(
            f"{first.shape[1]} tokens that are begun with and max_tokens={max_tokens} are more than the "
            f"{model.config.context} that the model reads"
        )
    model.eval()
    ids = first.expand(count, -1)
    generator = torch.Generator().manual_seed(seed)
    done = torch.zeros(count, dtype=torch.bool)
    for _ in range(max_tokens):
        logits = model(ids.to(model.tokens.weight.device))[:, -1].float().cpu() / temperature
        drawn = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
        drawn = drawn.masked_fill(done, tokens.eos_token_id)
        ids = torch.cat([ids, drawn[:, None]], dim=1)
        done |= drawn == tokens.eos_token_id
        if done.all():
            break
    written = [row[1:][row[1:] != tokens.eos_token_id] for row in ids]
    titles = [tokens.decode(row.numpy()).removeprefix(" ") for row in written]
    return ["".join(c if c.isprintable() else "\ufffd" for c in title) for title in titles]


def _encode_prompt(tokens: HeadlineTokenizer, text: str) -> torch.Tensor:
    """Return the tokens of the beginning of a title, (1, length), the end of one before them."""
    ids = tokens([text])[0][:-1] if text else np.array([], np.int64)
    return torch.from_numpy(np.concatenate([[tokens.eos_token_id], ids]))[None]
