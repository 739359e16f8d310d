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
from wholescript.studies.headlines.objectives import StreamBatches
from wholescript.studies.headlines.tokenizer import train_title_tokens
from wholescript.training.batches import Batches
from wholescript.training.documents import IntArray, TextBatches
from wholescript.training.language_model import NextToken
from wholescript.training.loop import TrainingSettings, fit

RATE = 3e-4


class PlainBlock(nn.Module):
    """A block as GPT-2 has it, of PyTorch's own layers."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.share = heads, dropout
        self.before = nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Map (n, length, width) to the same."""
        n, length, width = states.shape
        parts = self.qkv(self.before(states)).view(n, length, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        share = self.share if self.training else 0.0
        read = scaled_dot_product_attention(query, key, value, dropout_p=share, is_causal=True)
        states = states + self.dropout(self.project(read.transpose(1, 2).reshape(n, length, width)))
        return states + self.feedforward(states)


class Plain(nn.Module):
    """The whole model: tokens and places in, logits of the next tokens out, one matrix for both."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocabulary, config.width)
        self.places = nn.Embedding(config.context, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.Sequential(
            *(PlainBlock(config.width, config.heads, config.dropout) for _ in range(config.layers))
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, ids: Tensor) -> Tensor:
        """Map (n, length) to (n, length, vocabulary)."""
        states = self.dropout(self.tokens(ids) + self.places.weight[: ids.shape[1]])
        return self.norm(self.blocks(states)) @ self.tokens.weight.T


def one_a_row(titles: Sequence[IntArray], end: int, tokens: int, a_batch: int) -> TextBatches:
    """Return titles, each after an end of a title, that have about so many tokens to predict."""
    rows = [np.concatenate([[end], ids]) for ids in titles]
    rows = rows[: int(np.searchsorted(np.cumsum([len(ids) - 1 for ids in rows]), tokens)) + 1]
    size = round(a_batch * len(rows) / tokens)
    return TextBatches(rows, np.zeros(len(rows), np.int64), size)


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
    tokens = train_title_tokens(found.train)
    config = GPTConfig(tokens.vocabulary)
    count = steps * batch_size * config.context
    batches = StreamBatches(tokens.stream(found.train)[: count + 1], config.context, batch_size)
    titles_alone = one_a_row(tokens(found.train), tokens.end, count, batch_size * config.context)
    half = torch.cuda.is_available() or cpu_has_bfloat16()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    compiled = GPT(config, tokens.end)
    vars(compiled)["states"] = torch.compile(compiled.states)

    def ours(
        way: NextToken, rows: Batches = batches, model: GPT | None = None
    ) -> Callable[[], None]:
        def run() -> None:
            few = StreamBatches(batches.stream[: config.context + 1], config.context, 1)
            settings = TrainingSettings(epochs=1, learning_rate=RATE)
            network = model or GPT(config, tokens.end)
            fit(network, rows, few, settings, seed=0, loss=cross_entropy, way=way)

        return run

    def plain() -> None:
        model = Plain(config).to(device)
        optimizer = torch.optim.AdamW(model.parameters(), RATE)
        for batch in (each.to(device) for each in batches.shuffled(0)):
            logits = model(batch.input_ids[:, :-1])
            loss = cross_entropy(logits.flatten(0, 1), batch.input_ids[:, 1:].flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    def theirs() -> None:
        shape = GPT2Config(
            vocab_size=config.vocabulary,
            n_positions=config.context,
            n_embd=config.width,
            n_layer=config.layers,
            n_head=config.heads,
        )
        rows = [
            {"input_ids": ids, "labels": ids}
            for batch in batches.shuffled(0)
            for ids in batch.input_ids[:, :-1]
        ]
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder,
                per_device_train_batch_size=batch_size,
                num_train_epochs=1,
                learning_rate=RATE,
                bf16=half,
                use_cpu=device.type == "cpu",
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
            )
            Trainer(GPT2LMHeadModel(shape), arguments, train_dataset=rows).train()

    contestants: dict[str, Callable[[], None]] = {
        "wholescript": ours(NextToken(half)),
        "float32": ours(NextToken(False)),
        "whole batches": ours(NextToken(half, at_once=count)),
        "compiled": ours(NextToken(half), model=compiled),
        "a title a row": ours(NextToken(half), titles_alone),
        "plain": plain,
        "transformers": theirs,
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        names = list(contestants) if number % 2 else list(reversed(contestants))
        for name in names:
            torch.manual_seed(0)
            start = perf_counter()
            contestants[name]()
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
