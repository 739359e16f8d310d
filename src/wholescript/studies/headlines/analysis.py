"""Analyses of a trained headline model: losses by position and frequency, next tokens, samples."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from wholescript.errors import DataError
from wholescript.models.gpt import GPT
from wholescript.settings import PositiveFloat, PositiveInt, Seed, checked
from wholescript.studies.headlines.tokenizer import HeadlineTokenizer

TRAIN_COUNT_EDGES = (0, 1, 10, 100, 1_000, 10_000)  # lowest training count of each group


def loss_by_position(
    token_nll: Sequence[NDArray[np.float32]], max_position: int = 24
) -> pd.DataFrame:
    """Return the mean loss at each token position: `position`, `nats_per_token`, `n_tokens`.

    The first position is 0; positions from `max_position` on are left out.
    """
    positions = np.concatenate([np.arange(len(losses)) for losses in token_nll])
    table = pd.DataFrame({"position": positions, "nats": np.concatenate(token_nll)})
    grouped = table[table["position"] < max_position].groupby("position")["nats"]
    return grouped.agg(nats_per_token="mean", n_tokens="size").reset_index()


def loss_by_frequency(
    token_nll: Sequence[NDArray[np.float32]],
    tokenizer: HeadlineTokenizer,
    headlines: Sequence[str],
    train_stream: NDArray[np.int64],
) -> pd.DataFrame:
    """Return the mean loss of tokens, grouped by their count in `train_stream` (tokens,).

    Columns: `min_train_count`, the lowest count of the group, `nats_per_token`, `n_tokens`, and
    `loss_share`, its share of the summed loss.
    """
    counts = np.bincount(train_stream, minlength=tokenizer.vocab_size)
    train_counts = counts[np.concatenate(tokenizer(headlines))]
    nats = np.concatenate(token_nll).astype(np.float64)
    group = np.searchsorted(TRAIN_COUNT_EDGES, train_counts, side="right") - 1
    min_counts = np.array(TRAIN_COUNT_EDGES)[group]
    table = pd.DataFrame({"min_train_count": min_counts, "nats": nats})
    grouped = table.groupby("min_train_count")["nats"]
    found = grouped.agg(nats_per_token="mean", n_tokens="size", total="sum").reset_index()
    return found.assign(loss_share=found["total"] / nats.sum()).drop(columns="total")


@torch.inference_mode()
@checked
def top_next_tokens(
    model: GPT, tokenizer: HeadlineTokenizer, prompt: str, k: PositiveInt = 10
) -> pd.DataFrame:
    """Return the `k` most probable tokens after a prompt: `token`, `probability`.

    An empty prompt gives the first tokens of a headline.
    """
    ids = _encode_prompt(tokenizer, prompt).to(model.wte.weight.device)
    probabilities = model.eval()(ids)[0, -1].float().softmax(-1)
    best = probabilities.cpu().topk(min(k, tokenizer.vocab_size))
    texts = [tokenizer.decode([token_id]) for token_id in best.indices.tolist()]
    return pd.DataFrame({"token": texts, "probability": best.values.double().numpy()})


@torch.inference_mode()
@checked
def generate_headlines(
    model: GPT,
    tokenizer: HeadlineTokenizer,
    n_samples: PositiveInt,
    *,
    prompt: str = "",
    temperature: PositiveFloat = 1.0,
    max_tokens: PositiveInt = 40,
    seed: Seed = 0,
) -> list[str]:
    """Sample headlines that start with `prompt`, each with at most `max_tokens` new tokens.

    Bytes that are no valid UTF-8 and characters that are not printable become U+FFFD.

    Raises:
        ParameterError: `n_samples` is below 1 or `temperature` is not positive.
        DataError: the prompt and `max_tokens` exceed the model's context.
    """
    prompt_ids = _encode_prompt(tokenizer, prompt)
    block_size = model.config.block_size
    if prompt_ids.shape[1] + max_tokens > block_size:
        raise DataError(
            f"{prompt_ids.shape[1]} prompt tokens and max_tokens={max_tokens} exceed the model's "
            f"context of {block_size} tokens"
        )
    model.eval()
    device, eos_token_id = model.wte.weight.device, tokenizer.eos_token_id
    ids = prompt_ids.expand(n_samples, -1)
    generator = torch.Generator().manual_seed(seed)
    done = torch.zeros(n_samples, dtype=torch.bool)
    for _ in range(max_tokens):
        logits = model(ids.to(device))[:, -1].float().cpu() / temperature
        sampled = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
        sampled = sampled.masked_fill(done, eos_token_id)
        ids = torch.cat([ids, sampled[:, None]], dim=1)
        done |= sampled == eos_token_id
        if done.all():
            break
    without_eos = [row[1:][row[1:] != eos_token_id] for row in ids]
    headlines = [tokenizer.decode(row.numpy()).removeprefix(" ") for row in without_eos]
    return ["".join(c if c.isprintable() else "\ufffd" for c in text) for text in headlines]


def _encode_prompt(tokenizer: HeadlineTokenizer, prompt: str) -> torch.Tensor:
    """Return an end-of-text token and the tokens of the prompt, (1, length) int64."""
    ids = tokenizer([prompt])[0][:-1] if prompt else np.array([], np.int64)
    return torch.from_numpy(np.concatenate([[tokenizer.eos_token_id], ids]))[None]
