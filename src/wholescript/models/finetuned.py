"""A pretrained decoder-only language model with a linear layer on the state of the last token."""

from typing import Any, Literal

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers.pytorch_utils import Conv1D

from wholescript.errors import ParameterError
from wholescript.features.decoders import Decoder
from wholescript.features.encoders import quiet_loading
from wholescript.models.dropout import Dropout

Tuning = Literal["full", "lora", "frozen"]


class DecoderClassifier(nn.Module):
    """Maps token ids to logits of the classes.

    `full` trains all weights; `lora` adds matrices of rank `rank` to every linear layer, scaled by
    `alpha` / `rank`, and trains these alone (Hu et al., 2021); `frozen` trains the last layer only.
    The model within `decoder` is changed in place, so that its language can be asked of afterwards.

    Raises:
        ParameterError: an unknown tuning, or a rank or an alpha below 1.
    """

    def __init__(
        self,
        decoder: Decoder,
        classes: int,
        tuning: Tuning = "lora",
        *,
        rank: int = 8,
        alpha: int = 16,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if tuning not in ("full", "lora", "frozen"):
            raise ParameterError(f"tuning={tuning!r} is none of full, lora, frozen")
        if rank < 1 or alpha < 1:
            raise ParameterError(f"rank={rank} and alpha={alpha} must be at least 1")
        base: Any = decoder.model.base_model
        base.requires_grad_(tuning == "full")
        if tuning == "lora":
            adapters = LoraConfig(
                r=rank,
                lora_alpha=alpha,
                lora_dropout=dropout,
                target_modules="all-linear",
                fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.modules()),
            )
            with quiet_loading():  # peft looks at the attribute that transformers renames
                base = get_peft_model(base, adapters)
            _draw_faster(base)
        if not torch.cuda.is_available():
            # A fused kernel saves memory, but its backward pass takes a CPU three times as long.
            decoder.model.set_attn_implementation("eager")
        self.base = base
        self._language = (decoder.model,)  # in a tuple: its words are no part of the state
        self.head = nn.Sequential(Dropout(dropout), nn.Linear(decoder.width, classes))

    def thaw(self) -> None:
        """Train all weights from now on."""
        self.base.requires_grad_(True)

    @torch.inference_mode()
    def language_loss(self, input_ids: Tensor) -> float:
        """Return the mean loss of the next token over (n, length) ids, in nats.

        What fine-tuning makes of the language that the model knew: its growth is forgetting.
        """
        training = self.training
        self.eval()  # nothing is dropped
        model = self._language[0].to(input_ids.device)
        losses = []
        for ids in input_ids:  # logits of all tokens of all rows would take gigabytes
            logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1]
            losses.append(float(cross_entropy(logits.float(), ids[1:])))
        self.train(training)
        return sum(losses) / len(losses)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (n, length) ids and mask (bool, True on the left) to logits (n, classes)."""
        states = self.base(
            input_ids=input_ids, attention_mask=attention_mask.long(), use_cache=False
        ).last_hidden_state
        # Padding stands on the right: the last position of a row is not its last token.
        last = attention_mask.sum(1) - 1
        found = states[torch.arange(len(states), device=states.device), last]
        logits: Tensor = self.head(found)
        return logits


def _draw_faster(model: nn.Module) -> None:
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p))
