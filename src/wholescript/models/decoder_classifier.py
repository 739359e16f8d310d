"""A pretrained decoder-only language model with a classification head on the last token."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from wholescript.features.pretrained_decoders import Decoder
from wholescript.models.adapters import Tuning, prepare_for_tuning
from wholescript.models.dropout import Dropout
from wholescript.models.pooling import last_token


class DecoderClassifier(nn.Module):
    """Maps token ids to class logits.

    `tuning` selects the weights that are trained besides the head (`adapters.prepare_for_tuning`).
    The model within `decoder` is changed in place, so that `lm_loss` can measure it afterwards.

    Raises:
        ParameterError: an unknown tuning, or a `lora_rank` or `lora_alpha` below 1.
    """

    def __init__(
        self,
        decoder: Decoder,
        n_classes: int,
        tuning: Tuning = "lora",
        *,
        lora_rank: int = 8,
        lora_alpha: int = 16,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.base = prepare_for_tuning(
            decoder, tuning, lora_rank=lora_rank, lora_alpha=lora_alpha, dropout=dropout
        )
        self._decoder = (decoder,)  # in a tuple: the output layer of its model is not registered
        self.head = nn.Sequential(Dropout(dropout), nn.Linear(decoder.d_model, n_classes))

    @property
    def decoder(self) -> Decoder:
        """The decoder with its tokenizer, which shares its blocks with this model."""
        return self._decoder[0]

    def unfreeze(self) -> None:
        """Make all weights trainable."""
        self.base.requires_grad_(True)

    @torch.inference_mode()
    def lm_loss(self, input_ids: Tensor) -> float:
        """Return the mean next-token loss over (n, length) ids, in nats per token.

        Its increase during fine-tuning measures catastrophic forgetting.
        """
        training = self.training
        self.eval()
        model = self._decoder[0].model
        losses = []
        # Row by row: the logits of all rows would take gigabytes.
        for ids in input_ids.to(model.device):
            logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1]
            losses.append(float(cross_entropy(logits.float(), ids[1:])))
        self.train(training)
        return sum(losses) / len(losses)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map right-padded (n, length) ids and their bool mask to logits (n, n_classes)."""
        states = self.base(
            input_ids=input_ids, attention_mask=attention_mask.long(), use_cache=False
        ).last_hidden_state
        logits: Tensor = self.head(last_token(states, attention_mask))
        return logits
