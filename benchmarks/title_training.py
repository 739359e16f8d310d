"""How fast a GPT of titles trains: ours beside plain PyTorch and the Trainer of transformers.

    python benchmarks/title_training.py titles.parquet

The same shape (6 blocks of 8 heads, 512 wide), the same windows of titles, batches of the same
size and AdamW, on the same cores or graphics card, in turns and in one run. *plain* is what nanoGPT
does without a compiler, written in PyTorch's own layers and run eagerly in float32; *transformers*
is its GPT-2 under its Trainer, in half precision where the machine is quick at that. *ours* comes
in variants too, each without or with one thing: in float32; with whole batches read at once;
compiled; and with a title a row, padded, in place of windows of the stream. Nothing is evaluated,
saved or logged. What is compiled is so before the clock starts; padding counts for no token.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from tqdm.auto import tqdm
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

from wholescript.data.headlines import load_headlines
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.files import ROOT, write_atomic
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.publish.notebook import device_name
from wholescript.studies.headlines.objectives import TokenStreamBatchLoader
from wholescript.studies.headlines.tokenizer import train_headline_tokenizer
from wholescript.training.batches import BatchLoader
from wholescript.training.documents import DocumentBatchLoader, IntArray
from wholescript.training.language_model import NextTokenObjective
from wholescript.training.loop import TrainConfig, fit

LEARNING_RATE = 3e-4


class PlainGPTBlock(nn.Module):
    """A block as GPT-2 has it, of PyTorch's own layers."""

    def __init__(self, d_model: int, n_head: int, dropout: float) -> None:
        super().__init__()
        self.n_head, self.share = n_head, dropout
        self.before = nn.LayerNorm(d_model)
        self.qkv, self.project = nn.Linear(d_model, 3 * d_model), nn.Linear(d_model, d_model)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, 4 * d_model),
            nn.GELU(),
            nn.Linear(4 * d_model, d_model),
            nn.Dropout(dropout),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Map (n, length, width) to the same."""
        n, length, d_model = states.shape
        parts = self.qkv(self.before(states)).view(n, length, 3, self.n_head, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        share = self.share if self.training else 0.0
        read = scaled_dot_product_attention(query, key, value, dropout_p=share, is_causal=True)
        states = states + self.dropout(
            self.project(read.transpose(1, 2).reshape(n, length, d_model))
        )
        return states + self.feedforward(states)


class PlainGPT(nn.Module):
    """The whole model: tokens and places in, logits of the next tokens out, one matrix for both."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.places = nn.Embedding(config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.Sequential(
            *(
                PlainGPTBlock(config.d_model, config.n_head, config.dropout)
                for _ in range(config.n_layer)
            )
        )
        self.norm = nn.LayerNorm(config.d_model)

    def forward(self, ids: Tensor) -> Tensor:
        """Map (n, length) to (n, length, vocabulary)."""
        states = self.dropout(self.tokens(ids) + self.places.weight[: ids.shape[1]])
        return self.norm(self.blocks(states)) @ self.tokens.weight.T


def one_headline_per_row(
    titles: Sequence[IntArray], eos_token_id: int, tokens: int, tokens_per_batch: int
) -> DocumentBatchLoader:
    """Return titles, each after an end of a title, that have about so many tokens to predict."""
    rows = [np.concatenate([[eos_token_id], ids]) for ids in titles]
    rows = rows[: int(np.searchsorted(np.cumsum([len(ids) - 1 for ids in rows]), tokens)) + 1]
    size = round(tokens_per_batch * len(rows) / tokens)
    return DocumentBatchLoader(rows, np.zeros(len(rows), np.int64), size)


