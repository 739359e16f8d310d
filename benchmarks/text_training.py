"""Training speed of a classifier from scratch: this package, and the transformers Trainer.

    wholescript data prepare banking77 --path FOLDER
    python benchmarks/text_training.py banking77

Both train the same model on the same tokens with AdamW, batch size and precision, alternately, on
the same cores. Each forms batches of texts of similar length in its own way. Nothing is evaluated,
saved or logged.
"""

from functools import partial
from statistics import median
from typing import Annotated, Any

import numpy as np
import timing
import torch
from cyclopts import Parameter, run
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers_trainer import train_one_epoch

from wholescript.data.labelled import read_labelled_dataset
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.features.tokenizers import build_subword_tokenizer
from wholescript.files import ROOT
from wholescript.models.transformer_classifier import CausalTransformerClassifier
from wholescript.training.batches import DocumentBatchLoader
from wholescript.training.loop import TrainConfig, fit
from wholescript.training.objectives.documents import ClassificationObjective

MAX_LENGTH = 256


class TrainerModel(nn.Module):
    """The classifier with the interface of the Trainer: labels in, loss out."""

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
    data: Annotated[str, Parameter(help="Name of a prepared data set.")] = "banking77",
    size: Annotated[str, Parameter(help="Model size: tiny | small | medium | large.")] = "small",
    n_documents: Annotated[int, Parameter(help="Number of training documents.")] = 2_000,
    batch_size: Annotated[int, Parameter(help="Batch size in documents.")] = 32,
    rounds: timing.Rounds = 5,
    output: timing.Output = timing.RESULTS / "text_training.json",
) -> None:
    """Time epochs of both implementations; print and write documents per second."""
    split = read_labelled_dataset(ROOT / "_build" / "labelled" / data).splits["train"]
    tokenizer = build_subword_tokenizer("bpe", split.texts)
    tokens = [ids[:MAX_LENGTH] for ids in tokenizer(split.texts[:n_documents])]
    labels, n_classes = split.labels[:n_documents], int(split.labels.max()) + 1
    bfloat16 = cpu_has_bfloat16()

    def train_wholescript() -> None:
        torch.manual_seed(0)
        model = CausalTransformerClassifier(tokenizer.vocab_size, n_classes, size)
        train_loader = DocumentBatchLoader(tokens, labels, batch_size)
        val_loader = DocumentBatchLoader(tokens[:batch_size], labels[:batch_size], batch_size)
        fit(
            model, train_loader, val_loader, TrainConfig(epochs=1), seed=0, loss=cross_entropy,
            objective=ClassificationObjective(bfloat16),
        )  # fmt: skip

    def train_transformers() -> None:
        torch.manual_seed(0)
        model = TrainerModel(CausalTransformerClassifier(tokenizer.vocab_size, n_classes, size))
        examples = [
            {"input_ids": ids, "labels": label, "length": len(ids)}
            for ids, label in zip(tokens, labels.tolist(), strict=True)
        ]
        train_one_epoch(
            model,
            examples,
            data_collator=_pad_batch,
            per_device_train_batch_size=batch_size,
            learning_rate=1e-3,
            bf16=bfloat16,
            use_cpu=True,
            train_sampling_strategy="group_by_length",
            length_column_name="length",
            remove_unused_columns=False,
        )

    trainings = {"wholescript": train_wholescript, "transformers": train_transformers}
    timers = {name: partial(timing.seconds_of, train) for name, train in trainings.items()}
    seconds = timing.time_alternately(timers, rounds)
    result = {
        "data": data,
        "size": size,
        "n_documents": n_documents,
        "batch_size": batch_size,
        "bfloat16": bfloat16,
        **timing.machine(),
        "seconds": seconds,
        "documents_per_second": {
            name: round(n_documents / median(times), 1) for name, times in seconds.items()
        },
        "speedup": timing.median_ratio(seconds["transformers"], seconds["wholescript"]),
    }
    timing.write_result(output, result)


def _pad_batch(examples: list[dict[str, Any]]) -> dict[str, Tensor]:
    ids = [torch.from_numpy(np.asarray(one["input_ids"])) for one in examples]
    padded = nn.utils.rnn.pad_sequence(ids, batch_first=True)
    lengths = torch.tensor([len(each) for each in ids])
    return {
        "input_ids": padded,
        "attention_mask": torch.arange(padded.shape[1]) < lengths[:, None],
        "labels": torch.tensor([one["labels"] for one in examples]),
    }


if __name__ == "__main__":
    run(main)
