"""Export of a fine-tuned decoder as a folder that transformers reads."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from tokenizers.processors import TemplateProcessing
from transformers import LlamaModel

from wholescript.errors import ParameterError
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.models.decoder_classifier import DecoderClassifier
from wholescript.models.exported_llama import LlamaClassifierWithBias


def export_classifier(
    network: Any, classes: Sequence[str], max_length: int, folder: Path, name: str
) -> None:
    """Write a `DecoderClassifier` of the Llama family, adapters merged, with its tokenizer.

    The tokenizer puts the first token before each text and truncates to `max_length` with
    `truncation=True`. `name` is that of the model in the error.

    Raises:
        ParameterError: the network is another, or `folder` is not empty.
    """
    base = copy.deepcopy(network.base) if isinstance(network, DecoderClassifier) else None
    if isinstance(base, PeftModel):
        base = base.merge_and_unload()
    if not isinstance(base, LlamaModel):
        raise ParameterError(
            f"{name} cannot be exported: only a fine-tuned decoder of the Llama family, such as "
            "smollm2, is a model of transformers; `save` stores every model"
        )
    if folder.exists() and any(folder.iterdir()):
        raise ParameterError(f"{folder} is not empty: choose another folder")
    decoder = network.decoder
    config = copy.deepcopy(base.config)
    config.num_labels = len(classes)
    config.id2label = dict(enumerate(classes))
    config.label2id = {label: number for number, label in enumerate(classes)}
    config.pad_token_id = decoder.bos_token_id
    with quiet_loading():
        exported: Any = LlamaClassifierWithBias(config)
        exported.model.load_state_dict(base.state_dict())
        exported.score.load_state_dict(network.head[-1].state_dict())
        exported.to(torch.float32)
        LlamaClassifierWithBias.register_for_auto_class("AutoModelForSequenceClassification")
        exported.save_pretrained(folder)
        tokenizer = copy.deepcopy(decoder.tokenizer)
        first: Any = tokenizer.convert_ids_to_tokens(decoder.bos_token_id)
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{first} $A", special_tokens=[(first, decoder.bos_token_id)]
        )
        tokenizer.pad_token, tokenizer.padding_side = first, "right"
        tokenizer.model_max_length = max_length
        tokenizer.save_pretrained(folder)