def main(
    titles: Annotated[Path, typer.Argument(help="A table with a column `title`.")],
    steps: Annotated[int, typer.Option(help="That each trains a round.")] = 4,
    batch_size: Annotated[int, typer.Option()] = 64,
    number: Annotated[int, typer.Option("--titles", help="Of the table.")] = 20_000,
    rounds: Annotated[int, typer.Option(help="In turns.")] = 3,
    output: Annotated[Path, typer.Option()] = ROOT
    / "benchmarks"
    / "results"
    / "title_training.json",
) -> None:
    """Train some steps by each in turns, print tokens a second, and write them as JSON."""
    found = load_headlines(titles, titles=number)
    tokens = train_headline_tokenizer(found.train)
    config = GPTConfig(tokens.vocab_size)
    count = steps * batch_size * config.block_size
    batches = TokenStreamBatchLoader(
        tokens.stream(found.train)[: count + 1], config.block_size, batch_size
    )
    titles_alone = one_headline_per_row(
        tokens(found.train), tokens.eos_token_id, count, batch_size * config.block_size
    )
    half = torch.cuda.is_available() or cpu_has_bfloat16()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    compiled = GPT(config, tokens.eos_token_id)
    vars(compiled)["states"] = torch.compile(compiled.states)

    def ours(
        objective: NextTokenObjective, rows: BatchLoader = batches, model: GPT | None = None
    ) -> Callable[[], None]:
        def run() -> None:
            few = TokenStreamBatchLoader(
                batches.stream[: config.block_size + 1], config.block_size, 1
            )
            settings = TrainConfig(epochs=1, learning_rate=LEARNING_RATE)
            network = model or GPT(config, tokens.eos_token_id)
            fit(network, rows, few, settings, seed=0, loss=cross_entropy, objective=objective)

        return run

    def plain() -> None:
        model = PlainGPT(config).to(device)
        optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE)
        for batch in (each.to(device) for each in batches.train_batches(0)):
            logits = model(batch.input_ids[:, :-1])
            loss = cross_entropy(logits.flatten(0, 1), batch.input_ids[:, 1:].flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    def theirs() -> None:
        shape = GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.block_size,
            n_embd=config.d_model,
            n_layer=config.n_layer,
            n_head=config.n_head,
        )
        rows = [
            {"input_ids": ids, "labels": ids}
            for batch in batches.train_batches(0)
            for ids in batch.input_ids[:, :-1]
        ]
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder,
                per_device_train_batch_size=batch_size,
                num_train_epochs=1,
                learning_rate=LEARNING_RATE,
                bf16=half,
                use_cpu=device.type == "cpu",
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
            )
            Trainer(GPT2LMHeadModel(shape), arguments, train_dataset=rows).train()

    models_compared: dict[str, Callable[[], None]] = {
        "wholescript": ours(NextTokenObjective(half)),
        "float32": ours(NextTokenObjective(False)),
        "whole batches": ours(NextTokenObjective(half, tokens_per_forward=count)),
        "compiled": ours(NextTokenObjective(half), model=compiled),
        "a title a row": ours(NextTokenObjective(half), titles_alone),
        "plain": plain,
        "transformers": theirs,
    }
    seconds: dict[str, list[float]] = {name: [] for name in models_compared}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        names = list(models_compared) if number % 2 else list(reversed(models_compared))
        for name in names:
            torch.manual_seed(0)
            start = perf_counter()
            models_compared[name]()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number:  # the first round warms up
                seconds[name].append(round(perf_counter() - start, 3))
    speed = {name: count / median(times) for name, times in seconds.items()}
    result = {
        "batch_size": batch_size,
        "steps": steps,
        "bfloat16": half,
        "threads": torch.get_num_threads(),
        "device": device_name(),
        "seconds": seconds,
        "tokens_per_second": {name: round(value) for name, value in speed.items()},
        "ratios": {name: round(speed["wholescript"] / speed[name], 3) for name in list(speed)[1:]},
    }
    write_atomic(output, json.dumps(result, indent=2) + "\n")
    Console().print(result)


if __name__ == "__main__":
    typer.run(main)
