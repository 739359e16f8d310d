"""How fast a classifier from scratch trains: our loop beside the Trainer of transformers.

    wholescript prepare banking77 --path FOLDER
    python benchmarks/text_training.py banking77

Both train the same model on the same tokens in batches of the same size with AdamW, in the same
precision, on the same cores, in turns and in one run. Each sorts texts of about one length into a
batch in its own way. Nothing is evaluated, saved or logged.
"""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm
from transformers import Trainer, TrainingArguments

from wholescript.data.labelled import read_labelled_dataset
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.features.tokenizers import build_subword_tokenizer
from wholescript.files import ROOT, write_atomic
from wholescript.models.transformer_classifier import CausalTransformerClassifier
from wholescript.training.document_batches import ClassificationObjective, DocumentBatchLoader
from wholescript.training.loop import TrainConfig, fit

MAX_LENGTH = 256
RESULT = ROOT / "benchmarks" / "results" / "text_training.json"


class TrainerModel(nn.Module):
    """The classifier as the Trainer wants it: labels in, loss out."""

    def __init__(self, network: CausalTransformerClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """Return loss and logits."""
        logits = self.network(input_ids, attention_mask)
        return {"loss": cross_entropy(logits.float(), labels), "logits": logits}


def main(
    data: Annotated[str, typer.Argument(help="A prepared set, by name.")] = "banking77",
    size: Annotated[str, typer.Option(help="tiny | small | medium | large")] = "small",
    texts: Annotated[int, typer.Option(help="Of the training split.")] = 2_000,
    batch_size: Annotated[int, typer.Option()] = 32,
    rounds: Annotated[int, typer.Option(help="Epochs that each trains, in turns.")] = 5,
    output: Annotated[Path, typer.Option()] = ROOT
    / "benchmarks"
    / "results"
    / "text_training.json",
) -> None:
    """Train an epoch by each in turns, print texts a second, and write them as JSON."""
    split = read_labelled_dataset(ROOT / "_build" / "labelled" / data).splits["train"]
    pieces = build_subword_tokenizer("bpe", split.texts)
    tokens = [ids[:MAX_LENGTH] for ids in pieces(split.texts[:texts])]
    labels, classes = split.labels[:texts], int(split.labels.max()) + 1
    bfloat16 = cpu_has_bfloat16()

    def ours() -> None:
        torch.manual_seed(0)
        model = CausalTransformerClassifier(pieces.vocab_size, classes, size)
        batches = DocumentBatchLoader(tokens, labels, batch_size)
        few = DocumentBatchLoader(tokens[:batch_size], labels[:batch_size], batch_size)
        fit(
            model, batches, few, TrainConfig(epochs=1), seed=0, loss=cross_entropy,
            objective=ClassificationObjective(bfloat16),
        )  # fmt: skip

    def theirs() -> None:
        torch.manual_seed(0)
        model = TrainerModel(CausalTransformerClassifier(pieces.vocab_size, classes, size))
        rows = [
            {"input_ids": ids, "labels": label, "length": len(ids)}
            for ids, label in zip(tokens, labels.tolist(), strict=True)
        ]
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder,
                per_device_train_batch_size=batch_size,
                num_train_epochs=1,
                learning_rate=1e-3,
                max_grad_norm=1.0,
                bf16=bfloat16,
                use_cpu=True,
                train_sampling_strategy="group_by_length",
                length_column_name="length",
                remove_unused_columns=False,
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
            )
            Trainer(model, arguments, data_collator=_padded, train_dataset=rows).train()

    models_compared: dict[str, Callable[[], None]] = {"wholescript": ours, "transformers": theirs}
    seconds: dict[str, list[float]] = {name: [] for name in models_compared}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        names = list(models_compared) if number % 2 else list(reversed(models_compared))
        for name in names:
            start = perf_counter()
            models_compared[name]()
            if number:  # the first round warms up
                seconds[name].append(round(perf_counter() - start, 3))
    speed = {name: texts / median(times) for name, times in seconds.items()}
    ratio = speed["wholescript"] / speed["transformers"]
    found = {
        "data": data,
        "size": size,
        "texts": texts,
        "batch_size": batch_size,
        "bfloat16": bfloat16,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "seconds": seconds,
        "texts_per_second": {name: round(value, 1) for name, value in speed.items()},
        "ratio": round(ratio, 3),
    }
    write_atomic(output, json.dumps(found, indent=2) + "\n")
    Console().print(found)


def _padded(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
    ids = [torch.from_numpy(np.asarray(row["input_ids"])) for row in rows]
    padded = nn.utils.rnn.pad_sequence(ids, batch_first=True)
    lengths = torch.tensor([len(one) for one in ids])
    return {
        "input_ids": padded,
        "attention_mask": torch.arange(padded.shape[1]) < lengths[:, None],
        "labels": torch.tensor([row["labels"] for row in rows]),
    }


if __name__ == "__main__":
    typer.run(main)
