"""A pretrained decoder-only language model with a linear layer on the state of the last token."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from wholescript.features.pretrained_decoders import Decoder
from wholescript.models.adapters import Tuning, prepare_for_tuning
from wholescript.models.dropout import Dropout


class DecoderClassifier(nn.Module):
    """Maps token ids to logits of the classes.

    `tuning` says what is trained beside the last layer (`adapters.prepare_for_tuning`). The model within
    `decoder` is changed in place, so that its language can be asked of afterwards.

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
        self.base = prepare_for_tuning(decoder, tuning, rank=rank, alpha=alpha, dropout=dropout)
        self._language_model = (decoder.model,)  # in a tuple: its words are no part of the state
        self.head = nn.Sequential(Dropout(dropout), nn.Linear(decoder.d_model, classes))

    def unfreeze(self) -> None:
        """Train all weights from now on."""
        self.base.requires_grad_(True)

    @torch.inference_mode()
    def lm_loss(self, input_ids: Tensor) -> float:
        """Return the mean loss of the next token over (n, length) ids, in nats.

        What fine-tuning makes of the language that the model knew: its growth is forgetting.
        """
        training = self.training
        self.eval()  # nothing is dropped
        model = self._language_model[0].to(input_ids.device)
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
