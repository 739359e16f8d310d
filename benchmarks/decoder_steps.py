"""A pretrained decoder with LoRA adapters, and training steps on random tokens."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from wholescript.features.pretrained_decoders import load_pretrained_lm
from wholescript.models.decoder_classifier import DecoderClassifier


def lora_classifier(model: str, n_classes: int) -> DecoderClassifier:
    """Return a classifier with LoRA adapters, in training mode."""
    torch.manual_seed(0)
    return DecoderClassifier(load_pretrained_lm(model), n_classes, "lora").train()


def random_ids(n_texts: int, n_tokens: int) -> Tensor:
    """Return random token ids, (n_texts, n_tokens) int64."""
    return torch.randint(5, 30_000, (n_texts, n_tokens))


def training_step(
    model: nn.Module, ids: Tensor, forward: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
) -> None:
    """Run `forward(ids, mask)`, which returns logits and targets, in bfloat16, and backward."""
    model.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16):
        logits, targets = forward(ids, torch.ones_like(ids, dtype=torch.bool))
    cross_entropy(logits.float(), targets).backward()
