"""Training speed of the headline GPT: this package, plain PyTorch and the transformers Trainer.

    python benchmarks/headline_training.py headlines.parquet

All train the same architecture (6 layers, 8 heads, d_model 512) with AdamW, on the same windows of
the token stream, with the same batch size and device, alternately in one run:

- wholescript: this package, as it trains on this machine
- float32: the same in float32
- no_micro_batches: the same with one forward pass for each batch
- compiled: the same with `torch.compile`; compilation is not timed
- one_headline_per_row: the same with padded rows of one headline each; padding does not count as
  tokens
- plain_pytorch: nanoGPT's eager loop in PyTorch's own layers, in float32
- transformers: its GPT-2 with its Trainer, in bfloat16 where the machine is fast with that

Nothing is evaluated, saved or logged.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import timing
import torch
from cyclopts import Parameter, run
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformers import GPT2Config, GPT2LMHeadModel
from transformers_trainer import train_one_epoch

from wholescript.data.headlines import load_headlines
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.models.types import IntArray
from wholescript.studies.headlines.batches import TokenStreamBatchLoader
from wholescript.studies.headlines.tokenizer import train_headline_tokenizer
from wholescript.training.batches import BatchLoader, DocumentBatchLoader
from wholescript.training.loop import TrainConfig, fit
from wholescript.training.objectives.next_token import NextTokenObjective

LEARNING_RATE = 3e-4


class PlainGPTBlock(nn.Module):
    """A GPT-2 block in PyTorch's own layers."""

    def __init__(self, d_model: int, n_head: int, dropout: float) -> None:
        super().__init__()
        self.n_head, self.dropout_p = n_head, dropout
        self.norm = nn.LayerNorm(d_model)
        self.qkv, self.out_proj = nn.Linear(d_model, 3 * d_model), nn.Linear(d_model, d_model)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, 4 * d_model),
            nn.GELU(),
            nn.Linear(4 * d_model, d_model),
            nn.Dropout(dropout),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Map (n, length, d_model) to the same shape."""
        n, length, d_model = states.shape
        parts = self.qkv(self.norm(states)).view(n, length, 3, self.n_head, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        dropout_p = self.dropout_p if self.training else 0.0
        attended = scaled_dot_product_attention(
            query, key, value, dropout_p=dropout_p, is_causal=True
        )
        attended = attended.transpose(1, 2).reshape(n, length, d_model)
        states = states + self.dropout(self.out_proj(attended))
        return states + self.feedforward(states)


class PlainGPT(nn.Module):
    """A GPT-2 with tied embeddings in PyTorch's own layers."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.d_model)
        self.wpe = nn.Embedding(config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.Sequential(
            *(
                PlainGPTBlock(config.d_model, config.n_head, config.dropout)
                for _ in range(config.n_layer)
            )
        )
        self.norm = nn.LayerNorm(config.d_model)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to logits (n, length, vocab_size)."""
        states = self.dropout(self.wte(ids) + self.wpe.weight[: ids.shape[1]])
        return self.norm(self.blocks(states)) @ self.wte.weight.T


def one_headline_per_row(
    token_ids: Sequence[IntArray], eos_token_id: int, n_tokens: int, tokens_per_batch: int
) -> DocumentBatchLoader:
    """Return padded rows of one headline each, with about `n_tokens` targets in all."""
    headlines = [np.concatenate([[eos_token_id], ids]) for ids in token_ids]
    n_targets = np.cumsum([len(ids) - 1 for ids in headlines])
    headlines = headlines[: int(np.searchsorted(n_targets, n_tokens)) + 1]
    batch_size = round(tokens_per_batch * len(headlines) / n_tokens)
    return DocumentBatchLoader(headlines, np.zeros(len(headlines), np.int64), batch_size)


def train_wholescript(
    model: GPT, train_loader: BatchLoader, val_loader: BatchLoader, objective: NextTokenObjective
) -> None:
    """Train one epoch with this package."""
    config = TrainConfig(epochs=1, learning_rate=LEARNING_RATE)
    fit(model, train_loader, val_loader, config, seed=0, loss=cross_entropy, objective=objective)


def train_plain(config: GPTConfig, batches: TokenStreamBatchLoader, device: torch.device) -> None:
    """Train one epoch with an eager PyTorch loop."""
    model = PlainGPT(config).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE)
    for batch in (each.to(device) for each in batches.train_batches(0)):
        logits = model(batch.input_ids[:, :-1])
        loss = cross_entropy(logits.flatten(0, 1), batch.input_ids[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def train_transformers(
    config: GPTConfig, batches: TokenStreamBatchLoader, device: torch.device, use_bfloat16: bool
) -> None:
    """Train one epoch with the Trainer of transformers."""
    gpt2_config = GPT2Config(
        vocab_size=config.vocab_size,
        n_positions=config.block_size,
        n_embd=config.d_model,
        n_layer=config.n_layer,
        n_head=config.n_head,
    )
    examples = [
        {"input_ids": ids, "labels": ids}
        for batch in batches.train_batches(0)
        for ids in batch.input_ids[:, :-1]
    ]
    train_one_epoch(
        GPT2LMHeadModel(gpt2_config),
        examples,
        per_device_train_batch_size=batches.batch_size,
        learning_rate=LEARNING_RATE,
        bf16=use_bfloat16,
        use_cpu=device.type == "cpu",
    )


def main(
    path: Annotated[Path, Parameter(help="Table with a column `title`.")],
    n_steps: Annotated[int, Parameter(help="Optimizer steps of a round.")] = 4,
    batch_size: Annotated[int, Parameter(help="Windows per batch.")] = 64,
    n_headlines: Annotated[int, Parameter(help="Number of headlines.")] = 20_000,
    rounds: timing.Rounds = 3,
    output: timing.Output = timing.RESULTS / "headline_training.json",
) -> None:
    """Time training steps of each implementation; print and write tokens per second."""
    train = load_headlines(path, n_headlines=n_headlines).train
    tokenizer = train_headline_tokenizer(train)
    eos_token_id = tokenizer.eos_token_id
    config = GPTConfig(tokenizer.vocab_size)
    tokens_per_batch = batch_size * config.block_size
    n_tokens = n_steps * tokens_per_batch
    stream = tokenizer.stream(train)[: n_tokens + 1]
    batches = TokenStreamBatchLoader(stream, config.block_size, batch_size)
    one_window = TokenStreamBatchLoader(stream[: config.block_size + 1], config.block_size, 1)
    padded_batches = one_headline_per_row(
        tokenizer(train), eos_token_id, n_tokens, tokens_per_batch
    )
    use_bfloat16 = torch.cuda.is_available() or cpu_has_bfloat16()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    compiled = GPT(config, eos_token_id)
    vars(compiled)["hidden_states"] = torch.compile(compiled.hidden_states)

    def wholescript(
        objective: NextTokenObjective, loader: BatchLoader = batches, model: GPT | None = None
    ) -> Callable[[], None]:
        return lambda: train_wholescript(
            model or GPT(config, eos_token_id), loader, one_window, objective
        )

    default = NextTokenObjective(use_bfloat16)
    implementations: dict[str, Callable[[], None]] = {
        "wholescript": wholescript(default),
        "float32": wholescript(NextTokenObjective(False)),
        "no_micro_batches": wholescript(
            NextTokenObjective(use_bfloat16, tokens_per_forward=n_tokens)
        ),
        "compiled": wholescript(default, model=compiled),
        "one_headline_per_row": wholescript(default, padded_batches),
        "plain_pytorch": lambda: train_plain(config, batches, device),
        "transformers": lambda: train_transformers(config, batches, device, use_bfloat16),
    }
    timers = {name: partial(_seconds_of, train) for name, train in implementations.items()}
    seconds = timing.time_alternately(timers, rounds)
    result = {
        "batch_size": batch_size,
        "steps": n_steps,
        "bfloat16": use_bfloat16,
        **timing.machine(),
        "seconds": seconds,
        "tokens_per_second": {
            name: round(n_tokens / median(times)) for name, times in seconds.items()
        },
        "speedup_of_wholescript": {
            name: timing.median_ratio(times, seconds["wholescript"])
            for name, times in seconds.items()
            if name != "wholescript"
        },
    }
    timing.write_result(output, result)


def _seconds_of(train: Callable[[], None]) -> float:
    torch.manual_seed(0)
    return timing.seconds_of(train)


if __name__ == "__main__":
    run(main)
