"""The class of an exported Llama classifier; its file is copied into the exported folder.

It imports nothing of wholescript, so that the folder is read without it.
"""

from typing import Any

from torch import nn
from transformers import LlamaForSequenceClassification


class LlamaClassifierWithBias(LlamaForSequenceClassification):
    """A Llama with a classification head on the last token that, unlike its base, has a bias."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.score = nn.Linear(config.hidden_size, config.num_labels)
