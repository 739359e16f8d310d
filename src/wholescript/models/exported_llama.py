"""The class of an exported Llama classifier; its file is copied into the exported folder.

It imports nothing of wholescript, so that the folder is read without it.
"""

from torch import nn
from transformers import LlamaConfig, LlamaForSequenceClassification


class LlamaClassifierWithBias(LlamaForSequenceClassification):
    """A Llama with a classification head on the last token; unlike its base, the head has a bias."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.score = nn.Linear(config.hidden_size, config.num_labels)
