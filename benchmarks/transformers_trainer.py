"""One epoch of training with the Trainer of transformers; nothing is evaluated or saved."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn
from transformers import Trainer, TrainingArguments


def train_one_epoch(
    model: nn.Module,
    examples: Sequence[Mapping[str, Any]],
    *,
    data_collator: Callable[..., Any] | None = None,
    **arguments: Any,
) -> None:
    """Train on `examples`, inputs of the model by name; `arguments` are `TrainingArguments`."""
    with tempfile.TemporaryDirectory() as folder:
        training_arguments = TrainingArguments(
            folder,
            num_train_epochs=1,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            **arguments,
        )
        Trainer(
            model, training_arguments, data_collator=data_collator, train_dataset=examples
        ).train()
