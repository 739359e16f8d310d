"""Time of a training step with LoRA adapters: unmodified peft, and this package's modules.

    python benchmarks/adapters.py

Both train the same model on the same random tokens and labels, alternately, on the same cores. On a
CPU `models.adapters` replaces the fused attention kernel, whose backward pass is slow there, by
plain attention, and the dropout modules by a faster one.
"""

from functools import partial
from typing import Annotated

import timing
import torch
from cyclopts import Parameter, run
from decoder_steps import lora_classifier, random_ids, training_step
from torch import Tensor, nn
from tqdm import tqdm

from wholescript.models.decoder_classifier import DecoderClassifier
from wholescript.models.dropout import FastDropout

N_CLASSES = 77
BATCH_SHAPES = ((32, 16), (16, 64), (4, 256))  # number of texts, tokens per text


def main(
    model: Annotated[
        str, Parameter(help="Pretrained model: smollm2, a folder or a hub name.")
    ] = "smollm2",
    rounds: timing.Rounds = 4,
    output: timing.Output = timing.RESULTS / "adapters.json",
) -> None:
    """Time training steps of both implementations; print and write seconds and speedup."""
    models = {
        "peft": _unpatched(lora_classifier(model, N_CLASSES)),
        "wholescript": lora_classifier(model, N_CLASSES),
    }
    seconds = {}
    for n_texts, n_tokens in tqdm(BATCH_SHAPES, desc="batch shapes"):
        ids = random_ids(n_texts, n_tokens)
        labels = torch.randint(0, N_CLASSES, (n_texts,))
        timers = {
            n: partial(timing.seconds_of, _step, network, ids, labels)
            for n, network in models.items()
        }
        seconds[f"{n_texts} x {n_tokens}"] = timing.time_alternately(timers, rounds)
    result = {
        "model": model,
        **timing.machine(),
        "seconds": seconds,
        "speedup": {
            shape: timing.median_ratio(times["peft"], times["wholescript"])
            for shape, times in seconds.items()
        },
    }
    timing.write_result(output, result)


def _unpatched(network: DecoderClassifier) -> DecoderClassifier:
    """Restore PyTorch's dropout modules and the fused attention kernel."""
    for module in network.base.modules():
        for name, child in module.named_children():
            if type(child) is FastDropout:
                setattr(module, name, nn.Dropout(child.p))
    network.base.set_attn_implementation("sdpa")
    return network


def _step(network: DecoderClassifier, ids: Tensor, labels: Tensor) -> None:
    training_step(network, ids, lambda ids, mask: (network(ids, mask), labels))


if __name__ == "__main__":
    run(main)
